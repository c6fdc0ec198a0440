// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import DHCP
internal import Domain
internal import Glibc
internal import Leasing

/// What the housekeeping thread asks a segment's wire, besides serving it: whether somebody uses the addresses that are given out next, and
/// whether another DHCP server answers.
struct SegmentProber: ~Copyable {
    /// What was heard.
    enum Finding: Sendable, Hashable {
        /// Something with that hardware address uses an address that nobody was given.
        case inUse(IPv4Address, MACAddress)
        /// The same, of something that answers for more addresses than can be true.
        case doubtful(IPv4Address, MACAddress)
        /// Another DHCP server offers addresses.
        case foreignServer(IPv4Address, MACAddress)
    }

    /// Between two discovers of our own, which other servers answer.
    static let discoverPause = 300
    /// Ethernet types.
    private static let arp: UInt16 = 0x0806
    private static let ipv4: UInt16 = 0x0800
    private static let broadcast: UInt64 = 0xFFFF_FFFF_FFFF
    /// Packets read in one second at most.
    private static let maximumRead = 512

    private let interfaceName: String
    private let serverPort: UInt16
    private let clientPort: UInt16
    private var interface: Int32 = 0
    private var arp: Int32 = -1
    private var offers: Int32 = -1
    private var conflicts = ConflictProber()
    private var nextDiscover = Instant.distantPast
    private var transactionID: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: 2_048)

    init(_ configuration: DHCPSegmentConfiguration) {
        self.interfaceName = configuration.interfaceName
        self.serverPort = configuration.serverPort
        self.clientPort = configuration.clientPort
    }

    deinit {
        if self.arp >= 0 { close(self.arp) }
        if self.offers >= 0 { close(self.offers) }
    }

    /// Reads the answers to earlier questions and asks new ones. Does not wait.
    ///
    /// - Parameters:
    ///   - upcoming: the addresses that are given out next; none while this rack does not serve, and then nothing is asked.
    ///   - serviceAddress: what our own racks say their server is.
    mutating func tick(upcoming: [IPv4Address], serviceAddress: IPv4Address, now: Instant) -> [Finding] {
        guard self.open() else { return [] }
        let source = MACAddress(rawValue: csys_link_address(self.arp))
        guard source.rawValue != 0 else { return [] }
        let findings = self.readReplies(now: now) + self.readOffers(besides: serviceAddress)
        for address in self.conflicts.addresses(upcoming: upcoming, now: now) {
            self.send(ARPPacket.probe(for: address, from: source).bytes, type: Self.arp, from: self.arp)
        }
        if !upcoming.isEmpty, self.nextDiscover <= now {
            self.nextDiscover = now.advanced(bySeconds: Self.discoverPause)
            self.sendDiscover(from: source)
        }
        return findings
    }

    /// Opens the sockets, and again when the interface is another one by now. False while there is none.
    private mutating func open() -> Bool {
        let interface = unsafe csys_interface_index(self.interfaceName)
        if interface > 0, interface == self.interface, self.arp >= 0, self.offers >= 0 { return true }
        if self.arp >= 0 { close(self.arp) }
        if self.offers >= 0 { close(self.offers) }
        self.interface = interface
        self.arp = interface > 0 ? csys_arp_socket(interface) : -1
        self.offers = interface > 0 ? csys_udp_tap(interface, self.clientPort) : -1
        return self.arp >= 0 && self.offers >= 0
    }

    private func send(_ bytes: [UInt8], type: UInt16, from socket: Int32) {
        // A question that is lost is asked again.
        _ = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe csys_link_send(socket, self.interface, type, Self.broadcast, bytes.baseAddress, UInt32(truncatingIfNeeded: bytes.count))
        }
    }

    // MARK: Conflicts

    private mutating func readReplies(now: Instant) -> [Finding] {
        var findings: [Finding] = []
        for _ in 0..<Self.maximumRead {
            guard let (length, _) = self.receive(self.arp) else { break }
            guard let reply = ARPPacket(parsing: self.buffer.span.extracting(0..<length)), reply.operation == .reply else { continue }
            switch self.conflicts.verdict(on: reply.senderAddress, now: now) {
            case .unrelated: continue
            case .inUse: findings.append(.inUse(reply.senderAddress, reply.senderMAC))
            case .doubtful: findings.append(.doubtful(reply.senderAddress, reply.senderMAC))
            }
        }
        return findings
    }

    private mutating func receive(_ socket: Int32) -> (length: Int, source: MACAddress)? {
        var source: UInt64 = 0
        let length = unsafe self.buffer.withUnsafeMutableBufferPointer { buffer in
            unsafe csys_link_receive(socket, buffer.baseAddress, UInt32(truncatingIfNeeded: buffer.count), &source)
        }
        return length >= 0 ? (Int(length), MACAddress(rawValue: source)) : nil
    }

    // MARK: Other servers

    /// A discover like any client's; nobody requests what is offered.
    private mutating func sendDiscover(from source: MACAddress) {
        self.transactionID = UInt32.random(in: .min ... .max)
        var frame = [UInt8](repeating: 0, count: UDPFrame.headerLength + DHCPMessageWriter.paddedLength)
        let (transactionID, clientPort, serverPort) = (self.transactionID, self.clientPort, self.serverPort)
        unsafe frame.withUnsafeMutableBytes { frame in
            let slot = unsafe UnsafeMutableRawBufferPointer(rebasing: frame[UDPFrame.headerLength...])
            guard var writer = unsafe DHCPMessageWriter(slot: slot, limit: slot.count) else { return }
            writer.beginRequest(from: source, transactionID: transactionID, wantsBroadcast: true)
            writer.append(.messageType, byte: DHCPMessageType.discover.rawValue)
            unsafe UDPFrame.writeHeaders(
                in: frame, payloadLength: writer.finish(), source: IPv4Address(rawValue: 0), sourcePort: clientPort,
                destination: IPv4Address(rawValue: 0xFFFF_FFFF), destinationPort: serverPort
            )
        }
        self.send(frame, type: Self.ipv4, from: self.offers)
    }

    private mutating func readOffers(besides serviceAddress: IPv4Address) -> [Finding] {
        var findings: [Finding] = []
        for _ in 0..<Self.maximumRead {
            guard let (length, source) = self.receive(self.offers) else { break }
            let header = Int(self.buffer[0] & 0x0F) * 4 + 8
            guard length > header, let offer = try? DHCPMessageView(parsing: self.buffer.span.extracting(header..<length)),
                offer.messageType == .offer, offer.transactionID == self.transactionID, let server = offer.serverIdentifier,
                server != serviceAddress
            else { continue }
            findings.append(.foreignServer(server, source))
        }
        return findings
    }
}
