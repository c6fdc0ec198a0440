// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a read or write request asks for (RFC 1350, section 5; RFC 2347).
public struct TFTPRequest: Sendable, Hashable {
    /// The transfer mode; names compare without regard to case on the wire.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        case netascii
        case octet
        case mail
    }

    /// As the client wrote it, without a trailing byte 255: some UEFI firmware takes the end mark of its DHCP options for a part of the name.
    public var filename: String
    public var mode: Mode
    /// In the order of the packet.
    public var options: [TFTPOption]

    public init(filename: String, mode: Mode = .octet, options: [TFTPOption] = []) {
        self.filename = filename
        self.mode = mode
        self.options = options
    }

    /// The first option of that lower-case name.
    public func option(_ name: String) -> TFTPOption? {
        self.options.first { $0.isNamed(name) }
    }
}
