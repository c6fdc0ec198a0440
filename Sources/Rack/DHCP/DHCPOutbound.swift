// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
public import Leasing
internal import Synchronization

/// What one service tells the region; for one consumer.
///
/// Lease reports are coalesced by address, so that a region that is away for a day costs no more than the addresses there are.
/// All other messages are repeated by their core, so the oldest of them are dropped when too many wait.
public final class DHCPOutbound: AsyncSequence, Sendable {
    public typealias Element = LeaseRackMessage
    public typealias Failure = Never

    /// The most addresses that one report names.
    static let reportSize = 256
    static let maximumWaiting = 256

    private struct State {
        var waiting: [LeaseRackMessage] = []
        var entries: [IPv4Address: LeaseReport.Entry] = [:]
        /// The addresses in the order of their first change.
        var order: [IPv4Address] = []
        var isFinished = false
    }

    private let segmentID: Int
    private let rack: SystemID
    private let state = Mutex(State())
    private let wakeups: AsyncStream<Void>
    private let wakeup: AsyncStream<Void>.Continuation

    init(segmentID: Int, rack: SystemID) {
        self.segmentID = segmentID
        self.rack = rack
        (self.wakeups, self.wakeup) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func put(_ message: LeaseRackMessage) {
        self.state.withLock { state in
            if case .report(let report) = message {
                for entry in report.entries {
                    if state.entries.updateValue(entry, forKey: entry.address) == nil { state.order.append(entry.address) }
                }
                return
            }
            if state.waiting.count >= Self.maximumWaiting { state.waiting.removeFirst() }
            state.waiting.append(message)
        }
        self.wakeup.yield()
    }

    /// Takes a report back that could not be sent; what is known of its addresses by now wins.
    func putBack(_ report: LeaseReport) {
        self.state.withLock { state in
            for entry in report.entries where state.entries[entry.address] == nil {
                state.entries[entry.address] = entry
                state.order.append(entry.address)
            }
        }
        self.wakeup.yield()
    }

    func finish() {
        self.state.withLock { $0.isFinished = true }
        self.wakeup.finish()
    }

    private func take() -> (LeaseRackMessage?, isFinished: Bool) {
        self.state.withLock { state in
            if !state.waiting.isEmpty { return (state.waiting.removeFirst(), state.isFinished) }
            guard !state.order.isEmpty else { return (nil, state.isFinished) }
            let addresses = state.order.prefix(Self.reportSize)
            let entries = addresses.compactMap { state.entries.removeValue(forKey: $0) }
            state.order.removeFirst(addresses.count)
            return (.report(LeaseReport(segmentID: self.segmentID, rack: self.rack, entries: entries)), state.isFinished)
        }
    }

    public struct Iterator: AsyncIteratorProtocol {
        let outbound: DHCPOutbound
        var wakeups: AsyncStream<Void>.Iterator

        public mutating func next() async -> LeaseRackMessage? {
            await self.next(isolation: #isolation)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> LeaseRackMessage? {
            while true {
                let (message, isFinished) = self.outbound.take()
                if let message { return message }
                if isFinished { return nil }
                guard await self.wakeups.next(isolation: actor) != nil else { return self.outbound.take().0 }
            }
        }
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(outbound: self, wakeups: self.wakeups.makeAsyncIterator())
    }
}
