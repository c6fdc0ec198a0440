// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import DHCP
internal import Domain
internal import Leasing

/// Where an answer goes (RFC 2131, section 4.1).
enum DHCPDestination: Sendable, Hashable {
    /// By UDP: to a relay agent, or to a client that uses its address already. `client` is that client on our own wire, for when
    /// the kernel has no way to the address.
    case datagram(IPv4Address, port: UInt16, client: MACAddress?)
    /// In a frame of our own: the client does not use its address yet.
    case frame(MACAddress, IPv4Address)
}

/// An answer in a slot.
struct DHCPTransmission: Sendable, Hashable {
    var length: Int
    var destination: DHCPDestination
    /// The answer promises something that is not on disk yet, and that this service promises only then.
    var waitsForDisk = false
}

/// From a datagram to the datagram that answers it. No I/O and no allocation: this is the packet path.
struct DHCPResponder: Sendable {
    var core: LeaseCore
    var template: DHCPReplyTemplate
    var counters = DHCPCounters()
    let observations: DHCPObservations
    let durability: LeaseDurability
    /// Bindings that the journal does not have yet, since they were last taken.
    private var fresh: [AddressRecord] = []
    private var foreignServers = ForeignServers()
    /// When a BOOTP client was last reported, in milliseconds of the wall clock.
    private var lastBOOTP: Int64?

    private static let broadcastMAC = MACAddress(rawValue: 0xFFFF_FFFF_FFFF)
    private static let broadcastAddress = IPv4Address(rawValue: 0xFFFF_FFFF)
    private static let noAddress = IPv4Address(rawValue: 0)

    init(core: LeaseCore, template: DHCPReplyTemplate, observations: DHCPObservations, durability: LeaseDurability = .process) {
        self.core = core
        self.template = template
        self.observations = observations
        self.durability = durability
    }

    /// Exchanges the new bindings for an empty array that has its memory already.
    mutating func takeFresh(_ bindings: inout [AddressRecord]) {
        guard !self.fresh.isEmpty else { return }
        swap(&self.fresh, &bindings)
    }

    /// Decides about one datagram and writes the answer.
    ///
    /// - Parameters:
    ///   - slot: room for the answer's DHCP message.
    ///   - milliseconds: the wall clock, for the observations only.
    /// - Returns: nil when nothing is to be sent.
    mutating func respond(
        to bytes: borrowing Span<UInt8>, slot: UnsafeMutableRawBufferPointer, now: Instant, milliseconds: Int64
    ) -> DHCPTransmission? {
        self.counters.received &+= 1
        guard let request = try? DHCPMessageView(parsing: bytes), request.isRequest, let client = request.macAddress else {
            self.counters.malformed &+= 1
            return nil
        }
        guard let type = request.messageType else {
            self.noteBOOTP(request, client, milliseconds: milliseconds)
            return nil
        }
        guard let kind = Self.kind(of: type) else {
            self.counters.malformed &+= 1
            return nil
        }
        // A client that a relay agent told to take the agent for its server means us (RFC 5107, section 4).
        let isOurs = request.serverIdentifier != nil && request.serverIdentifier == request.relayAgent.serverIdentifierOverride
        let query = LeaseQuery(
            kind: kind, client: client, requestedAddress: request.requestedAddress, clientAddress: request.clientAddress,
            serverIdentifier: isOurs ? self.template.serviceAddress : request.serverIdentifier, linkAddress: request.linkAddress
        )
        let decision = self.core.decide(query, now: now)
        self.note(query, decision, request, milliseconds: milliseconds)
        switch decision {
        case .offer(let address, let seconds):
            return unsafe self.answer(.offer, address: address, leaseSeconds: seconds, request, bytes, slot)
        case .acknowledge(let address, let seconds):
            var answer = unsafe self.answer(.acknowledge, address: address, leaseSeconds: seconds, request, bytes, slot)
            if let binding = self.core.bindingAwaitingDisk(of: address) {
                self.fresh.append(binding)
                answer?.waitsForDisk = self.durability == .disk
            }
            return answer
        case .inform:
            return unsafe self.answer(.acknowledge, address: Self.noAddress, leaseSeconds: nil, request, bytes, slot)
        case .refuse(let reason):
            return unsafe self.refuse(reason, request, bytes, slot)
        case .recorded, .silent:
            return nil
        }
    }

