// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import DHCP
internal import Domain
internal import Glibc
internal import Succession

/// The packets of one segment that are not DHCP's: pulses, and ARP for the service address.
struct SegmentWire: ~Copyable {
    /// For local experiments (IEEE 802, EtherType 1), to a group address of our own; bridges pass both on.
    static let pulseType: UInt16 = 0x88B5
    private static let pulseGroup = MACAddress(rawValue: 0x0347_4E54_5259)
    private static let broadcast = MACAddress(rawValue: 0xFFFF_FFFF_FFFF)
    /// Packets of one kind that are read before the others have their turn.
    private static let fairShare = 64

    let interface: Int32
    let pulses: Int32
    let arp: Int32
    let hardware: MACAddress
    private var buffer = [UInt8](repeating: 0, count: 512)

    /// - Throws: `DHCPServiceError` without the interface, or without the privilege.
    init(interfaceName: String) throws(DHCPServiceError) {
        let interface = unsafe csys_interface_index(interfaceName)
        guard interface > 0 else { throw DHCPServiceError(.noInterface, "\(interfaceName) is not there") }
        let pulses = csys_segment_socket(interface, Self.pulseType, Self.pulseGroup.rawValue)
        let arp = csys_segment_socket(interface, ServiceAddress.arpType, 0)
        let hardware = arp >= 0 ? csys_link_address(arp) : 0
        guard pulses >= 0, arp >= 0, hardware != 0 else {
            if pulses >= 0 { close(pulses) }
            if arp >= 0 { close(arp) }
            throw DHCPServiceError(.resources, "\(interfaceName) cannot be listened on: errors \(-min(pulses, 0)) and \(-min(arp, 0))")
        }
        self.interface = interface
        self.pulses = pulses
        self.arp = arp
        self.hardware = MACAddress(rawValue: hardware)
    }

    deinit {
        close(self.pulses)
        close(self.arp)
    }

    func send(pulse frame: [UInt8]) {
        self.send(frame, self.pulses, type: Self.pulseType, to: Self.pulseGroup)
    }

    func send(_ packet: ARPPacket) {
        let target = packet.operation == .reply && packet.targetAddress != packet.senderAddress ? packet.targetMAC : Self.broadcast
        self.send(packet.bytes, self.arp, type: ServiceAddress.arpType, to: target)
    }

    private func send(_ bytes: [UInt8], _ socket: Int32, type: UInt16, to target: MACAddress) {
        // What does not go out is sent again: the next pulse, the next announcement, the next question.
        _ = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe csys_link_send(socket, self.interface, type, target.rawValue, bytes.baseAddress, UInt32(truncatingIfNeeded: bytes.count))
        }
    }

    /// What has arrived of pulses, not yet authenticated.
    mutating func receivePulses() -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while frames.count < Self.fairShare, let length = self.receive(self.pulses) { frames.append(Array(self.buffer.prefix(length))) }
        return frames
    }

    mutating func receiveARP() -> [ARPPacket] {
        var packets: [ARPPacket] = []
        for _ in 0..<Self.fairShare {
            guard let length = self.receive(self.arp) else { break }
            if let packet = ARPPacket(parsing: self.buffer.span.extracting(0..<length)) { packets.append(packet) }
        }
        return packets
    }

    private mutating func receive(_ socket: Int32) -> Int? {
        var source: UInt64 = 0
        let length = unsafe self.buffer.withUnsafeMutableBufferPointer { buffer in
            unsafe csys_link_receive(socket, buffer.baseAddress, UInt32(truncatingIfNeeded: buffer.count), &source)
        }
        return length >= 0 ? min(Int(length), self.buffer.count) : nil
    }
}
