// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Who observes whom: all members of one roster compute the same graph.
///
/// Up to 11 members everyone observes everyone. Above that there are ten rings in pseudo-random orders, and each member observes the next
/// one of each ring, so it has ten subjects and ten observers. A ring's order follows from the identities alone and not from the roster's
/// version: otherwise each change of the roster would replace all connections of all members, rather than twenty.
public struct Overlay: Sendable, Hashable {
    /// The number of rings: K in Rapid (Suresh et al., ATC '18).
    public static let ringCount = 10

    /// Whom each member observes, in ascending order.
    private let subjects: [SystemID: [SystemID]]
    private let observers: [SystemID: [SystemID]]

    public init(roster: Roster) {
        let members = roster.members.map(\.id)
        var subjects: [SystemID: Set<SystemID>] = [:]
        if members.count <= Self.ringCount + 1 {
            for member in members { subjects[member] = Set(members).subtracting([member]) }
        } else {
            for ring in 0..<Self.ringCount {
                let order = Self.ring(ring, of: members, avoiding: subjects)
                for (index, member) in order.enumerated() { subjects[member, default: []].insert(order[(index + 1) % order.count]) }
            }
        }
        var observers: [SystemID: [SystemID]] = [:]
        for member in members {
            for subject in subjects[member] ?? [] { observers[subject, default: []].append(member) }
        }
        self.subjects = subjects.mapValues { $0.sorted() }
        self.observers = observers
    }

    public func subjects(of member: SystemID) -> [SystemID] { self.subjects[member] ?? [] }

    public func observers(of member: SystemID) -> [SystemID] { self.observers[member] ?? [] }

    /// To whom a member holds connections, in ascending order: news floods over all of them.
    public func neighbours(of member: SystemID) -> [SystemID] {
        Set(self.subjects(of: member)).union(self.observers(of: member)).sorted()
    }

    /// A ring's order by hash, in which members that would observe the same one twice change places with later ones.
    ///
    /// In a cluster of barely more than 11 a repetition may be left: that member then has one observer fewer.
    private static func ring(_ ring: Int, of members: [SystemID], avoiding taken: [SystemID: Set<SystemID>]) -> [SystemID] {
        var order = members.map { member in
            var hash = StableHash(seed: UInt64(ring))
            hash.take(member)
            return (hash: hash.mixed, member: member)
        }.sorted { ($0.hash, $0.member) < ($1.hash, $1.member) }.map(\.member)
        let count = order.count
        func repeats(_ index: Int) -> Bool {
            let first = order[(index + count) % count]
            return taken[first]?.contains(order[(index + 1) % count]) ?? false
        }
        for index in 0..<count where repeats(index) {
            let next = (index + 1) % count
            for step in 1..<(count - 1) {
                let other = (next + step) % count
                let edges = [index, next, other - 1, other]
                let before = edges.count { repeats($0) }
                order.swapAt(next, other)
                if !repeats(index), edges.count(where: { repeats($0) }) < before { break }
                order.swapAt(next, other)
            }
        }
        return order
    }
}
