// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

@testable import Leasing

/// One rack with a region and a disk that answer at once.
struct LeaseFixture {
    var core: LeaseCore
    var authority: LeaseAuthority
    var now = Instant(nanoseconds: 5_000_000_000)
    /// What the journal holds.
    var disk: [LeaseRecord] = []
    var diskWorks = true
    var reports: [LeaseReport.Entry] = []
    var problems: [LeaseProblem] = []
    var replications: [BindingReplication] = []
    /// Messages go both ways.
    var isLinked = true

    static let service = IPv4Address(rawValue: 0x0A00_00FE)
    static let rack = LeaseWorld.names[0]
    static let terms = LeaseTerms(
        maximumLeaseSeconds: 600, grantSeconds: 86_400, debitBlock: 4, tokenTarget: 16, quarantineSeconds: 86_400, offerSeconds: 30
    )

    init(addresses: Int = 16, reservations: [Reservation] = [], records: [LeaseRecord] = []) {
        let segment = LeaseSegment(
            segmentID: 1, subnet: LeaseWorld.subnet, serviceAddress: Self.service, leaseSeconds: 600, reservations: reservations
        )
        self.core = LeaseCore(
            segment: segment, rack: Self.rack, terms: Self.terms, journal: 11, incarnation: 1, records: records, now: self.now
        )
        self.authority = LeaseAuthority(segmentID: 1, terms: Self.terms)
        _ = self.authority.handle(.ensembleChanged([Self.rack]), now: self.now)
        let range = AddressRange(first: Self.address(10), last: Self.address(9 + addresses))
        _ = self.authority.handle(.poolChanged(ranges: [range], reservations: []), now: self.now)
        self.disk = records
    }

    /// 10.0.0.n.
    static func address(_ number: Int) -> IPv4Address { IPv4Address(rawValue: 0x0A00_0000 + UInt32(number)) }
    static func mac(_ number: Int) -> MACAddress { MACAddress(rawValue: 0x5254_0000_0000 + UInt64(number)) }

    mutating func send(_ event: LeaseEvent) {
        var events = [event]
        while !events.isEmpty {
            for effect in self.core.handle(events.removeFirst(), now: self.now) {
                switch effect {
                case .persist(let record, sequence: let sequence):
                    if self.diskWorks { self.disk.append(record) }
                    events.append(self.diskWorks ? .persisted(through: sequence) : .persistFailed)
                case .rewrite(let records, sequence: let sequence):
                    if self.diskWorks { self.disk = records }
                    events.append(self.diskWorks ? .persisted(through: sequence) : .persistFailed)
                case .send(let message):
                    if case .report(let report) = message { self.reports += report.entries }
                    if self.isLinked { events += self.deliver(self.authority.handle(.received(message), now: self.now)) }
                case .replicate(let replication): self.replications.append(replication)
                case .report(let problem): self.problems.append(problem)
                }
            }
        }
    }

    /// Lets the authority act.
    mutating func region(_ event: LeaseAuthorityEvent) {
        for event in self.deliver(self.authority.handle(event, now: self.now)) { self.send(event) }
    }

    private func deliver(_ effects: [LeaseAuthorityEffect]) -> [LeaseEvent] {
        effects.compactMap { if case .send(let message, to: Self.rack) = $0 { .received(message) } else { nil } }
    }

    mutating func pass(seconds: Int) {
        self.now = self.now.advanced(bySeconds: seconds)
        self.send(.timeElapsed)
        self.region(.timeElapsed)
    }

    mutating func decide(_ query: LeaseQuery) -> LeaseDecision {
        let decision = self.core.decide(query, now: self.now)
        if self.core.needsAttention { self.send(.timeElapsed) }
        return decision
    }

    mutating func discover(_ client: Int, asking: IPv4Address? = nil) -> LeaseDecision {
        self.decide(LeaseQuery(kind: .discover, client: Self.mac(client), requestedAddress: asking))
    }

    /// SELECTING.
    mutating func select(_ client: Int, _ address: IPv4Address, server: IPv4Address = LeaseFixture.service) -> LeaseDecision {
        self.decide(LeaseQuery(kind: .request, client: Self.mac(client), requestedAddress: address, serverIdentifier: server))
    }

    /// INIT-REBOOT.
    mutating func reboot(_ client: Int, _ address: IPv4Address) -> LeaseDecision {
        self.decide(LeaseQuery(kind: .request, client: Self.mac(client), requestedAddress: address))
    }

    /// RENEWING and REBINDING.
    mutating func renew(_ client: Int, _ address: IPv4Address) -> LeaseDecision {
        self.decide(LeaseQuery(kind: .request, client: Self.mac(client), clientAddress: address))
    }

    mutating func release(_ client: Int, _ address: IPv4Address) -> LeaseDecision {
        self.decide(LeaseQuery(kind: .release, client: Self.mac(client), clientAddress: address, serverIdentifier: Self.service))
    }

    /// Discovers and selects; the address, or nil.
    mutating func acquire(_ client: Int) -> IPv4Address? {
        guard case .offer(let address, _) = self.discover(client), case .acknowledge(let given, _) = self.select(client, address) else { return nil }
        return given
    }

    /// The rack's process ends without warning, or in order, and starts again.
    mutating func restart(cleanly: Bool = false, recent: [AddressRecord] = []) {
        if cleanly { self.send(.stopping) }
        let incarnation = self.core.incarnation + 1
        self.core = LeaseCore(
            segment: self.core.segment, rack: Self.rack, terms: Self.terms, journal: 99, incarnation: incarnation, records: self.disk,
            recent: recent, now: self.now
        )
        self.send(.started)
    }
}
