// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import DHCPv6
internal import Domain
internal import Leasing
internal import LeasingV6

extension DHCPv6Responder {
    /// The most associations of one message that get an address: firmware and operating systems have one for each interface.
    private static let maximumAssociations = 4
    /// The most addresses of one association that are looked at.
    private static let maximumAddresses = 8

    /// Writes what becomes of a request.
    mutating func writeOutcome(
        of request: DHCPv6MessageView, in bytes: borrowing Span<UInt8>, now: Instant, writer: inout DHCPv6MessageWriter,
        _ observation: inout DHCPv6Observation
    ) {
        switch request.type {
        case .confirm:
            self.confirm(request, in: bytes, writer: &writer, &observation)
        case .release, .decline:
            self.writeAssociations(of: request, in: bytes, now: now, writer: &writer, &observation)
            writer.append(status: .success, "noted")
        case .informationRequest:
            self.template.writeSettings(to: request, writer: &writer)
        default:
            self.writeAssociations(of: request, in: bytes, now: now, writer: &writer, &observation)
            if request.type == .solicit {
                // The highest: a client that has our word need not wait for others (RFC 8415, section 21.8).
                writer.append(.preference, byte: 255)
                if request.present.contains(.rapidCommit) { writer.append(.rapidCommit, bytes: []) }
            }
            self.template.writeSettings(to: request, writer: &writer)
        }
    }

    /// Whether the client is still where its addresses are (section 18.3.3).
    private func confirm(
        _ request: DHCPv6MessageView, in bytes: borrowing Span<UInt8>, writer: inout DHCPv6MessageWriter, _ observation: inout DHCPv6Observation
    ) {
        var associations = request.associations
        while let association = associations.next(in: bytes) {
            var addresses = request.addresses(of: association)
            while let entry = addresses.next(in: bytes) {
                observation.address = entry.address
                guard self.template.network.contains(entry.address) else {
                    observation.reason = .notOnLink
                    writer.append(status: .notOnLink, "another network")
                    return
                }
            }
        }
        writer.append(status: .success, "still here")
    }

    private mutating func writeAssociations(
        of request: DHCPv6MessageView, in bytes: borrowing Span<UInt8>, now: Instant, writer: inout DHCPv6MessageWriter,
        _ observation: inout DHCPv6Observation
    ) {
        guard let client = request.clientIdentifier else { return }
        var count = 0
        var associations = request.associations
        while let association = associations.next(in: bytes) {
            guard
                let open = writer.begin(
                    association, renewal: self.template.renewalSeconds, rebinding: self.template.rebindingSeconds
                )
            else { return }
            let holder = AddressHolder(identifier: client.range, of: bytes, association: association.identifier)
            // A machine has one reserved address, for the first association it names.
            let machine = count == 0 ? observation.macAddress : nil
            switch association.kind {
            case .prefixes: writer.append(status: .noPrefixAvailable, "no prefixes are delegated")
            case .addresses where count < Self.maximumAssociations && self.template.managed:
                count += 1
                let asked = Asked(type: request.type, isCommitted: request.present.contains(.rapidCommit), holder: holder, machine: machine)
                var addresses = request.addresses(of: association)
                self.write(asked, &addresses, in: bytes, now: now, writer: &writer, &observation)
            case .addresses, .temporaryAddresses: writer.append(status: .noAddressesAvailable, "none for this association")
            }
            writer.end(open)
        }
    }

    /// What a client asks for in one association.
    private struct Asked {
        var type: DHCPv6MessageType
        /// A solicitation that wants its answer at once.
        var isCommitted: Bool
        var holder: AddressHolder
        var machine: MACAddress?
    }

    private mutating func write(
        _ asked: Asked, _ addresses: inout DHCPv6MessageView.Addresses, in bytes: borrowing Span<UInt8>, now: Instant,
        writer: inout DHCPv6MessageWriter, _ observation: inout DHCPv6Observation
    ) {
        switch asked.type {
        case .release, .decline: self.takeBack(asked, &addresses, in: bytes, now: now, writer: &writer, &observation)
        case .renew, .rebind: self.extend(asked, &addresses, in: bytes, now: now, writer: &writer, &observation)
        default: self.assign(asked, &addresses, in: bytes, now: now, writer: &writer, &observation)
        }
    }

