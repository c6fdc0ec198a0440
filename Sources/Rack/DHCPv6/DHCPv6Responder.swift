// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import DHCPv6
internal import Domain
internal import Leasing
internal import LeasingV6

/// Where a datagram came from.
struct DHCPv6Origin: Sendable, Hashable {
    var source: IPv6Address
    /// Sent to the group of all servers and relays.
    var isMulticast: Bool
}

/// An answer in a slot; it goes back to where the request came from.
struct DHCPv6Transmission: Sendable, Hashable {
    var length: Int
    /// A relay listens on the servers' port, a client on its own.
    var port: UInt16
}

/// From a datagram to the datagram that answers it (RFC 8415, section 18.3). No I/O: this is the packet path.
struct DHCPv6Responder: Sendable {
    var core: LeaseCoreV6
    var template: DHCPv6ReplyTemplate
    var isActive = true
    var counters = DHCPv6Counters()
    let observations: DHCPv6Observations
    private var admission = DHCPAdmission(Self.limits)

    /// As over IPv4, but without a place to wait: DHCPv6 clients repeat themselves after a second and then ever more slowly, so what is
    /// dropped in a storm comes again, and is only delayed.
    private static let limits: DHCPLimits = {
        var limits = DHCPLimits()
        limits.clientWaiting = 0
        return limits
    }()

    init(core: LeaseCoreV6, template: DHCPv6ReplyTemplate, observations: DHCPv6Observations) {
        self.core = core
        self.template = template
        self.observations = observations
    }

    /// Decides about one datagram and writes the answer.
    ///
    /// - Parameters:
    ///   - slot: room for the answer, and no more than is to be sent.
    ///   - milliseconds: the wall clock, for the observations only.
    /// - Returns: nil when nothing is to be sent.
    mutating func respond(
        to bytes: borrowing Span<UInt8>, from origin: DHCPv6Origin, slot: UnsafeMutableRawBufferPointer, now: Instant, milliseconds: Int64
    ) -> DHCPv6Transmission? {
        self.counters.received &+= 1
        guard let request = try? DHCPv6MessageView(parsing: bytes), let kind = Self.kind(of: request.type) else {
            self.counters.malformed &+= 1
            return nil
        }
        let client = request.clientIdentifier?.range ?? 0..<0
        let who = AddressHolder(identifier: client, of: bytes, association: 0)
        guard self.admission.admit(who.digest, isQueueEmpty: true, now: now) == .now else {
            self.counters.limited &+= 1
            return nil
        }
        self.count(kind)
        var observation = DHCPv6Observation(
            kind: kind, macAddress: request.macAddress(from: origin.source, in: bytes), address: nil, architecture: request.architecture,
            isIPXE: request.isIPXE, transactionID: request.transactionID, milliseconds: milliseconds, reason: nil
        )
        self.observations.record(observation)
        if let reason = self.objection(to: request, in: bytes, from: origin) {
            return unsafe self.refuse(reason, request, bytes, slot, &observation)
        }
        guard var writer = unsafe DHCPv6MessageWriter(slot: slot), writer.beginReply(Self.answer(to: request), to: request, in: bytes) else {
            self.counters.omittedOptions &+= 1
            return nil
        }
        writer.append(.serverIdentifier, bytes: self.template.serverIdentifier)
        writer.echo(request.clientIdentifier, of: bytes)
        self.writeOutcome(of: request, in: bytes, now: now, writer: &writer, &observation)
        observation.kind = request.type == .solicit && Self.answer(to: request) == .advertise ? .advertise : .reply
        return self.finish(&writer, request, observation)
    }

    private mutating func finish(
        _ writer: inout DHCPv6MessageWriter, _ request: DHCPv6MessageView, _ observation: DHCPv6Observation
    ) -> DHCPv6Transmission {
        let length = writer.finish()
        self.counters.omittedOptions &+= writer.omitted
        if observation.kind == .advertise { self.counters.advertisements &+= 1 } else { self.counters.replies &+= 1 }
        self.observations.record(observation)
        return DHCPv6Transmission(length: length, port: request.relayCount > 0 ? self.template.serverPort : self.template.clientPort)
    }

