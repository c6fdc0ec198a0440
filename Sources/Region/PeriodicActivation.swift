// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import PostgresStorage
internal import ServiceLifecycle

/// The rhythm of every reconciler: it runs when something has changed, and each period in any case, one run at a time.
struct PeriodicActivation: Sendable {
    var store: Store
    var channels: [StoreChannel]
    var period: Duration

    /// Calls the body until graceful shutdown.
    func run(_ body: @escaping @Sendable () async -> Void) async {
        let bell = Doorbell()
        await withDiscardingTaskGroup { group in
            for channel in self.channels {
                group.addTask { for await _ in self.store.changes(channel) { bell.ring() } }
            }
            group.addTask {
                while (try? await Task.sleep(for: self.period)) != nil { bell.ring() }  // cancelled: the loop is over
            }
            bell.ring()
            for await _ in bell.rings.cancelOnGracefulShutdown() { await body() }
            group.cancelAll()
        }
    }
}
