// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import DHCP
internal import Domain
internal import Glibc

/// The sockets of one service, and the slots of its packet thread.
@safe final class DHCPSockets: Sendable {
    /// Messages handled at a time.
    static let batch: UInt32 = 64
    /// A message in a frame of 1,500 bytes and more; longer ones are nobody's DHCP.
    static let slotSize: UInt32 = 2_048

    let udp: Int32
    let packet: Int32
    let interface: Int32
    let serviceAddress: IPv4Address
    let serverPort: UInt16
    let clientPort: UInt16
    /// Only for the packet thread, like ``answers``.
    nonisolated(unsafe) private let inbound: OpaquePointer
    /// What goes out at once.
    let answers: DHCPAnswers

    init(_ configuration: DHCPSegmentConfiguration) throws(DHCPServiceError) {
        let name = configuration.interfaceName
        let interface = unsafe csys_interface_index(name)
        guard interface > 0 else { throw DHCPServiceError(.noInterface, "there is no network interface '\(name)'") }
        let answers = try DHCPAnswers(capacity: Self.batch)
        let udp = unsafe csys_udp_socket(name, configuration.serverPort, 1 << 20)
        guard udp >= 0 else {
            throw DHCPServiceError(.socket, "UDP port \(configuration.serverPort) on \(name): \(Self.reason(udp))")
        }
        let packet = csys_packet_socket()
        guard packet >= 0 else {
            close(udp)
            throw DHCPServiceError(.socket, "packet socket on \(name): \(Self.reason(packet))")
        }
        guard let inbound = unsafe csys_datagrams_create(Self.batch, Self.slotSize) else {
            close(udp)
            close(packet)
            throw DHCPServiceError(.resources, "no memory for packets")
        }
        self.interface = interface
        self.udp = udp
        self.packet = packet
        self.serviceAddress = configuration.serviceAddress
        self.serverPort = configuration.serverPort
        self.clientPort = configuration.clientPort
        unsafe self.inbound = inbound
        self.answers = answers
    }

    deinit {
        close(self.udp)
        close(self.packet)
        unsafe csys_datagrams_destroy(self.inbound)
    }

    private static func reason(_ code: Int32) -> String {
        unsafe strerror(-code).map { unsafe String(cString: $0) } ?? "error \(-code)"
    }

    /// Takes in what has arrived.
    ///
    /// - Returns: how many messages, or the negated error number.
    func receive() -> Int {
        Int(unsafe csys_datagrams_receive(self.inbound, self.udp))
    }

    /// One message that was received; it stays until the next ``receive()``. Nil for one that did not fit a slot.
    func message(_ index: Int) -> UnsafeBufferPointer<UInt8>? {
        guard index < Int(Self.batch) else { return nil }
        let slot = UInt32(truncatingIfNeeded: index)
        let length = Int(unsafe csys_datagrams_length(self.inbound, slot))
        return length > 0 ? unsafe UnsafeBufferPointer(start: csys_datagrams_bytes(self.inbound, slot), count: length) : nil
    }

    /// True while another answer can be taken in before ``send()``.
    var hasRoom: Bool { self.answers.hasRoom }

    /// Lets the responder answer a message. The answer waits in ``answers``, or with those that wait for the disk.
    func answer(
        _ bytes: UnsafeBufferPointer<UInt8>, waiting: DHCPAnswers?,
        _ respond: (borrowing Span<UInt8>, UnsafeMutableRawBufferPointer) -> DHCPTransmission?
    ) {
        guard self.hasRoom else { return }
        let room = unsafe self.answers.room
        guard let answer = unsafe respond(bytes.span, room) else { return }
        let answers = answer.waitsForDisk ? waiting ?? self.answers : self.answers
        unsafe answers.put(answer, room, from: self)
    }

    /// Sends the answers.
    ///
    /// - Returns: how many the network would not take.
    func send() -> Int {
        self.answers.send(through: self)
    }
}
