// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import JSON

/// Puts server-sent events together from the pieces in which they arrive (WHATWG HTML, section 9.2.6).
struct EventStreamLines {
    private var buffer: [UInt8] = []
    private static let maximumLine = 1_048_576

    /// - Returns: the events whose data ended in these bytes.
    mutating func take(_ bytes: [UInt8]) -> [JSONValue] {
        self.buffer += bytes
        var events: [JSONValue] = []
        while let end = self.buffer.firstIndex(of: 0x0A) {
            let line = self.buffer[..<end]
            self.buffer = Array(self.buffer[(end + 1)...])
            let text = String(decoding: line, as: UTF8.self).trimmingSuffix { $0 == "\r" }
            guard text.hasPrefix("data:"), let event = try? JSONValue(parsing: String(text.dropFirst(5))) else { continue }  // comments, ids
            events.append(event)
        }
        if self.buffer.count > Self.maximumLine { self.buffer = [] }
        return events
    }
}

extension String {
    /// Without the last characters that the closure takes.
    fileprivate func trimmingSuffix(_ drops: (Character) -> Bool) -> String {
        var text = self
        while let last = text.last, drops(last) { text.removeLast() }
        return text
    }
}
