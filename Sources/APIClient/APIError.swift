// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// A request that the server refused, or that could not be made.
public struct APIError: Error, Equatable, CustomStringConvertible {
    /// HTTP's status; 0 when no request was made.
    public let status: Int
    public let message: String

    public init(message: String) {
        self.status = 0
        self.message = message
    }

    /// Reads MAAS's error bodies: text, or `{"field": ["message"]}`.
    init(status: Int, body: [UInt8]) {
        self.status = status
        let text = String(decoding: body.prefix(4096), as: UTF8.self)
        guard case .object(let fields)? = try? JSONValue(parsing: body) else {
            self.message = text.isEmpty ? "the server answered \(status)" : text
            return
        }
        self.message = fields.members.map { field, messages in
            let words = (messages.arrayValue ?? [messages]).compactMap(\.stringValue).joined(separator: " ")
            return field == "__all__" ? words : "\(field): \(words)"
        }.joined(separator: "\n")
    }

    public var description: String {
        switch self.status {
        case 401: "\(self.message)\nNext: log in again with gantry login URL KEY"
        case 503: "\(self.message)\nNext: try again in a few seconds; see the region's log if it stays so"
        default: self.message
        }
    }
}
