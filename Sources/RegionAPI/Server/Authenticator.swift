// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import OpenSSL
internal import PostgresStorage

/// Finds out who signed a request (OAuth 1.0, RFC 5849). The nonce is not looked at: clients repeat requests as they are.
struct Authenticator: Sendable {
    let store: Store

    /// The signer of a request.
    ///
    /// - Throws: `APIFailure` 401 when key or signature are wrong.
    func caller(of parameters: OAuthParameters, request: APIRequest) async throws -> Caller {
        guard let (token, owner) = try await self.store.read({ try await $0.token(key: parameters.token) }),
            ConstantTime.areEqual(token.consumerKey, parameters.consumerKey), self.isSigned(parameters, by: token, request: request)
        else { throw APIFailure.unauthorized() }
        switch owner {
        case .user(let user): return .user(user)
        case .machine(let id): return .machine(id)
        }
    }

    private func isSigned(_ parameters: OAuthParameters, by token: APIToken, request: APIRequest) -> Bool {
        let secret = OAuthParameters.plaintextSignature(tokenSecret: token.tokenSecret)
        switch parameters.signatureMethod {
        case .plaintext: return ConstantTime.areEqual(parameters.signature, secret)
        case .hmacSHA1:
            guard let given = Base64.decode(parameters.signature.utf8) else { return false }
            // A client behind a proxy signs the URL that it knows: both schemes are tried.
            return ["http", "https"].contains { scheme in
                let url = "\(scheme)://\((request.headers["host"] ?? "").lowercased())\(request.rawPath)"
                let text = parameters.baseString(method: request.method, url: url, fields: Self.signedFields(of: request))
                return ConstantTime.areEqual(given, HMAC.sha1(Array(text.utf8), key: Array(secret.utf8)))
            }
        }
    }

    /// Fields of the query, and of the body when it is URL-encoded (RFC 5849, section 3.4.1.3.1).
    private static func signedFields(of request: APIRequest) -> [FormField] {
        let isURLEncoded = request.contentType.map { HeaderValue(parsing: $0).value == "application/x-www-form-urlencoded" } ?? false
        return request.query.fields + (isURLEncoded ? request.form.fields : [])
    }
}