    /// Solicit and Request (sections 18.3.1 and 18.3.2): the client's own address, by preference the one that it names, which another rack may
    /// have given it; except that its machine's reserved address comes first.
    private mutating func assign(
        _ asked: Asked, _ addresses: inout DHCPv6MessageView.Addresses, in bytes: borrowing Span<UInt8>, now: Instant,
        writer: inout DHCPv6MessageWriter, _ observation: inout DHCPv6Observation
    ) {
        let isBinding = asked.type == .request || asked.isCommitted
        let reserved = asked.machine.flatMap { self.core.segment.reservations[$0] }
        var known: IPv6Address?
        var count = 0
        while reserved == nil, known == nil, count < Self.maximumAddresses, let entry = addresses.next(in: bytes) {
            count += 1
            if self.core.belongs(entry.address, to: asked.holder, machine: asked.machine, now: now) {
                known = entry.address
            } else if asked.type == .request, !self.template.network.contains(entry.address) {
                observation.reason = .notOnLink
                return writer.append(status: .notOnLink, "another network")
            }
        }
        let given: IPv6Address?
        if let known {
            if isBinding { _ = self.core.extend(known, for: asked.holder, machine: asked.machine, now: now) }
            given = known
        } else if isBinding {
            given = self.core.bind(asked.holder, machine: asked.machine, now: now)
        } else {
            given = self.core.offer(to: asked.holder, machine: asked.machine, now: now)
        }
        guard let given else {
            observation.reason = .noAddresses
            return writer.append(status: .noAddressesAvailable, "no address is left")
        }
        observation.address = given
        writer.append(address: given, preferredSeconds: self.template.preferredSeconds, validSeconds: self.template.validSeconds)
    }

    /// Renew and Rebind (sections 18.3.4 and 18.3.5): whichever rack gave an address out, this one can tell whether it is the client's.
    private mutating func extend(
        _ asked: Asked, _ addresses: inout DHCPv6MessageView.Addresses, in bytes: borrowing Span<UInt8>, now: Instant,
        writer: inout DHCPv6MessageWriter, _ observation: inout DHCPv6Observation
    ) {
        var count = 0
        var unknown = 0
        while count < Self.maximumAddresses, let entry = addresses.next(in: bytes) {
            count += 1
            switch self.core.extend(entry.address, for: asked.holder, machine: asked.machine, now: now) {
            case .extended:
                observation.address = entry.address
                writer.append(address: entry.address, preferredSeconds: self.template.preferredSeconds, validSeconds: self.template.validSeconds)
            case .notOnLink:
                // Lifetimes of zero: the client stops to use it.
                observation.reason = .notOnLink
                writer.append(address: entry.address, preferredSeconds: 0, validSeconds: 0)
            case .unknown:
                unknown += 1
                observation.reason = .noBinding
            }
        }
        if count == 0 {
            self.assign(asked, &addresses, in: bytes, now: now, writer: &writer, &observation)
        } else if unknown > 0, observation.address == nil {
            // The client asks anew, and gets its address then.
            writer.append(status: .noBinding, "not given to this client")
        }
    }

    /// Release and Decline (sections 18.3.7 and 18.3.8).
    private mutating func takeBack(
        _ asked: Asked, _ addresses: inout DHCPv6MessageView.Addresses, in bytes: borrowing Span<UInt8>, now: Instant,
        writer: inout DHCPv6MessageWriter, _ observation: inout DHCPv6Observation
    ) {
        var count = 0
        var isKnown = false
        while count < Self.maximumAddresses, let entry = addresses.next(in: bytes) {
            count += 1
            let isTaken =
                asked.type == .decline
                ? self.core.decline(entry.address, by: asked.holder, machine: asked.machine, now: now)
                : self.core.release(entry.address, by: asked.holder, machine: asked.machine, now: now)
            guard isTaken else { continue }
            isKnown = true
            observation.address = entry.address
        }
        guard !isKnown else { return }
        observation.reason = .noBinding
        writer.append(status: .noBinding, "not given to this client")
    }
}
