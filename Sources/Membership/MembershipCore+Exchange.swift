// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Leasing

extension MembershipCore {
    mutating func receive(_ message: MembershipMessage, from sender: SystemID, _ effects: inout [MembershipEffect]) {
        guard self.edges[sender] != nil || (self.mutations.contains(.joinsByGossip) && sender != self.member) else {
            // A member of a later roster is no neighbour yet; a stranger never is.
            if !self.isListed(sender) { effects.append(.report(.strangerRefused(sender))) }
            return
        }
        let listened = self.listened
        self.edges[sender]?.detector.heard(listened: listened)
        switch message {
        case .heartbeat(let sequence, let echo):
            guard var edge = self.edges[sender] else { return }
            edge.heard = sequence
            if echo > edge.echoed, echo <= edge.sequence {
                edge.echoed = echo
                edge.detector.echoed(listened: self.listened)
            }
            self.edges[sender] = edge
        case .digest(let rosterVersion, let digest):
            if rosterVersion > self.roster.version {
                effects.append(.report(.rosterOutdated(known: self.roster.version, heard: rosterVersion)))
            }
            if digest != self.digest { self.synchronize(with: sender, wantsReply: true, &effects) }
        case .records(let records, let wantsReply):
            self.merge(records, from: sender, &effects)
            if wantsReply { self.synchronize(with: sender, wantsReply: false, &effects) }
        }
    }

    func isListed(_ member: SystemID) -> Bool {
        member == self.member || self.roster.members.contains { $0.id == member }
    }

    /// Sends all records to a neighbour, but not again and again.
    private mutating func synchronize(with neighbour: SystemID, wantsReply: Bool, _ effects: inout [MembershipEffect]) {
        guard var edge = self.edges[neighbour], !self.mutations.contains(.neverSynchronizes),
            edge.lastSynchronization.nanoseconds(until: self.listened) >= Timing.synchronizationGap
        else { return }
        edge.lastSynchronization = self.listened
        self.edges[neighbour] = edge
        for message in MembershipMessage.splitting(self.sortedRecords, wantsReply: wantsReply) { effects.append(.send(message, to: neighbour)) }
    }

    private mutating func merge(_ records: [MemberRecord], from sender: SystemID, _ effects: inout [MembershipEffect]) {
        let listened = self.listened
        var news: [MemberRecord] = []
        for record in records {
            guard self.isListed(record.id) || self.mutations.contains(.joinsByGossip) else {
                effects.append(.report(.strangerRefused(record.id)))
                continue
            }
            if record.id == self.member, !self.mutations.contains(.letsOthersSpeak) {
                self.reclaim(record, &effects)
                continue
            }
            let known = self.records[record.id]
            if let known, known.version >= record.version {
                // A member that was started anew does not know how far its former life had come.
                if record.id == sender, record != known { effects.append(.send(.records([known], wantsReply: false), to: sender)) }
                continue
            }
            if known?.incarnation != record.incarnation || known?.status != record.status {
                self.edges[record.id]?.detector.heard(listened: listened)
                self.edges[record.id]?.detector.echoed(listened: listened)
            }
            if !Set(record.charges).isSubset(of: known?.charges ?? []) { self.lastAccusation = self.listened }
            self.store(record)
            news.append(record)
        }
        guard !news.isEmpty else { return }
        if !self.mutations.contains(.neverFloods) { self.flood(news, except: sender, &effects) }
    }

    /// Others have a record of this member that it did not make in this life: makes a later one.
    private mutating func reclaim(_ record: MemberRecord, _ effects: inout [MembershipEffect]) {
        guard let own = self.records[self.member], record.version >= own.version, record != own else { return }
        self.renew(&effects) { renewed in
            renewed.version = record.version
            if record.incarnation >= own.incarnation { renewed.incarnation = Self.successor(record.incarnation) }
        }
    }
}