    private static func kind(of type: DHCPv6MessageType) -> DHCPv6Observation.Kind? {
        switch type {
        case .solicit: .solicit
        case .request: .request
        case .confirm: .confirm
        case .renew: .renew
        case .rebind: .rebind
        case .release: .release
        case .decline: .decline
        case .informationRequest: .inform
        case .advertise, .reply, .reconfigure, .relayForward, .relayReply: nil
        }
    }

    private static func answer(to request: DHCPv6MessageView) -> DHCPv6MessageType {
        request.type == .solicit && !request.present.contains(.rapidCommit) ? .advertise : .reply
    }

    // MARK: What is not answered

    /// The checks of RFC 8415, section 16.
    private func objection(
        to request: DHCPv6MessageView, in bytes: borrowing Span<UInt8>, from origin: DHCPv6Origin
    ) -> DHCPv6Observation.Reason? {
        let hasServer = request.serverIdentifier != nil
        let isOurs = request.isFor(server: self.template.serverIdentifier, in: bytes)
        switch request.type {
        case .solicit, .confirm, .rebind:
            guard request.clientIdentifier != nil, !hasServer else { return .badIdentifiers }
            guard request.type != .confirm || Self.namesAddresses(request, in: bytes) else { return .nothingToConfirm }
        case .informationRequest:
            // Addresses are not what it asks for; section 16.12.
            guard !request.present.contains(.nonTemporaryAddresses) else { return .badIdentifiers }
            guard !hasServer || isOurs else { return .anotherServer }
        default:
            guard request.clientIdentifier != nil, hasServer else { return .badIdentifiers }
            guard isOurs else { return .anotherServer }
        }
        guard self.isActive else { return .standby }
        if let link = request.linkAddress {
            guard self.template.network.contains(link) else { return .notOurLink }
        } else if request.relayCount == 0, !origin.isMulticast {
            return .unicast
        }
        return nil
    }

    private static func namesAddresses(_ request: DHCPv6MessageView, in bytes: borrowing Span<UInt8>) -> Bool {
        var associations = request.associations
        while let association = associations.next(in: bytes) {
            var addresses = request.addresses(of: association)
            if addresses.next(in: bytes) != nil { return true }
        }
        return false
    }

    private mutating func refuse(
        _ reason: DHCPv6Observation.Reason, _ request: DHCPv6MessageView, _ bytes: borrowing Span<UInt8>, _ slot: UnsafeMutableRawBufferPointer,
        _ observation: inout DHCPv6Observation
    ) -> DHCPv6Transmission? {
        observation.reason = reason
        if reason == .anotherServer { self.counters.foreignRequests &+= 1 }
        // Only clients that know us are told (section 18.4); the others' messages are dropped.
        let isTold = reason == .unicast && request.serverIdentifier != nil && request.type != .informationRequest
        guard isTold, var writer = unsafe DHCPv6MessageWriter(slot: slot), writer.beginReply(.reply, to: request, in: bytes) else {
            observation.kind = .silent
            self.counters.silences &+= 1
            self.observations.record(observation)
            return nil
        }
        writer.append(.serverIdentifier, bytes: self.template.serverIdentifier)
        writer.echo(request.clientIdentifier, of: bytes)
        writer.append(status: .useMulticast, "use multicast")
        observation.kind = .reply
        return self.finish(&writer, request, observation)
    }

    private mutating func count(_ kind: DHCPv6Observation.Kind) {
        switch kind {
        case .solicit: self.counters.solicits &+= 1
        case .request: self.counters.requests &+= 1
        case .confirm: self.counters.confirms &+= 1
        case .renew: self.counters.renewals &+= 1
        case .rebind: self.counters.rebinds &+= 1
        case .release: self.counters.releases &+= 1
        case .decline: self.counters.declines &+= 1
        case .inform: self.counters.informationRequests &+= 1
        case .advertise, .reply, .silent: break
        }
    }
}
