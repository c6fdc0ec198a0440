// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// One field of a request: from the query, a form, or a part of a multipart body.
public struct FormField: Sendable, Hashable {
    public var name: String
    public var value: [UInt8]
    /// The file's name, when the part is an uploaded file.
    public var filename: String?

    public init(name: String, value: [UInt8], filename: String? = nil) {
        self.name = name
        self.value = value
        self.filename = filename
    }

    /// The value as text; bytes that are not UTF-8, and NULs, become replacement characters.
    public var text: String { String(outside: self.value) }
}
