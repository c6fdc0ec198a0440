// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Which addresses of a network a client may have: the network's 64 bits, the number of the rack that gave the address out (16 bits), and
/// 48 bits of the client.
///
/// The racks' shares are disjoint for ever, so two racks never give one address to two clients, and any rack can tell from the address alone
/// whether it is this client's. Nothing is to be recycled: a machine that never comes back costs nothing.
public struct AddressRule: Sendable, Hashable {
    /// The network; its prefix is at most 64 bits long.
    public let network: IPv6Network

    /// How many addresses a client has to choose from in one rack's share, for when others hold the first ones.
    static let salts: Range<UInt64> = 0..<16

    /// Nil for a network whose prefix is longer than 64 bits: the rule needs the other 64.
    public init?(network: IPv6Network) {
        guard network.prefixLength <= 64 else { return nil }
        self.network = network
    }

    /// One of a client's addresses; nil when other standards have taken it.
    func address(rack: UInt16, holder: AddressHolder, salt: UInt64) -> IPv6Address? {
        let identifier = UInt64(rack) << 48 | Self.share(of: holder, salt: salt)
        guard !Self.isReserved(identifier) else { return nil }
        return IPv6Address(high: self.network.address.high, low: identifier)
    }

    private static func share(of holder: AddressHolder, salt: UInt64) -> UInt64 {
        (holder.first &+ salt &* (holder.second | 1)) & 0xFFFF_FFFF_FFFF
    }

    /// Whether some rack may have given this address to this client.
    func isMade(_ address: IPv6Address, for holder: AddressHolder) -> Bool {
        guard address.high == self.network.address.high, address.low >> 48 != 0 else { return false }
        let share = address.low & 0xFFFF_FFFF_FFFF
        for salt in Self.salts where Self.share(of: holder, salt: salt) == share { return !Self.isReserved(address.low) }
        return false
    }

    /// Interface identifiers with a meaning of their own (RFC 5453): anycast addresses and Ethernet's block for proxy mobile IPv6.
    private static func isReserved(_ identifier: UInt64) -> Bool {
        identifier == 0 || identifier >> 7 == 0xFDFF_FFFF_FFFF_FF80 >> 7 || identifier >> 24 == 0x0200_5EFF_FE
    }
}
