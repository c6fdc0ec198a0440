// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ServiceLifecycle

/// A loop as a service.
struct LoopService: Service {
    let body: @Sendable () async throws -> Void

    init(_ body: @escaping @Sendable () async throws -> Void) {
        self.body = body
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await self.body() }
    }
}
