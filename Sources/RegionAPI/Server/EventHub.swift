// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import PostgresStorage
internal import ServiceLifecycle
internal import Synchronization

/// Tells every open event stream that there are new events. One listener on the database serves them all.
final class EventHub: Sendable {
    /// What a stream is told.
    enum Notice: Sendable {
        /// Look at everything after the last one sent.
        case look
        /// This event was recorded.
        case event(Int)
    }

    private struct State {
        var streams: [Int: AsyncStream<Notice>.Continuation] = [:]
        var nextID = 0
        var isClosed = false
    }

    private let maximumStreams: Int
    private let maximumQueued: Int
    private let state = Mutex(State())

    init(maximumStreams: Int, maximumQueued: Int) {
        self.maximumStreams = maximumStreams
        self.maximumQueued = maximumQueued
    }

    /// Passes on what the store says until the region stops; wakes every stream now and then, so that those whose reader has gone are noticed.
    func run(store: Store, heartbeatSeconds: Int) async {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await payload in store.changes(.event).cancelOnGracefulShutdown() {
                        self.tell(Int(payload).map(Notice.event) ?? .look)
                    }
                }
                group.addTask {
                    while (try? await Task.sleep(for: .seconds(heartbeatSeconds))) != nil { self.tell(.look) }
                }
                await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.close()
        }
        self.close()
    }

    /// Notices for one stream; nil when there are too many streams. The stream ends when its reader is too slow, or the region stops.
    func subscribe() -> (id: Int, notices: AsyncStream<Notice>)? {
        let (stream, continuation) = AsyncStream<Notice>.makeStream(bufferingPolicy: .bufferingOldest(self.maximumQueued))
        let id: Int? = self.state.withLock { state in
            guard !state.isClosed, state.streams.count < self.maximumStreams else { return nil }
            state.nextID += 1
            state.streams[state.nextID] = continuation
            return state.nextID
        }
        return id.map { ($0, stream) }
    }

    func unsubscribe(_ id: Int) {
        self.state.withLock { $0.streams.removeValue(forKey: id) }?.finish()
    }

    private func tell(_ notice: Notice) {
        let streams = self.state.withLock { $0.streams }
        for (id, continuation) in streams {
            if case .dropped = continuation.yield(notice) { self.unsubscribe(id) }
        }
    }

    private func close() {
        let streams = self.state.withLock { state in
            state.isClosed = true
            defer { state.streams = [:] }
            return state.streams
        }
        for continuation in streams.values { continuation.finish() }
    }
}
