// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import JSON
internal import PostgresStorage

/// `events/?op=stream`: events as they happen (WHATWG HTML, server-sent events).
actor EventStream {
    private static let pageSize = 200
    /// Ids are given before transactions end, so that a lower one may show up after a higher one: so many are remembered as sent.
    private static let remembered = 2048

    private let call: APICall
    private let filter: EventQuery
    private let notices: AsyncStream<EventHub.Notice>
    private var sent: SentEvents
    /// Whether there may be more after the last one sent.
    private var hasMore = true
    private var hasGreeted = false

    @Sendable static func open(_ call: APICall) async throws -> APIResponse {
        var filter = try EventHandlers.query(of: call)
        filter.limit = Self.pageSize
        filter.before = nil
        // From here on nothing is missed: notices wait until they are read.
        guard let (id, notices) = call.region.hub.subscribe() else {
            throw APIFailure.unavailable("There are too many event streams.", retryAfter: 30)
        }
        let start: Int
        if let resumed = call.request.headers["last-event-id"].flatMap(Int.init) ?? filter.after {
            start = resumed
        } else {
            do {
                start = try await Self.newest(call)
            } catch {
                call.region.hub.unsubscribe(id)
                throw error
            }
        }
        let stream = EventStream(call: call, filter: filter, notices: notices, start: start)
        var response = APIResponse(contentType: "text/event-stream; charset=utf-8", body: [])
        response.body = .stream(pull: { try await stream.next() }, finish: { call.region.hub.unsubscribe(id) })
        return response
    }

    private static func newest(_ call: APICall) async throws -> Int {
        var query = EventQuery()
        query.limit = 1
        return try await call.store.read { try await $0.events(query).first?.id ?? 0 }
    }

    private init(call: APICall, filter: EventQuery, notices: AsyncStream<EventHub.Notice>, start: Int) {
        self.call = call
        self.filter = filter
        self.notices = notices
        self.sent = SentEvents(last: start, capacity: Self.remembered)
    }

    /// The next events, or a comment that shows that the stream lives; nil when it has ended.
    private func next() async throws -> String? {
        if !self.hasGreeted {
            self.hasGreeted = true
            return ": events after \(self.sent.last)\n\n"
        }
        while true {
            if self.hasMore {
                var query = self.filter
                query.after = self.sent.last
                let text = try await self.text(of: query)
                if !text.isEmpty { return text }
            }
            // Iterators of one stream share its queue.
            var iterator = self.notices.makeAsyncIterator()
            switch await iterator.next(isolation: self) {
            case nil: return nil
            case .look:
                self.hasMore = true
                return ":\n\n"
            case .event(let id) where id > self.sent.last: self.hasMore = true
            case .event(let id):
                guard !self.sent.contains(id) else { continue }
                var query = self.filter
                query.ids = [id]
                query.after = nil
                let (more, text) = (self.hasMore, try await self.text(of: query))
                self.hasMore = more
                if !text.isEmpty { return text }
            }
        }
    }

    /// What a query gives, as far as the user may see it and it was not sent.
    private func text(of query: EventQuery) async throws -> String {
        let call = self.call
        let (all, visible) = try await call.store.read { transaction in
            let events = try await transaction.events(query)
            return (events, Set(try await EventHandlers.visible(events, to: call, in: transaction).map(\.id)))
        }
        self.hasMore = all.count >= query.limit
        var text = ""
        for event in all.sorted(by: { $0.id < $1.id }) where !self.sent.contains(event.id) {
            self.sent.insert(event.id)
            guard visible.contains(event.id) else { continue }
            text += "id: \(event.id)\nevent: \(event.source.rawValue)\ndata: \(APIRenderer.event(event).text)\n\n"
        }
        return text
    }
}

/// Which events a stream has sent: all up to a number, as far as is known, and the last few exactly.
struct SentEvents {
    private(set) var last: Int
    private let capacity: Int
    private var recent: Set<Int> = []
    private var order: [Int] = []
    private var oldest = 0
    /// Nothing up to here is sent: it is from before the stream.
    private let start: Int

    init(last: Int, capacity: Int) {
        self.last = last
        self.start = last
        self.capacity = capacity
    }

    /// Whether the event was sent, or is too old to be sent.
    func contains(_ id: Int) -> Bool {
        id <= self.start || self.recent.contains(id) || (self.order.count == self.capacity && id < (self.recent.min() ?? 0))
    }

    mutating func insert(_ id: Int) {
        self.last = max(self.last, id)
        guard self.recent.insert(id).inserted else { return }
        if self.order.count < self.capacity {
            self.order.append(id)
        } else {
            self.recent.remove(self.order[self.oldest])
            self.order[self.oldest] = id
            self.oldest = (self.oldest + 1) % self.capacity
        }
    }
}
