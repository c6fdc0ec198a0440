// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import DHCP
internal import Domain
internal import Glibc

/// The sockets and slots of one service's packet thread.
@safe final class DHCPSockets {
    /// Messages handled at a time.
    static let batch: UInt32 = 64
    /// A message in a frame of 1,500 bytes and more; longer ones are nobody's DHCP.
    static let slotSize: UInt32 = 2_048

    let udp: Int32
    private let packet: Int32
    let interface: Int32
    private let serviceAddress: IPv4Address
    private let serverPort: UInt16
    private let clientPort: UInt16
    private let inbound: OpaquePointer
    /// Answers as UDP datagrams, and as frames; a slot's first 28 bytes are room for headers.
    private let datagrams: OpaquePointer
    private let frames: OpaquePointer
    private var datagramCount: UInt32 = 0
    private var frameCount: UInt32 = 0
    /// The client behind each datagram, should it have to become a frame.
    private var clients: [MACAddress?]
    private var destinations: [IPv4Address]
    private var lengths: [Int]

    init(_ configuration: DHCPSegmentConfiguration) throws(DHCPServiceError) {
        let name = configuration.interfaceName
        let interface = unsafe csys_interface_index(name)
        guard interface > 0 else { throw DHCPServiceError(.noInterface, "there is no network interface '\(name)'") }
        let udp = unsafe csys_udp_socket(name, configuration.serverPort, 1 << 20)
        guard udp >= 0 else {
            throw DHCPServiceError(.socket, "UDP port \(configuration.serverPort) on \(name): \(Self.reason(udp))")
        }
        let packet = csys_packet_socket()
        guard packet >= 0 else {
            close(udp)
            throw DHCPServiceError(.socket, "packet socket on \(name): \(Self.reason(packet))")
        }
        guard let inbound = unsafe csys_datagrams_create(Self.batch, Self.slotSize),
            let datagrams = unsafe csys_datagrams_create(Self.batch, Self.slotSize),
            let frames = unsafe csys_datagrams_create(Self.batch, Self.slotSize)
        else {
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
        unsafe self.datagrams = datagrams
        unsafe self.frames = frames
        self.clients = Array(repeating: nil, count: Int(Self.batch))
        self.destinations = Array(repeating: IPv4Address(rawValue: 0), count: Int(Self.batch))
        self.lengths = Array(repeating: 0, count: Int(Self.batch))
    }

    deinit {
        close(self.udp)
        close(self.packet)
        unsafe csys_datagrams_destroy(self.inbound)
        unsafe csys_datagrams_destroy(self.datagrams)
        unsafe csys_datagrams_destroy(self.frames)
    }

    private static func reason(_ code: Int32) -> String {
        unsafe strerror(-code).map { unsafe String(cString: $0) } ?? "error \(-code)"
    }

    /// Takes in what has arrived.
    ///
    /// - Returns: how many messages, or the negated error number.
    func receive() -> Int {
        return Int(unsafe csys_datagrams_receive(self.inbound, self.udp))
    }

    /// One message that was received; it stays until the next ``receive()``. Nil for one that did not fit a slot.
    func message(_ index: Int) -> UnsafeBufferPointer<UInt8>? {
        guard index < Int(Self.batch) else { return nil }
        let slot = UInt32(truncatingIfNeeded: index)
        let length = Int(unsafe csys_datagrams_length(self.inbound, slot))
        return length > 0 ? unsafe UnsafeBufferPointer(start: csys_datagrams_bytes(self.inbound, slot), count: length) : nil
    }

    /// True while another answer can be taken in before ``send()``.
    var hasRoom: Bool { self.datagramCount + self.frameCount < Self.batch }

    /// Lets the responder answer a message. The answer waits for ``send()``.
    func answer(
        _ bytes: UnsafeBufferPointer<UInt8>, _ respond: (borrowing Span<UInt8>, UnsafeMutableRawBufferPointer) -> DHCPTransmission?
    ) {
        guard self.hasRoom else { return }
        // Written as a frame's payload first; a datagram leaves the header room out.
        let room = unsafe UnsafeMutableRawBufferPointer(
            start: csys_datagrams_bytes(self.frames, self.frameCount), count: Int(Self.slotSize)
        )
        let payload = unsafe UnsafeMutableRawBufferPointer(rebasing: room[UDPFrame.headerLength...])
        guard let answer = unsafe respond(bytes.span, payload) else { return }
        switch answer.destination {
        case .frame(let client, let address):
            unsafe self.putFrame(room, length: answer.length, client: client, address: address)
        case .datagram(let address, port: let port, client: let client):
            let target = unsafe UnsafeMutableRawBufferPointer(
                start: csys_datagrams_bytes(self.datagrams, self.datagramCount), count: Int(Self.slotSize)
            )
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(room))
            unsafe csys_datagrams_address_udp(
                self.datagrams, self.datagramCount, UInt32(UDPFrame.headerLength), UInt32(truncatingIfNeeded: answer.length),
                self.serviceAddress.rawValue, address.rawValue, port
            )
            self.clients[Int(self.datagramCount)] = client
            self.destinations[Int(self.datagramCount)] = address
            self.lengths[Int(self.datagramCount)] = answer.length
            self.datagramCount += 1
        }
    }

    private func putFrame(_ room: UnsafeMutableRawBufferPointer, length: Int, client: MACAddress, address: IPv4Address) {
        let written = unsafe UDPFrame.writeHeaders(
            in: room, payloadLength: length, source: self.serviceAddress, sourcePort: self.serverPort, destination: address,
            destinationPort: self.clientPort
        )
        guard written else { return }
        unsafe csys_datagrams_address_frame(
            self.frames, self.frameCount, UInt32(truncatingIfNeeded: UDPFrame.headerLength + length), self.interface, client.rawValue
        )
        self.frameCount += 1
    }

    /// Sends the answers.
    ///
    /// - Returns: how many the network would not take.
    func send() -> Int {
        var failures = 0
        var first: UInt32 = 0
        while first < self.datagramCount {
            let sent = unsafe csys_datagrams_send(self.datagrams, self.udp, first, self.datagramCount - first)
            if sent > 0 {
                first += UInt32(sent)
                continue
            }
            // No way to the client's address, or the service address is not this host's: a frame needs neither.
            if let client = self.clients[Int(first)], self.frameCount < Self.batch {
                let source = unsafe UnsafeRawBufferPointer(
                    start: csys_datagrams_bytes(self.datagrams, first), count: Int(Self.slotSize)
                )
                let room = unsafe UnsafeMutableRawBufferPointer(
                    start: csys_datagrams_bytes(self.frames, self.frameCount), count: Int(Self.slotSize)
                )
                unsafe room.copyMemory(from: source)
                unsafe self.putFrame(
                    room, length: self.lengths[Int(first)], client: client, address: self.destinations[Int(first)]
                )
            } else {
                failures += 1
            }
            first += 1
        }
        first = 0
        while first < self.frameCount {
            let sent = unsafe csys_datagrams_send(self.frames, self.packet, first, self.frameCount - first)
            if sent > 0 {
                first += UInt32(sent)
            } else {
                failures += 1
                first += 1
            }
        }
        self.datagramCount = 0
        self.frameCount = 0
        return failures
    }
}
