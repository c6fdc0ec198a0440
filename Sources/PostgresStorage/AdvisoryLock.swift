// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The locks of a region that are no row's. The numbers are the region's own: nobody else uses its database.
enum AdvisoryLock: Int, Sendable {
    /// Held while a machine is chosen, so that no two allocations choose the same one.
    case allocation = 0x4741_4E54_0001
}
