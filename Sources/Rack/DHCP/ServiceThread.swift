// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import Glibc

/// A thread of its own for work that waits in system calls: on the shared pool, which has as many threads as cores, it would stall others.
struct ServiceThread: ~Copyable {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    private let thread: pthread_t

    /// Starts the body.
    ///
    /// - Parameter name: for whoever looks at a busy rack; at most 15 characters.
    /// - Throws: `resources` when the system has no thread to give.
    init(named name: String = "gantry", _ body: @escaping @Sendable () -> Void) throws(DHCPServiceError) {
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(Body(name, body))
        let code = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                _ = unsafe csys_thread_name(body.name)
                body.run()
                return nil
            }, context.toOpaque()
        )
        guard code == 0 else {
            unsafe context.release()
            throw DHCPServiceError(.resources, "a thread cannot be started: error \(code)")
        }
        self.thread = thread
    }

    /// Waits for the body's end.
    consuming func join() {
        pthread_join(self.thread, nil)
    }
}
