// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import HTTPForms
import Testing

@Suite struct OAuthParametersTests {
    static let headers = [
        // libmaas
        #"OAuth realm="OAuth", oauth_nonce="75914", oauth_timestamp="1700000000", oauth_version="1.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="ckey", oauth_token="tkey", oauth_signature="%26tsecret""#,
        // the maas command line, cloud-init, curtin
        #"OAuth oauth_nonce="75914", oauth_timestamp="1700000000", oauth_version="1.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="ckey", oauth_token="tkey", oauth_signature="%26tsecret""#,
        // Go clients: another order, a blank in the realm
        #"OAuth oauth_token="tkey", oauth_signature="%26tsecret", realm="MAAS+API", oauth_consumer_key="ckey", oauth_version="1.0", oauth_nonce="75914", oauth_signature_method="PLAINTEXT", oauth_timestamp="1700000000""#,
        // no blanks, no quotation marks
        "OAuth oauth_token=tkey,oauth_signature=%26tsecret,oauth_consumer_key=ckey,oauth_nonce=75914,oauth_signature_method=PLAINTEXT,oauth_timestamp=1700000000",
    ]

    @Test(arguments: headers)
    func `headers of every client are read`(_ header: String) throws {
        let parameters = try #require(try OAuthParameters.header(header))
        #expect(parameters.consumerKey == "ckey")
        #expect(parameters.token == "tkey")
        #expect(parameters.signature == OAuthParameters.plaintextSignature(tokenSecret: "tsecret"))
        #expect(parameters.timestamp == 1_700_000_000)
        #expect(parameters.nonce == "75914")
        #expect(parameters.signatureMethod == .plaintext)
    }

    @Test func `another scheme is not ours`() throws {
        #expect(try OAuthParameters.header("Basic dXNlcjpwYXNz") == nil)
        #expect(try OAuthParameters.header("OAuthX y=z") == nil)
        #expect(try OAuthParameters.fields([FormField(name: "op", value: [])]) == nil)
    }

    @Test func `missing, repeated and wrong parameters are named`() {
        #expect(throws: OAuthError.missing("oauth_signature_method")) { try OAuthParameters.header("OAuth") }
        let base = "oauth_consumer_key=a,oauth_token=b,oauth_signature=c,oauth_signature_method="
        #expect(throws: OAuthError.unsupportedMethod("RSA")) { try OAuthParameters.header("OAuth \(base)RSA,oauth_timestamp=1") }
        #expect(throws: OAuthError.badTimestamp("soon")) { try OAuthParameters.header("OAuth \(base)PLAINTEXT,oauth_timestamp=soon") }
        #expect(throws: OAuthError.repeated("oauth_token")) { try OAuthParameters.header("OAuth \(base)PLAINTEXT,oauth_timestamp=1,oauth_token=x") }
    }

    /// The example of RFC 5849, section 3.4.1.1.
    @Test func `the base string is that of the RFC`() throws {
        let header =
            #"OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7", oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_signature="bYT5CMsGcbgUdFHObYMEfcx6bsw%3D""#
        let parameters = try #require(try OAuthParameters.header(header))
        let fields =
            try URLEncodedForm.parse(Array("b5=%3D%253D&a3=a&c%40=&a2=r%20b".utf8)) + (try URLEncodedForm.parse(Array("c2&a3=2+q".utf8)))
        #expect(
            parameters.baseString(method: "POST", url: "http://example.com/request", fields: fields)
                == "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        )
    }

    @Test func `parameters in a query or a form are read`() throws {
        let fields = try URLEncodedForm.parse(
            Array(
                "op=whoami&oauth_consumer_key=c&oauth_token=t&oauth_signature_method=PLAINTEXT&oauth_signature=%26s&oauth_timestamp=5&oauth_nonce=n"
                    .utf8)
        )
        let parameters = try #require(try OAuthParameters.fields(fields))
        #expect(parameters.signature == "&s")
        #expect(parameters.signed.count == 5)
    }
}
