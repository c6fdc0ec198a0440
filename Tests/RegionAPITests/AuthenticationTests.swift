// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import HTTPClient
import HTTPForms
import JSON
import OpenSSL
import PostgresStorage
import RegionAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct AuthenticationTests {
    @Test func `a request is signed in its header, its query or its form, in plain text or by HMAC-SHA1`() async throws {
        try await TestRegion.run { region in
            let token = region.admin
            #expect(try await region.json("GET", "users/?op=whoami")["username"] == "admin")
            let fields = [
                ("oauth_consumer_key", token.consumerKey), ("oauth_token", token.tokenKey), ("oauth_signature_method", "PLAINTEXT"),
                ("oauth_signature", "&\(token.tokenSecret)"), ("oauth_timestamp", "1700000000"), ("oauth_nonce", "n"),
            ]
            let inQuery = try await region.api("GET", "users/?op=whoami", fields, anonymous: true)
            #expect(inQuery.status == 200)
            let inForm = try await region.api("POST", "zones/", fields + [("name", "signed")], anonymous: true)
            #expect(inForm.status == 200, "\(inForm.text)")

            let header = try #require(
                try OAuthParameters.header(
                    "OAuth oauth_consumer_key=\"\(token.consumerKey)\",oauth_token=\"\(token.tokenKey)\",oauth_signature_method=\"HMAC-SHA1\",oauth_timestamp=\"1700000000\",oauth_nonce=\"n\",oauth_signature=\"x\""
                )
            )
            let body = [FormField(name: "name", value: Array("by hmac co".utf8))]
            let text = header.baseString(
                method: "POST", url: "http://127.0.0.1:\(region.ports.plain)/MAAS/api/2.0/zones/", fields: body + [FormField(name: "op", value: [])]
            )
            let signature = Base64.encode(HMAC.sha1(Array(text.utf8), key: Array("&\(token.tokenSecret)".utf8)))
            let signed =
                "OAuth oauth_consumer_key=\"\(token.consumerKey)\",oauth_token=\"\(token.tokenKey)\",oauth_signature_method=\"HMAC-SHA1\",oauth_timestamp=\"1700000000\",oauth_nonce=\"n\",oauth_signature=\"\(PercentCoding.encode(signature))\""
            for (name, expected) in [("by hmac co", 200), ("changed", 401)] {
                let answer = try await region.client.send(
                    HTTPRequest(
                        method: "POST", url: region.url("/MAAS/api/2.0/zones/?op="),
                        headers: [HTTPHeader("Authorization", signed), HTTPHeader("Content-Type", "application/x-www-form-urlencoded")],
                        body: Array(URLEncodedForm.encode([("name", name)]).utf8)
                    )
                )
                #expect(answer.status == expected, "\(answer.text)")
            }
        }
    }

    @Test func `wrong, missing and foreign keys get 401`() async throws {
        try await TestRegion.run { region in
            var wrong = region.admin
            wrong.tokenSecret += "x"
            #expect(try await region.api("GET", "users/?op=whoami", as: wrong).status == 401)
            wrong = region.admin
            wrong.tokenKey = "unknown"
            #expect(try await region.api("GET", "users/?op=whoami", as: wrong).status == 401)
            wrong = region.admin
            wrong.consumerKey = "other"
            #expect(try await region.api("GET", "users/?op=whoami", as: wrong).status == 401)
            #expect(try await region.api("GET", "users/?op=whoami", anonymous: true).status == 401)
            #expect(try await region.api("POST", "account/?op=create_authorisation_token", anonymous: true).status == 401)
            #expect(try await region.api("GET", "version/", as: wrong).status == 200)
            let machine = try await region.json(
                "POST", "machines/", [("architecture", "amd64"), ("mac_addresses", "52:54:00:00:00:09"), ("commission", "false")]
            )
            let id = try #require(machine["system_id"]?.stringValue.flatMap { SystemID($0) })
            let token = try await region.store.transaction { try await $0.machineToken(id) }
            #expect(try await region.api("GET", "machines/", as: token).status == 401)
            let metadata = try await region.client.get(
                region.url("/MAAS/metadata/2012-03-01/meta-data/instance-id"), headers: [HTTPHeader("Authorization", TestRegion.oauth(region.admin))]
            )
            #expect(metadata.status == 401)
        }
    }

    @Test func `a password gives a key; guessing is slowed down`() async throws {
        var limits = RegionAPILimits()
        limits.maximumPasswordFailures = 3
        try await TestRegion.run(limits: limits) { region in
            func logIn(_ name: String, _ password: String) async throws -> HTTPResponse {
                try await region.client.send(
                    HTTPRequest(
                        method: "POST", url: region.url("/MAAS/accounts/authenticate/"),
                        headers: [HTTPHeader("Content-Type", "application/x-www-form-urlencoded")],
                        body: Array(URLEncodedForm.encode([("username", name), ("password", password), ("consumer", "test")]).utf8)
                    )
                )
            }
            let answer = try JSONValue(parsing: try await logIn("admin", "secret").body)
            let token = APIToken(
                consumerKey: answer["consumer_key"]?.stringValue ?? "", tokenKey: answer["token_key"]?.stringValue ?? "",
                tokenSecret: answer["token_secret"]?.stringValue ?? "", name: ""
            )
            #expect(try await region.json("GET", "users/?op=whoami", as: token)["username"] == "admin")
            #expect(try await logIn("nobody", "secret").status == 403)
            for _ in 0..<3 { #expect(try await logIn("admin", "wrong").status == 403) }
            #expect(try await logIn("admin", "secret").status == 429)
        }
    }

    @Test func `users see free machines and their own, and administrate nothing`() async throws {
        try await TestRegion.run { region in
            let user = try await region.json(
                "POST", "users/", [("username", "eve"), ("email", "e@example.com"), ("password", "pw"), ("is_superuser", "0")])
            #expect(user["is_superuser"] == false)
            let eve = try await region.store.transaction { try await $0.createToken(user: "eve", name: "") }
            let machine = try await region.json(
                "POST", "machines/", [("architecture", "amd64"), ("mac_addresses", "52:54:00:00:00:09"), ("commission", "false")]
            )
            let id = try #require(machine["system_id"]?.stringValue)
            #expect(try await region.json("GET", "machines/", as: eve) == [])
            #expect(try await region.api("GET", "machines/\(id)/", as: eve).status == 403)
            for (method, path) in [
                ("POST", "zones/"), ("POST", "machines/\(id)/?op=commission"), ("DELETE", "machines/\(id)/"),
                ("GET", "machines/?op=power_parameters"),
                ("POST", "users/"), ("POST", "maas/?op=set_config"), ("PUT", "machines/\(id)/"), ("POST", "boot-resources/?op=import"),
            ] {
                #expect(try await region.api(method, path, [("name", "x"), ("value", "y")], as: eve).status == 403, "\(method) \(path)")
            }
        }
    }

    @Test func `keys are listed, renamed and deleted`() async throws {
        try await TestRegion.run { region in
            let token = try await region.json("POST", "account/?op=create_authorisation_token", [("name", "ci")])
            let key = try #require(token["token_key"]?.stringValue)
            #expect(try await region.json("GET", "account/?op=list_authorisation_tokens").arrayValue?.count == 2)
            #expect(try await region.api("POST", "account/?op=update_token_name", [("token", key), ("name", "new")]).status == 200)
            #expect(try await region.json("GET", "account/?op=list_authorisation_tokens").arrayValue?.contains { $0["name"] == "new" } == true)
            #expect(try await region.api("POST", "account/?op=delete_authorisation_token", [("token_key", key)]).status == 204)
            #expect(try await region.api("POST", "account/?op=delete_authorisation_token", [("token_key", key)]).status == 404)
            let sshKey = try await region.json("POST", "account/prefs/sshkeys/", [("key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHq8 me")])
            let id = try #require(sshKey["id"]?.intValue)
            #expect(try await region.api("POST", "account/prefs/sshkeys/", [("key", "nonsense")]).status == 400)
            #expect(try await region.json("GET", "account/prefs/sshkeys/").arrayValue?.count == 1)
            #expect(try await region.api("DELETE", "account/prefs/sshkeys/\(id)/").status == 204)
        }
    }
}
