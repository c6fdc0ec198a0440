// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// One lease, for people and for the API.
public struct BindingView: Sendable, Hashable, Codable {
    public var address: IPv4Address
    public var generation: UInt32
    public var client: MACAddress
    public var isReservation: Bool
    public var isReleased: Bool
    /// Zero when the lease has ended; the address is still this client's until it is recycled.
    public var remainingSeconds: Int
}

/// How a segment's addresses stand at one rack.
public struct LeaseStatistics: Sendable, Hashable {
    /// Tokens that no client has.
    public var unspent = 0
    /// Leases that have not ended.
    public var bound = 0
    /// Ended, but not recycled.
    public var expired = 0
    public var undecided = 0
    public var quarantined = 0

    public init(unspent: Int = 0) {
        self.unspent = unspent
    }
}

extension LeaseCore {
    /// The bindings that this rack knows, ordered by address.
    public func bindings(now: Instant) -> [BindingView] {
        self.table.slots.filter { $0.state == .bound }.map { slot in
            BindingView(
                address: IPv4Address(rawValue: slot.address), generation: slot.generation, client: MACAddress(rawValue: slot.client),
                isReservation: slot.reservedFor == slot.client, isReleased: slot.isReleased,
                remainingSeconds: slot.isReleased ? 0 : Self.remaining(slot.expiry, now: now)
            )
        }.sorted { $0.address < $1.address }
    }

    public func statistics(now: Instant) -> LeaseStatistics {
        var statistics = LeaseStatistics(unspent: self.unspent)
        for slot in self.table.slots {
            switch slot.state {
            case .bound where slot.expiry > now: statistics.bound += 1
            case .bound: statistics.expired += 1
            case .undecided: statistics.undecided += 1
            case .quarantined: statistics.quarantined += 1
            case .vacant, .arriving, .free, .debiting, .ready: break
            }
        }
        return statistics
    }
}
