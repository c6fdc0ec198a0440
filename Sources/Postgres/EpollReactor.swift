// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import Glibc
internal import Synchronization

/// One thread that waits on descriptors and timers and runs the jobs of the actors that chose it as their executor.
///
/// Everything that happens on a reactor happens one after another on its thread: jobs of actors, callbacks of
/// descriptors, timers, submitted work. So an actor on the reactor may be entered synchronously from a callback
/// (`assumeIsolated`), and a library that is not thread safe, like libpq, needs no lock.
///
/// Nothing that runs here may block: one blocked callback stops every connection.
public final class EpollReactor: SerialExecutor {
    /// What is waited for on a descriptor, or what was seen on it.
    struct Interest: OptionSet, Sendable {
        let rawValue: UInt32
        static let readable = Interest(rawValue: UInt32(CSYS_EPOLL_READABLE))
        static let writable = Interest(rawValue: UInt32(CSYS_EPOLL_WRITABLE))
        static let failed = Interest(rawValue: UInt32(CSYS_EPOLL_FAILED))
    }

    /// Names a watched descriptor or an armed timer. Never used twice, so that a late event finds nothing.
    struct Token: Hashable, Sendable {
        fileprivate let value: UInt64
    }

    private enum Work: Sendable {
        case job(UnownedJob)
        case call(@Sendable () -> Void)
    }

    private struct Watcher: Sendable {
        let descriptor: Int32
        var interest: Interest
        let handler: @Sendable (Interest) -> Void
    }

    private struct Timer: Sendable {
        let due: ContinuousClock.Instant
        let handler: @Sendable () -> Void
    }

    private enum Phase: Sendable {
        case stopped
        case running
        case stopping
    }

    private struct State: Sendable {
        var phase = Phase.stopped
        var thread: pthread_t?
        /// The thread is in, or about to enter, a wait that only the eventfd can end early.
        var isWaiting = false
        var work: [Work] = []
        var watchers: [Token: Watcher] = [:]
        var timers: [Token: Timer] = [:]
        var lastToken: UInt64 = 0
        var atExit: [CheckedContinuation<Void, Never>] = []

        mutating func nextToken() -> Token {
            self.lastToken += 1
            return Token(value: self.lastToken)
        }
    }

    private let state = Mutex(State())
    private let epoll: Int32
    private let wakeUp: Int32
    private let name: String
    /// The eventfd's token: tokens of watchers start at 1.
    private static let wakeUpToken: UInt64 = 0

    /// Opens the descriptors and starts the thread.
    ///
    /// - Parameter name: The thread's name, at most 15 bytes.
    /// - Throws: ``PostgresError`` with code `connectionFailed` when the process has no descriptor or thread left.
    public init(name: String) throws {
        self.name = name
        let epoll = csys_epoll_create()
        guard epoll >= 0 else { throw Self.failure("epoll_create1", -epoll) }
        let wakeUp = csys_eventfd_create()
        guard wakeUp >= 0 else {
            close(epoll)
            throw Self.failure("eventfd", -wakeUp)
        }
        self.epoll = epoll
        self.wakeUp = wakeUp
        let added = csys_epoll_add(epoll, wakeUp, Interest.readable.rawValue, Self.wakeUpToken)
        guard added == 0 else { throw Self.failure("epoll_ctl", -added) }
        let started = self.state.withLock { self.startThread(&$0) }
        guard started == 0 else { throw Self.failure("pthread_create", started) }
    }

    deinit {
        close(self.epoll)
        close(self.wakeUp)
    }

    private static func failure(_ call: String, _ code: Int32) -> PostgresError {
        PostgresError(.connectionFailed, "\(call) failed with errno \(code)")
    }

    // MARK: Executor

