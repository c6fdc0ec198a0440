// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Text that is not JSON.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    /// Bytes from the start of the text to where reading stopped.
    public let offset: Int
    /// What would have been right there.
    public let expected: String

    public var description: String { "not JSON: expected \(self.expected) at byte \(self.offset)" }
}

extension JSONValue {
    /// Reads one JSON document. `\u0000` in it becomes a replacement character.
    ///
    /// - Parameter maximumDepth: nesting beyond this is refused; real documents have fewer than ten levels.
    /// - Throws: `JSONError` with the place and what was expected there.
    public init(parsing bytes: some Collection<UInt8>, maximumDepth: Int = 64) throws(JSONError) {
        var parser = JSONParser(Array(bytes), maximumDepth: maximumDepth)
        self = try parser.parseDocument()
    }

    /// Reads one JSON document from text.
    public init(parsing text: String) throws(JSONError) {
        try self.init(parsing: text.utf8)
    }
}
