// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The OAuth 1.0 parameters of a request (RFC 5849, section 3.1), from the header, the query or a form body.
public struct OAuthParameters: Sendable, Hashable {
    public enum SignatureMethod: String, Sendable, Hashable, CaseIterable {
        case plaintext = "PLAINTEXT"
        case hmacSHA1 = "HMAC-SHA1"
    }

    public var consumerKey: String
    public var token: String
    public var signatureMethod: SignatureMethod
    public var signature: String
    /// Unix seconds.
    public var timestamp: Int
    public var nonce: String
    /// All of them but the realm and the signature, for the base string.
    public var signed: [(name: String, value: String)]

    public static func == (left: Self, right: Self) -> Bool {
        left.consumerKey == right.consumerKey && left.token == right.token && left.signatureMethod == right.signatureMethod
            && left.signature == right.signature && left.timestamp == right.timestamp && left.nonce == right.nonce
            && left.signed.elementsEqual(right.signed) { $0 == $1 }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.consumerKey)
        hasher.combine(self.token)
        hasher.combine(self.signature)
    }

    /// Reads the parameters of an `Authorization` header.
    ///
    /// - Returns: nil when the header's scheme is not OAuth.
    public static func header(_ text: String) throws(OAuthError) -> OAuthParameters? {
        let trimmed = text.drop { $0 == " " }
        guard trimmed.prefix(5).lowercased() == "oauth", trimmed.dropFirst(5).first.map({ $0 == " " || $0 == "\t" }) ?? true else { return nil }
        guard trimmed.utf8.count <= 16384 else { throw .tooLong }
        var values: [(String, String)] = []
        for piece in trimmed.dropFirst(5).split(separator: ",") {
            let parts = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let name = parts[0].filter { !$0.isWhitespace }
            var value = parts[1].drop { $0.isWhitespace }
            while value.last?.isWhitespace == true { value = value.dropLast() }
            if value.count >= 2, value.first == "\"", value.last == "\"" { value = value.dropFirst().dropLast() }
            values.append((PercentCoding.decode(name), PercentCoding.decode(String(value))))
        }
        return try Self.parameters(values)
    }

    /// Reads the parameters among the fields of a query or of a form.
    ///
    /// - Returns: nil when there are none.
    public static func fields(_ fields: [FormField]) throws(OAuthError) -> OAuthParameters? {
        let values = fields.filter { $0.name.hasPrefix("oauth_") }.map { ($0.name, $0.text) }
        guard values.contains(where: { $0.0 == "oauth_consumer_key" || $0.0 == "oauth_token" || $0.0 == "oauth_signature" }) else { return nil }
        return try Self.parameters(values)
    }

    private static func parameters(_ values: [(String, String)]) throws(OAuthError) -> OAuthParameters {
        func value(_ name: String) throws(OAuthError) -> String {
            let found = values.filter { $0.0 == name }
            guard let first = found.first else { throw .missing(name) }
            guard found.count == 1 else { throw .repeated(name) }
            return first.1
        }
        let method = try value("oauth_signature_method")
        guard let signatureMethod = SignatureMethod(rawValue: method.uppercased()) else { throw .unsupportedMethod(method) }
        let timestamp = try value("oauth_timestamp")
        guard let seconds = Int(timestamp) else { throw .badTimestamp(timestamp) }
        return OAuthParameters(
            consumerKey: try value("oauth_consumer_key"),
            token: try value("oauth_token"),
            signatureMethod: signatureMethod,
            signature: try value("oauth_signature"),
            timestamp: seconds,
            nonce: values.first { $0.0 == "oauth_nonce" }?.1 ?? "",
            signed: values.filter { $0.0 != "realm" && $0.0 != "oauth_signature" }.map { (name: $0.0, value: $0.1) }
        )
    }

    /// What PLAINTEXT's signature has to be: both secrets, encoded, around an ampersand (RFC 5849, section 3.4.4). MAAS's consumer secret is empty.
    public static func plaintextSignature(tokenSecret: String) -> String {
        "&\(PercentCoding.encode(tokenSecret))"
    }

    /// The text that HMAC-SHA1 signs (RFC 5849, section 3.4.1).
    ///
    /// - Parameters:
    ///   - url: with scheme and host in lower case, without query, without a default port.
    ///   - fields: those of the query, and of the body when it is URL-encoded; OAuth's own among them are left out.
    public func baseString(method: String, url: String, fields: [FormField]) -> String {
        var pairs = self.signed.map { (PercentCoding.encode($0.name), PercentCoding.encode($0.value)) }
        pairs += fields.filter { !$0.name.hasPrefix("oauth_") }.map { (PercentCoding.encode($0.name), PercentCoding.encode($0.text)) }
        pairs.sort { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 < $1.0 }
        let parameters = pairs.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        return [method.uppercased(), url, parameters].map(PercentCoding.encode).joined(separator: "&")
    }
}
