// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import Glibc
internal import Synchronization

/// Starts detached threads, for the reactor and for the few library calls that can only block.
enum PosixThread {
    /// Why a thread could not be started.
    struct StartError: Error {
        /// The errno of `pthread_create`.
        let code: Int32
    }

    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Runs `body` on a new detached thread with all signals blocked: signals belong to the program's main thread.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Result<pthread_t, StartError> {
        let box = unsafe Unmanaged.passRetained(Body(name: name, run: body))
        var thread = pthread_t()
        let result = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                var signals = sigset_t()
                unsafe sigfillset(&signals)
                unsafe pthread_sigmask(SIG_SETMASK, &signals, nil)
                _ = unsafe csys_thread_name(body.name)
                body.run()
                return nil
            },
            unsafe box.toOpaque()
        )
        guard result == 0 else {
            unsafe box.release()
            return .failure(StartError(code: result))
        }
        pthread_detach(thread)
        return .success(thread)
    }
}

/// Runs calls that can only block (name resolution, `PQcancel`), each on a thread of its own, at most ``limit`` at once.
final class BlockingCalls: Sendable {
    /// How many may run at a time. A name server or database host that is silent holds a thread for minutes.
    let limit: Int
    private let running = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// Starts `body` on a thread; `false` when too many run already or there is no thread left.
    func run(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        guard self.running.add(1, ordering: .relaxed).newValue <= self.limit else {
            self.running.subtract(1, ordering: .relaxed)
            return false
        }
        let result = PosixThread.start(name: name) {
            body()
            self.running.subtract(1, ordering: .relaxed)
        }
        guard case .success = result else {
            self.running.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }
}
