// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import DHCP
internal import Domain

/// Answers that are sent together, as UDP datagrams and as frames of our own, in slots that are allocated once.
///
/// Not for several threads at once: whoever holds it hands it on under the service's lock.
@safe final class DHCPAnswers: @unchecked Sendable {
    private let capacity: UInt32
    /// A slot's first 28 bytes are room for headers.
    private let datagrams: OpaquePointer
    private let frames: OpaquePointer
    private var datagramCount: UInt32 = 0
    private var frameCount: UInt32 = 0
    /// The client behind each datagram, should it have to become a frame.
    private var clients: [MACAddress?]
    private var destinations: [IPv4Address]
    private var lengths: [Int]

    /// - Parameter capacity: how many answers there is room for, at most 1,024.
    init(capacity: UInt32) throws(DHCPServiceError) {
        guard let datagrams = unsafe csys_datagrams_create(capacity, DHCPSockets.slotSize) else {
            throw DHCPServiceError(.resources, "no memory for packets")
        }
        guard let frames = unsafe csys_datagrams_create(capacity, DHCPSockets.slotSize) else {
            unsafe csys_datagrams_destroy(datagrams)
            throw DHCPServiceError(.resources, "no memory for packets")
        }
        self.capacity = capacity
        unsafe self.datagrams = datagrams
        unsafe self.frames = frames
        self.clients = Array(repeating: nil, count: Int(capacity))
        self.destinations = Array(repeating: IPv4Address(rawValue: 0), count: Int(capacity))
        self.lengths = Array(repeating: 0, count: Int(capacity))
    }

    deinit {
        unsafe csys_datagrams_destroy(self.datagrams)
        unsafe csys_datagrams_destroy(self.frames)
    }

    var count: Int { Int(self.datagramCount + self.frameCount) }

    /// True while another answer can be taken in.
    var hasRoom: Bool { self.datagramCount + self.frameCount < self.capacity }

    /// Where the next answer's DHCP message can be written; it stays there if it becomes a frame.
    var room: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: self.slot(self.frames, self.frameCount)[UDPFrame.headerLength...])
    }

    private func slot(_ batch: OpaquePointer, _ index: UInt32) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: csys_datagrams_bytes(batch, index), count: Int(DHCPSockets.slotSize))
    }

    /// Takes an answer in; dropped when there is no room.
    ///
    /// - Parameter message: the DHCP message, in ``room`` or elsewhere.
    func put(_ answer: DHCPTransmission, _ message: UnsafeMutableRawBufferPointer, from sockets: DHCPSockets) {
        guard self.hasRoom else { return }
        switch answer.destination {
        case .frame(let client, let address):
            let room = unsafe self.room
            if unsafe message.baseAddress != room.baseAddress {
                unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: message[..<answer.length]))
            }
            self.putFrame(length: answer.length, client: client, address: address, from: sockets)
        case .datagram(let address, port: let port, client: let client):
            let target = unsafe UnsafeMutableRawBufferPointer(
                rebasing: self.slot(self.datagrams, self.datagramCount)[UDPFrame.headerLength...]
            )
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: message[..<answer.length]))
            unsafe csys_datagrams_address_udp(
                self.datagrams, self.datagramCount, UInt32(UDPFrame.headerLength), UInt32(truncatingIfNeeded: answer.length),
                sockets.serviceAddress.rawValue, address.rawValue, port
            )
            self.clients[Int(self.datagramCount)] = client
            self.destinations[Int(self.datagramCount)] = address
            self.lengths[Int(self.datagramCount)] = answer.length
            self.datagramCount += 1
        }
    }

    /// Makes a frame of the message in ``room``.
    private func putFrame(length: Int, client: MACAddress, address: IPv4Address, from sockets: DHCPSockets) {
        let written = unsafe UDPFrame.writeHeaders(
            in: self.slot(self.frames, self.frameCount), payloadLength: length, source: sockets.serviceAddress, sourcePort: sockets.serverPort,
            destination: address, destinationPort: sockets.clientPort
        )
        guard written else { return }
        unsafe csys_datagrams_address_frame(
            self.frames, self.frameCount, UInt32(truncatingIfNeeded: UDPFrame.headerLength + length), sockets.interface, client.rawValue
        )
        self.frameCount += 1
    }

    /// Forgets the answers.
    func discard() {
        self.datagramCount = 0
        self.frameCount = 0
    }

    /// Sends the answers, and forgets them.
    ///
    /// - Returns: how many the network would not take.
    func send(through sockets: DHCPSockets) -> Int {
        defer { self.discard() }
        var failures = 0
        var first: UInt32 = 0
        while first < self.datagramCount {
            let sent = unsafe csys_datagrams_send(self.datagrams, sockets.udp, first, self.datagramCount - first)
            if sent > 0 {
                first += UInt32(sent)
                continue
            }
            // No way to the client's address, or the service address is not this host's: a frame needs neither.
            if let client = self.clients[Int(first)], self.frameCount < self.capacity {
                let message = unsafe UnsafeRawBufferPointer(self.slot(self.datagrams, first))
                let length = self.lengths[Int(first)]
                unsafe self.room.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: message[UDPFrame.headerLength..<(UDPFrame.headerLength + length)])
                )
                self.putFrame(length: length, client: client, address: self.destinations[Int(first)], from: sockets)
            } else {
                failures += 1
            }
            first += 1
        }
        first = 0
        while first < self.frameCount {
            let sent = unsafe csys_datagrams_send(self.frames, sockets.packet, first, self.frameCount - first)
            if sent > 0 {
                first += UInt32(sent)
            } else {
                failures += 1
                first += 1
            }
        }
        return failures
    }
}
