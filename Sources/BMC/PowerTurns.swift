// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Who may talk to which BMC: one operation at a time for each, in order of arrival.
struct PowerTurns {
    enum Decision: Hashable {
        case go
        case wait(ticket: UInt64)
        case full
    }

    private struct Line {
        var tickets: [UInt64] = []
    }

    /// One entry for each BMC that an operation is talking to.
    private var lines: [String: Line] = [:]
    private var nextTicket: UInt64 = 0
    private let limit: Int

    /// - Parameter limit: how many operations may wait for one BMC.
    init(limit: Int) {
        self.limit = limit
    }

    var isEmpty: Bool { self.lines.isEmpty }

    mutating func enter(_ key: String) -> Decision {
        guard var line = self.lines[key] else {
            self.lines[key] = Line()
            return .go
        }
        guard line.tickets.count < self.limit else { return .full }
        self.nextTicket += 1
        line.tickets.append(self.nextTicket)
        self.lines[key] = line
        return .wait(ticket: self.nextTicket)
    }

    /// Ends a turn; the ticket returned has the next one.
    mutating func leave(_ key: String) -> UInt64? {
        guard var line = self.lines[key], !line.tickets.isEmpty else {
            self.lines[key] = nil
            return nil
        }
        let next = line.tickets.removeFirst()
        self.lines[key] = line
        return next
    }

    /// Takes a ticket out of the line. False when it is not there: then its turn has come.
    mutating func giveUp(_ ticket: UInt64, _ key: String) -> Bool {
        guard let index = self.lines[key]?.tickets.firstIndex(of: ticket) else { return false }
        self.lines[key]?.tickets.remove(at: index)
        return true
    }
}