    /// Queues a job of an actor.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.add(.job(job))
    }

    /// The reactor as the runtime names it.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    /// Traps unless called on the reactor's thread.
    public func checkIsolated() {
        precondition(self.isCurrentThread, "not on the thread of the reactor \(self.name)")
    }

    /// Whether the caller runs on the reactor's thread.
    public func isIsolatingCurrentContext() -> Bool? {
        self.isCurrentThread
    }

    private var isCurrentThread: Bool {
        let current = pthread_self()
        return self.state.withLock { $0.thread == current }
    }

    // MARK: Work, descriptors, timers

    /// Runs `body` on the reactor's thread, after what is queued already.
    func submit(_ body: @escaping @Sendable () -> Void) {
        self.add(.call(body))
    }

    private func add(_ work: Work) {
        let mustWake = self.state.withLock { state in
            state.work.append(work)
            if state.phase == .stopped {
                // A job that comes after the end must run all the same, or its task would hang for ever.
                let started = self.startThread(&state)
                precondition(started == 0, "no thread for a late job of the reactor \(self.name): errno \(started)")
                state.phase = .stopping
            }
            let isWaiting = state.isWaiting
            state.isWaiting = false
            return isWaiting
        }
        if mustWake { _ = csys_eventfd_signal(self.wakeUp) }
    }

    /// Calls `handler` on the reactor's thread whenever `descriptor` is ready, until ``unwatch(_:)``.
    func watch(
        _ descriptor: Int32,
        _ interest: Interest,
        _ handler: @escaping @Sendable (Interest) -> Void
    ) throws -> Token {
        try self.state.withLock { state in
            let token = state.nextToken()
            let result = csys_epoll_add(self.epoll, descriptor, interest.rawValue, token.value)
            guard result == 0 else { throw Self.failure("epoll_ctl", -result) }
            state.watchers[token] = Watcher(descriptor: descriptor, interest: interest, handler: handler)
            return token
        }
    }

    /// Changes what is waited for.
    func update(_ token: Token, _ interest: Interest) throws {
        try self.state.withLock { state in
            guard var watcher = state.watchers[token], watcher.interest != interest else { return }
            let result = csys_epoll_modify(self.epoll, watcher.descriptor, interest.rawValue, token.value)
            guard result == 0 else { throw Self.failure("epoll_ctl", -result) }
            watcher.interest = interest
            state.watchers[token] = watcher
        }
    }

    /// Forgets a descriptor. To be called before it is closed, or its number may mean another file by then.
    func unwatch(_ token: Token) {
        self.state.withLock { state in
            guard let watcher = state.watchers.removeValue(forKey: token) else { return }
            // Fails when libpq closed the descriptor itself; the kernel has forgotten it then.
            _ = csys_epoll_remove(self.epoll, watcher.descriptor)
        }
    }

    /// Calls `handler` once on the reactor's thread, at `due` or a little later.
    ///
    /// Timers are searched linearly: keep them to a few per connection.
    func arm(at due: ContinuousClock.Instant, _ handler: @escaping @Sendable () -> Void) -> Token {
        let (token, mustWake) = self.state.withLock { state in
            let token = state.nextToken()
            state.timers[token] = Timer(due: due, handler: handler)
            let isWaiting = state.isWaiting
            state.isWaiting = false
            return (token, isWaiting)
        }
        if mustWake { _ = csys_eventfd_signal(self.wakeUp) }
        return token
    }

    /// Forgets a timer; harmless when it has fired.
    func disarm(_ token: Token) {
        self.state.withLock { _ = $0.timers.removeValue(forKey: token) }
    }

    // MARK: Thread

    /// Ends the thread when what is queued has run. Watchers and timers are dropped.
    public func shutdown() async {
        await withCheckedContinuation { continuation in
            let (isStopped, mustWake) = self.state.withLock { state -> (Bool, Bool) in
                guard state.phase != .stopped else { return (true, false) }
                state.phase = .stopping
                state.atExit.append(continuation)
                let isWaiting = state.isWaiting
                state.isWaiting = false
                return (false, isWaiting)
            }
            if isStopped { continuation.resume() }
            if mustWake { _ = csys_eventfd_signal(self.wakeUp) }
        }
    }

    /// Like ``shutdown()``, without waiting for the end.
    func requestShutdown() {
        let mustWake = self.state.withLock { state in
            if state.phase == .running { state.phase = .stopping }
            let isWaiting = state.isWaiting
            state.isWaiting = false
            return isWaiting
        }
        if mustWake { _ = csys_eventfd_signal(self.wakeUp) }
    }

    /// Called under the lock. The thread's first act is to take the lock, so it sees a complete state.
    private func startThread(_ state: inout State) -> Int32 {
        let result = PosixThread.start(name: self.name) { self.runLoop() }
        guard case .success(let thread) = result else {
            if case .failure(let error) = result { return error.code }
            return EAGAIN
        }
        state.thread = thread
        state.phase = .running
        return 0
    }

    private func runLoop() {
        let executor = unsafe self.asUnownedSerialExecutor()
        while true {
            let turn = self.state.withLock { state in self.nextTurn(&state) }
            guard !turn.isOver else {
                for continuation in turn.atExit { continuation.resume() }
                return
            }
            for item in turn.work {
                switch item {
                case .job(let job): unsafe job.runSynchronously(on: executor)
                case .call(let body): body()
                }
            }
            for handler in turn.due { handler() }
            self.poll(timeoutMilliseconds: turn.timeoutMilliseconds)
        }
    }

    private struct Turn {
        var work: [Work] = []
        var due: [@Sendable () -> Void] = []
        /// 0 when there was something to do; -1 for ever.
        var timeoutMilliseconds: Int32 = 0
        var isOver = false
        /// Resumed outside the lock: the waiting task may belong to this very executor.
        var atExit: [CheckedContinuation<Void, Never>] = []
    }

    /// Takes what is ready, and says how long to wait when nothing is.
    private func nextTurn(_ state: inout State) -> Turn {
        var turn = Turn()
        swap(&turn.work, &state.work)
        if state.phase == .stopping, turn.work.isEmpty {
            for (_, watcher) in state.watchers { _ = csys_epoll_remove(self.epoll, watcher.descriptor) }
            swap(&turn.atExit, &state.atExit)
            state.watchers = [:]
            state.timers = [:]
            state.phase = .stopped
            state.thread = nil
            turn.isOver = true
            return turn
        }
        if !state.timers.isEmpty {
            let now = ContinuousClock.now
            let due = state.timers.filter { $0.value.due <= now }
                .sorted { ($0.value.due, $0.key.value) < ($1.value.due, $1.key.value) }
            for (token, _) in due { state.timers[token] = nil }
            turn.due = due.map(\.value.handler)
            let next = state.timers.values.map(\.due).min()
            turn.timeoutMilliseconds = next.map { Self.milliseconds(now.duration(to: $0)) } ?? -1
        } else {
            turn.timeoutMilliseconds = -1
        }
        state.isWaiting = turn.work.isEmpty && turn.due.isEmpty
        if !state.isWaiting { turn.timeoutMilliseconds = 0 }
        return turn
    }

    /// Rounded up, so that a timer is not found undue again and again in its last millisecond.
    private static func milliseconds(_ duration: Duration) -> Int32 {
        let (seconds, attoseconds) = duration.components
        guard seconds < 60 else { return 60_000 }
        return Int32(clamping: seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1)
    }

    private func poll(timeoutMilliseconds: Int32) {
        let capacity = 64
        let ready = unsafe withUnsafeTemporaryAllocation(of: CSysEpollEvent.self, capacity: capacity) { buffer in
            let count = unsafe csys_epoll_wait(self.epoll, buffer.baseAddress, Int32(capacity), timeoutMilliseconds)
            precondition(count >= 0, "epoll_wait failed with errno \(-count)")
            return unsafe buffer.prefix(Int(count)).map { (token: $0.token, events: Interest(rawValue: $0.events)) }
        }
        self.state.withLock { $0.isWaiting = false }
        for (token, events) in ready {
            if token == Self.wakeUpToken {
                _ = csys_eventfd_clear(self.wakeUp)
                continue
            }
            // Looked up now, not when the wait ended: an earlier callback may have dropped this descriptor.
            let handler = self.state.withLock { $0.watchers[Token(value: token)]?.handler }
            handler?(events)
        }
    }
}
