// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import CSys
import Glibc

/// Starts the TFTP server's thread: its system calls would stall others on a shared one.
enum TFTPThread {
    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    /// Runs the body on a new, detached thread.
    ///
    /// - Throws: `TFTPServiceError` with the code `threadFailed`.
    static func start(_ body: @escaping @Sendable () -> Void) throws {
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
        let result = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                _ = unsafe csys_thread_name("gantry-tftp")
                unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context)
        guard result == 0 else {
            unsafe Unmanaged<Body>.fromOpaque(context).release()
            throw TFTPServiceError(.threadFailed, "the TFTP thread cannot be started: error \(result)")
        }
        pthread_detach(thread)
    }
}
