// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import DHCP
internal import Domain
internal import Glibc

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// A segment's address that every rack of the ensemble has and the active one answers for.
///
/// It sits on the loopback interface, and the kernel is told not to answer ARP for it (`arp_ignore`, `arp_announce`: what Linux Virtual
/// Server's direct routing needs too). Who answers is the succession's thread: a rack that is killed or frozen falls silent by itself.
struct ServiceAddress: Sendable, Hashable {
    let address: IPv4Address
    let interface: String

    static let arpType: UInt16 = 0x0806

    /// Gives the address to this host.
    ///
    /// - Returns: what the operator has to know when it cannot be done; nil when it is done.
    func add() -> String? {
        for name in ["all", self.interface] {
            for (setting, value) in [("arp_ignore", "1"), ("arp_announce", "2")] {
                let path = "/proc/sys/net/ipv4/conf/\(name)/\(setting)"
                guard (try? Data(value.utf8).write(to: URL(filePath: path))) != nil else {  // the path is named below
                    return "\(path) cannot be set to \(value): the kernel would answer for \(self.address) beside the active rack"
                }
            }
        }
        let result = csys_loopback_address_add(self.address.rawValue)
        return result < 0 ? "\(self.address) cannot be added to the loopback interface: error \(-result)" : nil
    }

    func remove() {
        // Whatever is left of it answers nobody.
        _ = csys_loopback_address_remove(self.address.rawValue)
    }

    /// The answer to a request for the address; nil for every other packet.
    func reply(to packet: ARPPacket, from hardware: MACAddress) -> ARPPacket? {
        guard packet.operation == .request, packet.targetAddress == self.address, packet.senderAddress != self.address else { return nil }
        return ARPPacket(
            operation: .reply, senderMAC: hardware, senderAddress: self.address, targetMAC: packet.senderMAC, targetAddress: packet.senderAddress
        )
    }

    /// Both forms of a gratuitous ARP, since some stacks learn from the one and some from the other.
    func announcements(from hardware: MACAddress) -> [ARPPacket] {
        [
            ARPPacket(
                operation: .request, senderMAC: hardware, senderAddress: self.address, targetMAC: MACAddress(rawValue: 0),
                targetAddress: self.address
            ),
            ARPPacket(
                operation: .reply, senderMAC: hardware, senderAddress: self.address, targetMAC: MACAddress(rawValue: 0xFFFF_FFFF_FFFF),
                targetAddress: self.address
            ),
        ]
    }
}
