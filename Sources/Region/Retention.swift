// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Logging
internal import PostgresStorage

/// Keeps the past from filling the database: old events and leases that ended long ago are deleted, a batch at a time.
struct Retention: Sendable {
    var store: Store
    var logger: Logger

    /// 90 days: a quarter's worth of boots to compare with.
    private static let events = Duration.seconds(90 * 86400)
    /// 7 days: long enough to see whose address it was.
    private static let leases = Duration.seconds(7 * 86400)
    private static let batch = 10_000

    func run() async {
        repeat {
            do {
                try await self.prune { try await $0.pruneEvents(before: WallClock.now.advanced(by: .zero - Self.events), limit: Self.batch) }
                try await self.prune { try await $0.pruneLeases(expiredBefore: WallClock.now.advanced(by: .zero - Self.leases), limit: Self.batch) }
            } catch {
                self.logger.warning("old events not deleted", metadata: ["error": "\(error)"])
            }
        } while (try? await Task.sleep(for: .seconds(3600))) != nil  // cancelled: the region stops
    }

    private func prune(_ delete: (StoreTransaction) async throws -> Int) async throws {
        while try await self.store.transaction(delete) >= Self.batch, !Task.isCancelled {}
    }
}
