// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

/// By what a client can tell whether it has the file that is here (RFC 9110, section 8.8).
struct ContentValidators {
    /// The strong entity tag, with its quotes.
    let tag: String
    /// The date of the file on this rack. Other racks have other dates for the same file, and other files for the same date: it is compared
    /// for equality only, never for order.
    let modified: String

    /// Whether the client has it already (RFC 9110, section 13.2.2).
    func isKnown(to headers: HTTPHeaders) -> Bool {
        let tags = headers[canonicalForm: "if-none-match"]
        guard tags.isEmpty else {
            return tags.contains { $0 == "*" || ($0.hasPrefix("W/") ? $0.dropFirst(2) : $0[...]) == self.tag }
        }
        return headers.first(name: "if-modified-since") == self.modified
    }

    /// Whether a part is worth something to the client: it is not when it has the rest of another version (RFC 9110, section 13.1.5).
    func allowsRange(_ headers: HTTPHeaders) -> Bool {
        headers.first(name: "if-range").map { $0 == self.tag || $0 == self.modified } ?? true
    }
}
