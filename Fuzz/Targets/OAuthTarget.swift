// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import HTTPForms

/// An `Authorization` header, and the same bytes as a query.
enum OAuthTarget: FuzzTarget {
    static let name = "oauth"

    static func take(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        if let parameters = try? OAuthParameters.header(text) { Self.check(parameters) }
        guard let fields = try? URLEncodedForm.parse(input) else { return }
        if let parameters = try? OAuthParameters.fields(fields) { Self.check(parameters, fields: fields) }
    }

    private static func check(_ parameters: OAuthParameters, fields: [FormField] = []) {
        var pieces = parameters.signed + [(name: "oauth_signature", value: parameters.signature)]
        // Lenient readers drop a name that is blank; nothing signs it.
        pieces.removeAll { $0.name.isEmpty }
        let header = "OAuth " + pieces.map { "\(PercentCoding.encode($0.name))=\"\(PercentCoding.encode($0.value))\"" }.joined(separator: ", ")
        guard header.utf8.count <= 16_384 else { return }
        guard let again = try? OAuthParameters.header(header) else { preconditionFailure("'\(header)' cannot be read") }
        precondition(
            again.consumerKey == parameters.consumerKey && again.token == parameters.token && again.signature == parameters.signature
                && again.timestamp == parameters.timestamp && again.nonce == parameters.nonce
                && again.signatureMethod == parameters.signatureMethod, "'\(header)' says something else")
        let base = parameters.baseString(method: "get", url: "http://region/MAAS/api/2.0/machines/", fields: fields)
        let parts = base.split(separator: "&", omittingEmptySubsequences: false)
        precondition(parts.count == 3 && parts[0] == "GET", "the base string '\(base)'")
        // The order of the parameters does not matter (RFC 5849, section 3.4.1.3.2).
        var reversed = parameters
        reversed.signed.reverse()
        let other = reversed.baseString(method: "GET", url: "http://region/MAAS/api/2.0/machines/", fields: fields.reversed())
        precondition(other == base, "'\(base)' and '\(other)'")
    }
}
