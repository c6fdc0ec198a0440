// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// One option of a request or of its acknowledgement (RFC 2347), as text.
public struct TFTPOption: Sendable, Hashable {
    /// As it was written; names compare without regard to case.
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// Whether this is the option of that name.
    public func isNamed(_ name: String) -> Bool {
        self.name.lowercased() == name
    }

    /// The value as a number: decimal digits only, nil for anything else or what does not fit.
    public var number: UInt64? {
        guard (1...20).contains(self.value.utf8.count),
            self.value.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return UInt64(self.value)
    }

    /// RFC 2348: octets of data in a block, 8 to 65464.
    public static let blockSize = "blksize"
    /// RFC 2349: seconds before a retransmission, 1 to 255.
    public static let timeout = "timeout"
    /// RFC 2349: octets of the whole file; 0 in a read request.
    public static let transferSize = "tsize"
    /// RFC 7440: blocks sent before an acknowledgement, 1 to 65535.
    public static let windowSize = "windowsize"
}
