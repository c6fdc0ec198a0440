// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Lifecycle
internal import Logging
internal import PostgresStorage

/// What every call works with.
final class RegionContext: Sendable {
    let store: Store
    let services: any RegionServices
    let lifecycle: LifecycleRules
    let limits: RegionAPILimits
    let logger: Logger
    let clock: @Sendable () -> Timestamp
    let hub: EventHub
    let passwords: PasswordChecks

    init(
        store: Store, services: any RegionServices, lifecycle: LifecycleRules, limits: RegionAPILimits, clock: @escaping @Sendable () -> Timestamp,
        logger: Logger
    ) {
        self.store = store
        self.services = services
        self.lifecycle = lifecycle
        self.limits = limits
        self.clock = clock
        self.logger = logger
        self.hub = EventHub(maximumStreams: limits.maximumEventStreams, maximumQueued: limits.maximumQueuedNotices)
        self.passwords = PasswordChecks(limits: limits)
    }
}
