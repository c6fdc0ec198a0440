// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// An ARP packet for IPv4 over Ethernet (RFC 826), without its Ethernet header.
public struct ARPPacket: Sendable, Hashable {
    public enum Operation: UInt16, Sendable {
        case request = 1
        case reply = 2
    }

    public static let length = 28

    public var operation: Operation
    public var senderMAC: MACAddress
    public var senderAddress: IPv4Address
    public var targetMAC: MACAddress
    public var targetAddress: IPv4Address

    public init(
        operation: Operation, senderMAC: MACAddress, senderAddress: IPv4Address, targetMAC: MACAddress, targetAddress: IPv4Address
    ) {
        self.operation = operation
        self.senderMAC = senderMAC
        self.senderAddress = senderAddress
        self.targetMAC = targetMAC
        self.targetAddress = targetAddress
    }

    /// Asks whether anybody uses an address, without claiming one: no cache learns from it (RFC 5227, section 1.1).
    public static func probe(for address: IPv4Address, from sender: MACAddress) -> ARPPacket {
        ARPPacket(
            operation: .request, senderMAC: sender, senderAddress: IPv4Address(rawValue: 0), targetMAC: MACAddress(rawValue: 0),
            targetAddress: address
        )
    }

    /// Reads a packet; nil for one that is cut off, or of other protocols.
    public init?(parsing bytes: borrowing Span<UInt8>) {
        guard bytes.count >= Self.length else { return nil }
        func number(_ offset: Int, _ count: Int, _ bytes: borrowing Span<UInt8>) -> UInt64 {
            var value: UInt64 = 0
            for index in offset..<(offset + count) { value = value << 8 | UInt64(bytes[index]) }
            return value
        }
        guard number(0, 6, bytes) == 0x0001_0800_0604,
            let operation = Operation(rawValue: UInt16(truncatingIfNeeded: number(6, 2, bytes)))
        else { return nil }
        self.operation = operation
        self.senderMAC = MACAddress(rawValue: number(8, 6, bytes))
        self.senderAddress = IPv4Address(rawValue: UInt32(truncatingIfNeeded: number(14, 4, bytes)))
        self.targetMAC = MACAddress(rawValue: number(18, 6, bytes))
        self.targetAddress = IPv4Address(rawValue: UInt32(truncatingIfNeeded: number(24, 4, bytes)))
    }

    /// The packet's 28 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func put(_ value: UInt64, _ count: Int) {
            for position in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - position)))) }
        }
        put(0x0001_0800_0604, 6)
        put(UInt64(self.operation.rawValue), 2)
        put(self.senderMAC.rawValue, 6)
        put(UInt64(self.senderAddress.rawValue), 4)
        put(self.targetMAC.rawValue, 6)
        put(UInt64(self.targetAddress.rawValue), 4)
        return bytes
    }
}
