// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import Domain
internal import Glibc
internal import NeighborDiscovery

/// The sockets and slots of one service's thread: DHCPv6, and router solicitations where they are answered.
@safe final class DHCPv6Sockets {
    /// Messages handled at a time.
    static let batch: UInt32 = 64
    /// A message in a frame of 1,500 bytes and more.
    static let slotSize: UInt32 = 2_048
    /// Answers fit into the smallest packet of IPv6 (1,280 bytes), so they are never in fragments; and nobody is sent more than that for a
    /// request whose source may be forged.
    static let answerSize = 1_232
    /// All servers and relays on the link (RFC 8415, section 7.1).
    static let allServers = CSysIPv6Address(high: 0xFF02_0000_0000_0000, low: 0x1_0002)
    /// All nodes on the link (RFC 4291, section 2.7.1).
    static let allNodes = IPv6Address(high: 0xFF02_0000_0000_0000, low: 1)

    let udp: Int32
    /// Raw ICMPv6; negative where no router advertisements are sent.
    let icmp: Int32
    let interface: Int32
    private let inbound: OpaquePointer
    private let outbound: OpaquePointer
    private var count: UInt32 = 0
    /// What is waited for; the first is the service's own.
    private var descriptors: [Int32]
    private var solicitation = [UInt8](repeating: 0, count: Int(slotSize))

    init(_ configuration: DHCPv6SegmentConfiguration) throws(DHCPServiceError) {
        let name = configuration.interfaceName
        let interface = unsafe csys_interface_index(name)
        guard interface > 0 else { throw DHCPServiceError(.noInterface, "there is no network interface '\(name)'") }
        let udp = unsafe csys_udp6_socket(name, configuration.serverPort, Self.allServers, 1 << 20)
        guard udp >= 0 else {
            throw DHCPServiceError(.socket, "UDP port \(configuration.serverPort) over IPv6 on \(name): \(Self.reason(udp))")
        }
        var icmp: Int32 = -1
        if configuration.routerAdvertisements {
            icmp = unsafe csys_icmpv6_socket(name, RouterSolicitation.type)
            guard icmp >= 0 else {
                close(udp)
                throw DHCPServiceError(.socket, "ICMPv6 socket on \(name): \(Self.reason(icmp))")
            }
        }
        guard let inbound = unsafe csys_datagrams6_create(Self.batch, Self.slotSize),
            let outbound = unsafe csys_datagrams6_create(Self.batch, Self.slotSize)
        else {
            close(udp)
            if icmp >= 0 { close(icmp) }
            throw DHCPServiceError(.resources, "no memory for packets")
        }
        self.interface = interface
        self.udp = udp
        self.icmp = icmp
        self.descriptors = icmp >= 0 ? [-1, udp, icmp] : [-1, udp]
        unsafe self.inbound = inbound
        unsafe self.outbound = outbound
    }

    deinit {
        close(self.udp)
        if self.icmp >= 0 { close(self.icmp) }
        unsafe csys_datagrams6_destroy(self.inbound)
        unsafe csys_datagrams6_destroy(self.outbound)
    }

    private static func reason(_ code: Int32) -> String {
        unsafe strerror(-code).map { unsafe String(cString: $0) } ?? "error \(-code)"
    }

    /// Waits for a descriptor of the service (bit 0), for DHCPv6 (bit 1), or for a solicitation (bit 2); 0 after the time.
    func wait(for wakeup: Int32, milliseconds: Int32) -> Int32 {
        self.descriptors[0] = wakeup
        return unsafe self.descriptors.withUnsafeBufferPointer { buffer in
            unsafe csys_wait_any(buffer.baseAddress, Int32(buffer.count), milliseconds)
        }
    }

    // MARK: DHCPv6

    /// Takes in what has arrived.
    ///
    /// - Returns: how many messages, or the negated error number.
    func receive() -> Int {
        self.count = 0
        return Int(unsafe csys_datagrams6_receive(self.inbound, self.udp))
    }

    /// Lets the responder answer one message that was received. The answer waits for ``send()``.
    func answer(
        _ index: Int, _ respond: (borrowing Span<UInt8>, DHCPv6Origin, UnsafeMutableRawBufferPointer) -> DHCPv6Transmission?
    ) {
        guard index < Int(Self.batch) else { return }
        let slot = UInt32(truncatingIfNeeded: index)
        let length = Int(unsafe csys_datagrams6_length(self.inbound, slot))
        guard length > 0 else { return }
        let bytes = unsafe UnsafeBufferPointer<UInt8>(start: csys_datagrams6_bytes(self.inbound, slot), count: length)
        let source = unsafe csys_datagrams6_source(self.inbound, slot)
        let origin = DHCPv6Origin(
            source: IPv6Address(high: source.high, low: source.low), isMulticast: unsafe csys_datagrams6_is_multicast(self.inbound, slot) != 0
        )
        let room = unsafe UnsafeMutableRawBufferPointer(start: csys_datagrams6_bytes(self.outbound, self.count), count: Self.answerSize)
        guard let answer = unsafe respond(bytes.span, origin, room) else { return }
        unsafe csys_datagrams6_address(
            self.outbound, self.count, UInt32(truncatingIfNeeded: answer.length), self.interface, source, answer.port
        )
        self.count += 1
    }

    /// Sends the answers.
    ///
    /// - Returns: how many the network would not take.
    func send() -> Int {
        var failures = 0
        var first: UInt32 = 0
        while first < self.count {
            let sent = unsafe csys_datagrams6_send(self.outbound, self.udp, first, self.count - first)
            failures += sent > 0 ? 0 : 1
            first += sent > 0 ? UInt32(sent) : 1
        }
        return failures
    }

    // MARK: Router advertisements

    /// Takes in all router solicitations that wait, at most 64.
    ///
    /// - Returns: how many were sound.
    func receiveSolicitations() -> Int {
        var sound = 0
        for _ in 0..<Self.batch {
            var source = CSysIPv6Address()
            let length = unsafe self.solicitation.withUnsafeMutableBufferPointer { buffer in
                unsafe csys_icmpv6_receive(self.icmp, buffer.baseAddress, buffer.count, &source)
            }
            if length == -Int(EBADMSG) { continue }
            guard length > 0 else { break }
            if (try? RouterSolicitation(parsing: self.solicitation.span.extracting(first: length))) != nil { sound += 1 }
        }
        return sound
    }

    /// Sends a router advertisement to all nodes.
    func advertise(_ bytes: [UInt8]) -> Bool {
        let destination = CSysIPv6Address(high: Self.allNodes.high, low: Self.allNodes.low)
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe csys_icmpv6_send(self.icmp, buffer.baseAddress, buffer.count, self.interface, destination) == 0
        }
    }
}
