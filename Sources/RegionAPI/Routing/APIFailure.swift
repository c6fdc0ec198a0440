// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// An answer other than success, thrown by a handler.
struct APIFailure: Error, CustomStringConvertible {
    enum Content: Sendable {
        case text(String)
        /// Messages by the form's field; `__all__` for the whole.
        case fields([(String, [String])])
    }

    var status: Int
    var content: Content
    var headers: [(String, String)] = []

    static func badRequest(_ text: String) -> APIFailure { APIFailure(status: 400, content: .text(text)) }
    static func unauthorized(_ text: String = "Authorization Error: Invalid API key.") -> APIFailure {
        APIFailure(status: 401, content: .text(text), headers: [("WWW-Authenticate", "OAuth realm=\"MAAS API\"")])
    }
    static func forbidden(_ text: String = "Forbidden: you may not do this.") -> APIFailure { APIFailure(status: 403, content: .text(text)) }
    static func notFound(_ text: String) -> APIFailure { APIFailure(status: 404, content: .text(text)) }
    static func conflict(_ text: String) -> APIFailure { APIFailure(status: 409, content: .text(text)) }
    static func unavailable(_ text: String, retryAfter: Int? = nil) -> APIFailure {
        APIFailure(status: 503, content: .text(text), headers: retryAfter.map { [("Retry-After", String($0))] } ?? [])
    }

    /// A field's value that was refused.
    static func field(_ name: String, _ message: String) -> APIFailure {
        APIFailure(status: 400, content: .fields([(name, [message])]))
    }

    static func fields(_ fields: [(String, [String])]) -> APIFailure {
        APIFailure(status: 400, content: .fields(fields))
    }

    /// A field that has to be there.
    static func required(_ name: String) -> APIFailure { .field(name, "This field is required.") }

    var response: APIResponse {
        var response: APIResponse
        switch self.content {
        case .text(let text): response = .text(text, status: self.status)
        case .fields(let fields):
            response = .json(.object(JSONObject(fields.map { ($0.0, .array($0.1.map(JSONValue.string))) })), status: self.status)
        }
        response.headers = self.headers
        return response
    }

    var description: String {
        switch self.content {
        case .text(let text): "\(self.status): \(text)"
        case .fields(let fields): "\(self.status): \(fields.map { "\($0.0): \($0.1.joined(separator: " "))" }.joined(separator: "; "))"
        }
    }
}
