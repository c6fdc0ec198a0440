// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Writes tar archives of regular files (POSIX.1-2001, ustar).
struct TarArchive {
    private static let blockSize = 512
    private(set) var bytes: [UInt8] = []

    /// Appends a file.
    ///
    /// - Parameter name: at most 100 bytes; ours are shorter.
    mutating func add(_ name: String, _ content: [UInt8], mode: Int = 0o755) {
        precondition(name.utf8.count <= 100, "the name \(name) does not fit into a ustar header")
        var header: [UInt8] = []
        header += Self.field(name, 100)
        header += Self.octal(mode, 8) + Self.octal(0, 8) + Self.octal(0, 8)
        header += Self.octal(content.count, 12) + Self.octal(0, 12)
        header += [UInt8](repeating: 0x20, count: 8)
        header.append(UInt8(ascii: "0"))
        header += Self.field("", 100)
        header += Array("ustar".utf8) + [0] + Array("00".utf8)
        header += Self.field("root", 32) + Self.field("root", 32)
        header += Self.octal(0, 8) + Self.octal(0, 8)
        header += [UInt8](repeating: 0, count: Self.blockSize - header.count)
        let sum = header.reduce(0) { $0 + Int($1) }
        header.replaceSubrange(148..<156, with: Self.octal(sum, 7) + [0x20])
        self.bytes += header + content
        self.bytes += [UInt8](repeating: 0, count: (Self.blockSize - content.count % Self.blockSize) % Self.blockSize)
    }

    /// The archive with its two closing blocks of zeroes.
    func finished() -> [UInt8] {
        self.bytes + [UInt8](repeating: 0, count: 2 * Self.blockSize)
    }

    private static func field(_ text: String, _ length: Int) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 0, count: length - text.utf8.count)
    }

    /// Octal digits with leading zeroes and a final zero byte.
    private static func octal(_ value: Int, _ length: Int) -> [UInt8] {
        let digits = String(value, radix: 8)
        return Array((String(repeating: "0", count: max(0, length - 1 - digits.utf8.count)) + digits).utf8.suffix(length - 1)) + [0]
    }
}
