// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Answers to new bindings that wait until these are on disk: one set is being filled while the other one's write is under way.
///
/// Bounded: when a set is full, further answers are dropped, and their clients ask again.
struct WaitingAnswers {
    /// What is filled now, by the packet thread.
    private(set) var filling: DHCPAnswers
    private var spare: DHCPAnswers?
    /// The sockets that the answers go out by.
    var sockets: DHCPSockets?

    private static let capacity: UInt32 = 1_024

    init() throws(DHCPServiceError) {
        self.filling = try DHCPAnswers(capacity: Self.capacity)
        self.spare = try DHCPAnswers(capacity: Self.capacity)
    }

    /// Hands out what waits, for the thread that writes the journal; nil when nothing does.
    mutating func take() -> (answers: DHCPAnswers, sockets: DHCPSockets)? {
        guard self.filling.count > 0, let sockets = self.sockets, let spare = self.spare.take() else { return nil }
        let taken = self.filling
        self.filling = spare
        return (taken, sockets)
    }

    /// Takes a set back, which is empty by now.
    mutating func giveBack(_ answers: DHCPAnswers) {
        self.spare = answers
    }
}
