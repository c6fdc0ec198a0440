// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

/// Runs what may wait for a disk on a thread that may wait: the cooperative threads are as few as the processors.
package enum DiskQueue {
    private static let queue = DispatchQueue(label: "gantry.disk", attributes: .concurrent)

    package static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            self.queue.async { continuation.resume(with: Result { try work() }) }
        }
    }
}
