// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Where a BMC listens: MAAS's `power_address`, with an optional port.
public struct BMCAddress: Sendable, Hashable, CustomStringConvertible {
    /// IPMI over LAN listens here unless told otherwise (IPMI 2.0, section 13.1.2).
    public static let standardPort: UInt16 = 623

    /// An IPv4 address, an IPv6 address without brackets, or a host name; in lower case.
    public let host: String
    public let port: UInt16

    /// Reads `10.0.0.1`, `bmc7.example:6230`, `fd00::1` or `[fd00::1]:623`.
    public init(_ text: String) throws(BMCParameterError) {
        func refused(_ expected: String) -> BMCParameterError { .init("power_address", text, expected: expected) }
        var host = Substring(text)
        var port: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw refused("an IPv6 address closed by ']'") }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else { throw refused("[address]:port") }
            port = rest.isEmpty ? nil : rest.dropFirst()
            guard host.contains(":") else { throw refused("an IPv6 address between brackets") }
        } else if let colon = text.firstIndex(of: ":"), text[text.index(after: colon)...].firstIndex(of: ":") == nil {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy(Self.belongsToHost), host.first != "-" else {
            throw refused("an IP address or host name, with an optional :port")
        }
        if let port {
            guard !port.isEmpty, port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = UInt16(port),
                number > 0
            else { throw refused("an address whose port is a number from 1 to 65535") }
            self.port = number
        } else {
            self.port = Self.standardPort
        }
        self.host = host.lowercased()
    }

    private static func belongsToHost(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "%"):
            true
        default: false
        }
    }

    public var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
