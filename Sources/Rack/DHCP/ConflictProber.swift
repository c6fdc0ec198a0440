// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Leasing

/// Decides which addresses to ask about and what an answer means (RFC 5227), in the background: a client never waits for it. Pure.
struct ConflictProber: Sendable {
    /// How many of the addresses that are given out next are looked at.
    static let lookahead = 64
    /// Questions sent in one second at most.
    static let perSecond = 16
    /// Questions about one address, a second apart (RFC 5227, section 1.1: PROBE_NUM).
    static let questions = 3
    /// After how long a silent address is asked about again.
    static let pause = 300
    /// A device that answers for every address, as a router with proxy ARP does, must not cost the segment its pool.
    static let conflictsPerHour = 16

    private struct Probe {
        var questions = 0
        var asked = Instant.distantPast
    }

    private var probes: [IPv4Address: Probe] = [:]
    private var hourEnd = Instant.distantPast
    private var conflicts = 0

    enum Verdict: Sendable, Hashable {
        /// Nobody asked about it lately.
        case unrelated
        case inUse
        /// More conflicts than can be true.
        case doubtful
    }

    /// The addresses to ask about now; call it once a second.
    ///
    /// - Parameter upcoming: the addresses that are given out next, in that order.
    mutating func addresses(upcoming: [IPv4Address], now: Instant) -> [IPv4Address] {
        let wanted = upcoming.prefix(Self.lookahead)
        let known = Set(wanted)
        // What was given out meanwhile may still be answered for; later it is forgotten.
        self.probes = self.probes.filter { known.contains($0.key) || now.nanoseconds(until: $0.value.asked.advanced(bySeconds: 5)) > 0 }
        var asked: [IPv4Address] = []
        for address in wanted {
            var probe = self.probes[address] ?? Probe()
            if probe.questions >= Self.questions, probe.asked.advanced(bySeconds: Self.pause) <= now { probe.questions = 0 }
            guard probe.questions < Self.questions else { continue }
            probe.questions += 1
            probe.asked = now
            self.probes[address] = probe
            asked.append(address)
            if asked.count == Self.perSecond { break }
        }
        return asked
    }

    /// What it means that somebody says an address is theirs.
    mutating func verdict(on address: IPv4Address, now: Instant) -> Verdict {
        guard self.probes.removeValue(forKey: address) != nil else { return .unrelated }
        if self.hourEnd <= now {
            self.hourEnd = now.advanced(bySeconds: 3_600)
            self.conflicts = 0
        }
        self.conflicts += 1
        return self.conflicts <= Self.conflictsPerHour ? .inUse : .doubtful
    }
}
