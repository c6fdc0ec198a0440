// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Which state may follow which (MAAS: `NODE_TRANSITIONS`), as data.
public enum StatusTransitions {
    /// The states that may follow a state. Every state may also stay as it is.
    public static func following(_ status: NodeStatus) -> Set<NodeStatus> {
        Self.table[status] ?? []
    }

    /// Whether a machine may go from one state to another.
    public static func allows(_ from: NodeStatus, to next: NodeStatus) -> Bool {
        from == next || Self.following(from).contains(next)
    }

    private static let bookkeeping: Set<NodeStatus> = [.missing, .retired]
    private static let rescue: Set<NodeStatus> = [.enteringRescueMode]

    private static let table: [NodeStatus: Set<NodeStatus>] = [
        .new: bookkeeping.union(rescue).union([.commissioning, .testing, .ready, .broken]),
        .commissioning: bookkeeping.union([.failedCommissioning, .ready, .new, .broken, .testing]),
        .failedCommissioning: bookkeeping.union(rescue).union([.commissioning, .broken, .testing, .ready]),
        .missing: rescue.union([.new, .ready, .allocated, .commissioning, .broken, .testing]),
        .ready: bookkeeping.union(rescue).union([.commissioning, .allocated, .reserved, .broken, .testing]),
        .reserved: bookkeeping.union(rescue).union([.ready, .allocated, .broken, .diskErasing, .releasing, .testing]),
        .deployed: bookkeeping.union(rescue).union([.allocated, .ready, .broken, .diskErasing, .releasing, .testing]),
        .retired: rescue.union([.new, .ready, .broken, .missing, .testing]),
        .broken: bookkeeping.union(rescue).union([.commissioning, .ready, .new, .diskErasing, .releasing, .testing, .deployed]),
        .deploying: bookkeeping.union([.allocated, .broken, .failedDeployment, .deployed, .ready, .diskErasing, .releasing]),
        .allocated: bookkeeping.union(rescue).union([.ready, .broken, .deploying, .diskErasing, .releasing, .testing]),
        .failedDeployment: bookkeeping.union(rescue).union([.allocated, .broken, .ready, .diskErasing, .releasing, .deploying, .testing]),
        .releasing: bookkeeping.union([.new, .ready, .broken, .releasingFailed, .failedDiskErasing, .allocated, .deployed]),
        .releasingFailed: bookkeeping.union([.releasing, .diskErasing, .ready, .broken, .testing]),
        .diskErasing: bookkeeping.union([.failedDiskErasing, .ready, .releasing, .broken]),
        .failedDiskErasing: bookkeeping.union(rescue).union([.diskErasing, .releasing, .broken, .allocated, .ready, .testing]),
        .rescueMode: bookkeeping.union([.exitingRescueMode, .broken, .testing]),
        .enteringRescueMode: bookkeeping.union([.rescueMode, .failedEnteringRescueMode, .exitingRescueMode, .broken]),
        .failedEnteringRescueMode: bookkeeping.union([.enteringRescueMode, .exitingRescueMode, .broken, .testing]),
        .exitingRescueMode: bookkeeping.union([
            .new, .ready, .allocated, .deployed, .broken, .reserved, .failedCommissioning, .failedDeployment, .failedDiskErasing,
            .failedTesting, .failedExitingRescueMode,
        ]),
        .failedExitingRescueMode: bookkeeping.union([.exitingRescueMode, .enteringRescueMode, .broken, .testing]),
        .testing: bookkeeping.union([
            .new, .ready, .allocated, .deployed, .broken, .reserved, .failedCommissioning, .failedDeployment, .failedDiskErasing,
            .releasingFailed, .failedTesting, .rescueMode,
        ]),
        .failedTesting: bookkeeping.union(rescue).union([.commissioning, .broken, .testing, .ready, .deployed]),
    ]
}
