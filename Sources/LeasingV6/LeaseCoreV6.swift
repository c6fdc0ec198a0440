// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Leasing

/// A binding as others see it.
public struct BindingViewV6: Sendable, Hashable {
    public let address: IPv6Address
    public let macAddress: MACAddress?
    public let remainingSeconds: Int
}

/// Who has which IPv6 address on one segment, by this rack's knowledge. It needs no token and no grant, and nothing of it needs to last:
/// after a restart every binding is verified by ``AddressRule``. What is remembered only finds the rare clients whose addresses collide.
public struct LeaseCoreV6: Sendable {
    private struct Binding: Sendable {
        var holder: AddressHolder
        var macAddress: MACAddress?
        var end: Instant
    }

    /// What is to be done with an address that a client says it has.
    public enum Extension: Sendable, Hashable {
        case extended
        /// Of another network.
        case notOnLink
        /// No rack gave it to this client, or it rests.
        case unknown
    }

    /// Bindings remembered, about 100 bytes each. Beyond it addresses are given out by the rule alone: then two of 65,536 clients
    /// collide once in 100,000 segments.
    static let maximumBindings = 65_536
    /// Addresses that rest at the same time; beyond it the one that has rested longest comes back early.
    static let maximumQuarantine = 1_024
    /// How long an address that a client found in use is given to nobody.
    static let quarantineSeconds = 86_400

    public private(set) var segment: LeaseSegmentV6
    private var reserved: Set<IPv6Address>
    private var bindings: [IPv6Address: Binding] = [:]
    private var resting: [IPv6Address: Instant] = [:]

    public init(segment: LeaseSegmentV6) {
        self.segment = segment
        self.reserved = Set(segment.reservations.values)
    }

    /// Takes on other settings; bindings of another network are forgotten.
    public mutating func reconfigure(_ segment: LeaseSegmentV6) {
        if segment.rule != self.segment.rule {
            self.bindings = [:]
            self.resting = [:]
        }
        self.segment = segment
        self.reserved = Set(segment.reservations.values)
    }

    // MARK: Decisions

    /// The address that a client would get; nothing is remembered.
    ///
    /// - Parameter machine: the machine whose reserved address may be given, nil for an association that is not to have it.
    /// - Returns: nil when all of the client's addresses are others'.
    public func offer(to holder: AddressHolder, machine: MACAddress?, now: Instant) -> IPv6Address? {
        if let machine, let address = self.segment.reservations[machine] { return address }
        for salt in AddressRule.salts {
            guard let address = self.segment.rule.address(rack: self.segment.rackNumber, holder: holder, salt: salt),
                address != self.segment.serviceAddress, !self.reserved.contains(address), self.isFree(address, for: holder, now: now)
            else { continue }
            return address
        }
        return nil
    }

    /// Gives a client its address for one lease.
    public mutating func bind(_ holder: AddressHolder, machine: MACAddress?, now: Instant) -> IPv6Address? {
        guard let address = self.offer(to: holder, machine: machine, now: now) else { return nil }
        self.remember(address, holder, machine, now: now)
        return address
    }

    /// Extends an address for the client that has it, whichever rack gave it out.
    public mutating func extend(_ address: IPv6Address, for holder: AddressHolder, machine: MACAddress?, now: Instant) -> Extension {
        guard self.segment.rule.network.contains(address) else { return .notOnLink }
        guard self.belongs(address, to: holder, machine: machine, now: now) else { return .unknown }
        self.remember(address, holder, machine, now: now)
        return .extended
    }

    /// Whether an address that a client names is its own, by a reservation or by the rule.
    public func belongs(_ address: IPv6Address, to holder: AddressHolder, machine: MACAddress?, now: Instant) -> Bool {
        if let machine, self.segment.reservations[machine] == address { return true }
        return !self.reserved.contains(address) && address != self.segment.serviceAddress && self.segment.rule.isMade(address, for: holder)
            && self.isFree(address, for: holder, now: now)
    }

    /// Takes an address back.
    ///
    /// - Returns: whether it was the client's.
    public mutating func release(_ address: IPv6Address, by holder: AddressHolder, machine: MACAddress?, now: Instant) -> Bool {
        guard self.belongs(address, to: holder, machine: machine, now: now) else { return false }
        self.bindings[address] = nil
        return true
    }

    /// Lets an address rest because something else uses it. A reserved one does not: it is the operator's word.
    ///
    /// - Returns: whether it was the client's.
    public mutating func decline(_ address: IPv6Address, by holder: AddressHolder, machine: MACAddress?, now: Instant) -> Bool {
        guard self.release(address, by: holder, machine: machine, now: now) else { return false }
        guard !self.reserved.contains(address) else { return true }
        if self.resting.count >= Self.maximumQuarantine, let oldest = self.resting.min(by: { $0.value < $1.value }) {
            self.resting[oldest.key] = nil
        }
        self.resting[address] = now.advanced(bySeconds: Self.quarantineSeconds)
        return true
    }

    // MARK: Memory

    private func isFree(_ address: IPv6Address, for holder: AddressHolder, now: Instant) -> Bool {
        if let end = self.resting[address], end > now { return false }
        guard let binding = self.bindings[address], binding.end > now else { return true }
        return binding.holder == holder
    }

    private mutating func remember(_ address: IPv6Address, _ holder: AddressHolder, _ machine: MACAddress?, now: Instant) {
        guard self.bindings.count < Self.maximumBindings || self.bindings[address] != nil else { return }
        self.bindings[address] = Binding(holder: holder, macAddress: machine, end: now.advanced(bySeconds: self.segment.leaseSeconds))
    }

    /// Forgets what has ended; now and then, for memory's sake only.
    public mutating func sweep(now: Instant) {
        self.bindings = self.bindings.filter { $0.value.end > now }
        self.resting = self.resting.filter { $0.value > now }
    }

    /// What is bound, by address.
    public func leases(now: Instant) -> [BindingViewV6] {
        self.bindings.filter { $0.value.end > now }.sorted { $0.key < $1.key }.map { address, binding in
            BindingViewV6(
                address: address, macAddress: binding.macAddress,
                remainingSeconds: Int(now.nanoseconds(until: binding.end) / 1_000_000_000)
            )
        }
    }
}
