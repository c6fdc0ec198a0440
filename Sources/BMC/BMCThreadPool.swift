// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Synchronization

/// A fixed number of threads for calls that block, such as FreeIPMI's; the cooperative threads must never wait for a BMC.
final class BMCThreadPool: Sendable {
    private let calls: CallQueue
    /// How many calls may wait for a thread.
    private let queueLimit: Int

    /// - Parameters:
    ///   - threads: how many calls run at once; at least 1.
    ///   - queueLimit: how many more may wait.
    init(threads: Int, queueLimit: Int) {
        precondition(threads >= 1 && queueLimit >= 0, "a pool of \(threads) threads with \(queueLimit) waiting calls")
        self.queueLimit = queueLimit
        self.calls = CallQueue(idle: threads)
        for _ in 0..<threads { Self.startThread(for: self.calls) }
    }

    deinit {
        self.calls.stop()
    }

    /// Runs a blocking call on one of the threads.
    ///
    /// - Throws: `BMCError` `busy` when the queue is full, else what `call` throws.
    func run<Value: Sendable>(_ call: @escaping @Sendable () throws(BMCError) -> Value) async throws(BMCError) -> Value {
        let limit = self.queueLimit
        let result: Result<Value, BMCError> = await withCheckedContinuation { continuation in
            let accepted = self.calls.append(limit: limit) {
                do throws(BMCError) {
                    continuation.resume(returning: .success(try call()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !accepted {
                continuation.resume(returning: .failure(BMCError(.busy, "\(limit) operations already wait for a thread on this rack")))
            }
        }
        return try result.get()
    }

    /// A thread of its own, not one of Dispatch's: those also carry Swift's tasks, and their number follows the processors.
    private static func startThread(for calls: CallQueue) {
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(calls).toOpaque()
        let failure = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let calls = unsafe Unmanaged<CallQueue>.fromOpaque(argument).takeRetainedValue()
                calls.work()
                return nil
            }, argument)
        precondition(failure == 0, "the system refused a thread for BMCs: error \(failure)")
        pthread_detach(thread)
    }
}

/// What the threads share; outlives the pool until the last of them has ended.
private final class CallQueue: Sendable {
    private struct State {
        var calls: [@Sendable () -> Void] = []
        /// The calls before this index were taken already.
        var head = 0
        var idle: Int
        var isStopped = false
    }

    private let state: Mutex<State>
    private let available = DispatchSemaphore(value: 0)

    init(idle: Int) {
        self.state = Mutex(State(idle: idle))
    }

    /// False when no thread is idle and `limit` calls wait.
    func append(limit: Int, _ call: @escaping @Sendable () -> Void) -> Bool {
        let accepted = self.state.withLock { state in
            guard state.calls.count - state.head < limit + state.idle else { return false }
            state.calls.append(call)
            return true
        }
        if accepted { self.available.signal() }
        return accepted
    }

    func stop() {
        self.state.withLock { $0.isStopped = true }
        self.available.signal()
    }

    /// The life of one thread.
    func work() {
        while true {
            self.available.wait()
            if let call = self.next() {
                call()
                self.state.withLock { $0.idle += 1 }
            } else if self.state.withLock({ $0.isStopped }) {
                self.available.signal()  // passes it on to the next thread
                return
            }
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        self.state.withLock { state in
            guard state.head < state.calls.count else { return nil }
            let call = state.calls[state.head]
            // The call holds a password: let go of it now, and of the array's space now and then.
            state.calls[state.head] = {}
            state.head += 1
            state.idle -= 1
            if state.head == state.calls.count || state.head == 256 {
                state.calls.removeFirst(state.head)
                state.head = 0
            }
            return call
        }
    }
}