    private static func kind(of type: DHCPMessageType) -> LeaseQuery.Kind? {
        switch type {
        case .discover: .discover
        case .request: .request
        case .release: .release
        case .decline: .decline
        case .inform: .inform
        case .offer, .acknowledge, .refuse: nil
        }
    }

    // MARK: Answers

    private mutating func answer(
        _ type: DHCPMessageType, address: IPv4Address, leaseSeconds: Int?, _ request: DHCPMessageView, _ bytes: borrowing Span<UInt8>,
        _ slot: UnsafeMutableRawBufferPointer
    ) -> DHCPTransmission? {
        let limit = self.limit(of: request)
        guard var writer = unsafe DHCPMessageWriter(slot: self.frame(slot), limit: limit) else { return nil }
        writer.beginReply(
            to: request, in: bytes, clientAddress: request.clientAddress, yourAddress: address,
            nextServer: self.template.serviceAddress
        )
        self.template.writeOptions(
            type, leaseSeconds: leaseSeconds, server: self.server(for: request), to: request, in: bytes, writer: &writer
        )
        let length = writer.finish()
        self.counters.omittedOptions &+= writer.omitted
        return DHCPTransmission(length: length, destination: self.destination(of: request, address: address))
    }

    private mutating func refuse(
        _ reason: LeaseDecision.RefusalReason, _ request: DHCPMessageView, _ bytes: borrowing Span<UInt8>, _ slot: UnsafeMutableRawBufferPointer
    ) -> DHCPTransmission? {
        guard var writer = unsafe DHCPMessageWriter(slot: self.frame(slot), limit: 548) else { return nil }
        let isRelayed = request.relayAddress != Self.noAddress
        writer.beginReply(
            to: request, in: bytes, clientAddress: Self.noAddress, yourAddress: Self.noAddress, nextServer: Self.noAddress,
            forcesBroadcast: isRelayed
        )
        writer.append(.messageType, byte: DHCPMessageType.refuse.rawValue)
        writer.append(.serverIdentifier, address: self.server(for: request))
        writer.echo(.clientIdentifier, of: request, in: bytes)
        writer.echoRelayAgent(of: request, in: bytes)
        let destination: DHCPDestination =
            isRelayed
            ? .datagram(request.relayAddress, port: self.template.serverPort, client: nil)
            : .frame(Self.broadcastMAC, Self.broadcastAddress)
        return DHCPTransmission(length: writer.finish(), destination: destination)
    }

    /// The most bytes that the client takes. What it says counts the IP and UDP headers too (RFC 2132, section 9.10); 576 is what everybody
    /// must take, and all that a relay agent outside our network gets: it may be a forged one, and its network not care for our answers.
    private func limit(of request: DHCPMessageView) -> Int {
        let relay = request.relayAddress
        let isKnown = relay == Self.noAddress || self.core.segment.subnet.contains(relay)
        return (isKnown ? max(576, Int(request.maximumMessageSize ?? 576)) : 576) - UDPFrame.headerLength
    }

    /// As much of a slot as goes into one frame.
    private func frame(_ slot: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: slot[..<min(slot.count, self.template.maximumLength)])
    }

    /// What the client knows as its server.
    private func server(for request: DHCPMessageView) -> IPv4Address {
        request.relayAgent.serverIdentifierOverride ?? self.template.serviceAddress
    }

    private func destination(of request: DHCPMessageView, address: IPv4Address) -> DHCPDestination {
        if request.relayAddress != Self.noAddress {
            return .datagram(request.relayAddress, port: self.template.serverPort, client: nil)
        }
        // Only to an address that we know to be the client's, or that an inform asks for: `ciaddr` is anybody's claim.
        if request.clientAddress != Self.noAddress, address == request.clientAddress || address == Self.noAddress {
            return .datagram(request.clientAddress, port: self.template.clientPort, client: request.macAddress)
        }
        guard !request.wantsBroadcast, let client = request.macAddress else {
            return .frame(Self.broadcastMAC, Self.broadcastAddress)
        }
        return .frame(client, address)
    }

    // MARK: What happened

    /// BOOTP clients keep their address for ever and know no leases: they are not served, and their operator is told once a minute.
    private mutating func noteBOOTP(_ request: DHCPMessageView, _ client: MACAddress, milliseconds: Int64) {
        self.counters.bootp &+= 1
        if let last = self.lastBOOTP, (0..<60_000).contains(milliseconds &- last) { return }
        self.lastBOOTP = milliseconds
        self.observations.record(
            DHCPObservation(
                kind: .silent, macAddress: client, address: nil, architecture: nil, isIPXE: false, vendor: .none,
                transactionID: request.transactionID, milliseconds: milliseconds, reason: .bootp
            )
        )
    }

    private mutating func note(
        _ query: LeaseQuery, _ decision: LeaseDecision, _ request: DHCPMessageView, milliseconds: Int64
    ) {
        let asked: DHCPObservation.Kind
        var address = query.requestedAddress
        switch query.kind {
        case .discover:
            asked = .discover
            self.counters.discovers &+= 1
        case .request:
            asked = .request
            self.counters.requests &+= 1
        case .release:
            asked = .release
            self.counters.releases &+= 1
        case .decline:
            asked = .decline
            self.counters.declines &+= 1
        case .inform:
            asked = .inform
            self.counters.informs &+= 1
        }
        if address == nil, query.clientAddress != Self.noAddress { address = query.clientAddress }
        if case .silent(.standby) = decision {
            // The rack that answers tells of it.
            self.counters.silences &+= 1
            return
        }
        var observation = DHCPObservation(
            kind: asked, macAddress: query.client, address: address, architecture: request.architecture?.rawValue,
            isIPXE: request.isIPXE, vendor: Self.vendor(request.vendorClass), transactionID: request.transactionID,
            milliseconds: milliseconds, reason: nil
        )
        self.observations.record(observation)
        switch decision {
        case .offer(let given, _):
            self.counters.offers &+= 1
            observation.kind = .offer
            observation.address = given
        case .acknowledge(let given, _):
            self.counters.acknowledgements &+= 1
            observation.kind = .acknowledge
            observation.address = given
        case .refuse(let reason):
            self.counters.refusals &+= 1
            observation.kind = .refuse
            observation.reason = .refused(reason)
        case .silent(let reason):
            self.counters.silences &+= 1
            observation.kind = .silent
            observation.reason = .silent(reason)
        case .recorded(.choseAnotherServer):
            self.counters.foreignRequests &+= 1
            // Through a relay others may serve too, as the operator of the relay has set it up.
            guard request.relayAddress == Self.noAddress, let server = query.serverIdentifier,
                self.foreignServers.isNews(server, milliseconds: milliseconds)
            else { return }
            observation.kind = .foreignServer
            observation.address = server
        case .inform, .recorded: return
        }
        self.observations.record(observation)
    }

    /// Another server answered a discover of ours.
    mutating func noteForeignOffer(of server: IPv4Address, _ device: MACAddress, milliseconds: Int64) {
        guard self.foreignServers.isNews(server, milliseconds: milliseconds) else { return }
        self.observations.record(
            DHCPObservation(
                kind: .foreignOffer, macAddress: device, address: server, architecture: nil, isIPXE: false, vendor: .none, transactionID: 0,
                milliseconds: milliseconds, reason: nil
            )
        )
    }

    private static func vendor(_ vendorClass: DHCPMessageView.VendorClass) -> DHCPObservation.Vendor {
        switch vendorClass {
        case .none: .none
        case .pxeClient: .pxeClient
        case .httpClient: .httpClient
        case .other: .other
        }
    }
}
