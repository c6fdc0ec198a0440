// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Where a machine is in its life (MAAS: `NODE_STATUS`); the numbers are those of the API.
public enum NodeStatus: Int, Sendable, Codable, CaseIterable {
    /// Enlisted or made by hand, not yet inventoried.
    case new = 0
    /// Booted to be inventoried.
    case commissioning = 1
    case failedCommissioning = 2
    /// Expected but not seen.
    case missing = 3
    /// Inventoried and free to be allocated.
    case ready = 4
    /// Held back for a named purpose.
    case reserved = 5
    /// Runs the operating system that its owner asked for.
    case deployed = 6
    /// Taken out of service for good.
    case retired = 7
    /// Marked unfit for use.
    case broken = 8
    /// Being installed.
    case deploying = 9
    /// Owned by a user, not deployed.
    case allocated = 10
    case failedDeployment = 11
    /// Being given back.
    case releasing = 12
    case releasingFailed = 13
    /// Its disks are being erased before it is free again.
    case diskErasing = 14
    case failedDiskErasing = 15
    case rescueMode = 16
    case enteringRescueMode = 17
    case failedEnteringRescueMode = 18
    case exitingRescueMode = 19
    case failedExitingRescueMode = 20
    /// Running hardware tests.
    case testing = 21
    case failedTesting = 22

    /// The text of `status_name`, which clients compare.
    public var name: String {
        switch self {
        case .new: "New"
        case .commissioning: "Commissioning"
        case .failedCommissioning: "Failed commissioning"
        case .missing: "Missing"
        case .ready: "Ready"
        case .reserved: "Reserved"
        case .deployed: "Deployed"
        case .retired: "Retired"
        case .broken: "Broken"
        case .deploying: "Deploying"
        case .allocated: "Allocated"
        case .failedDeployment: "Failed deployment"
        case .releasing: "Releasing"
        case .releasingFailed: "Releasing failed"
        case .diskErasing: "Disk erasing"
        case .failedDiskErasing: "Failed disk erasing"
        case .rescueMode: "Rescue mode"
        case .enteringRescueMode: "Entering rescue mode"
        case .failedEnteringRescueMode: "Failed to enter rescue mode"
        case .exitingRescueMode: "Exiting rescue mode"
        case .failedExitingRescueMode: "Failed to exit rescue mode"
        case .testing: "Testing"
        case .failedTesting: "Failed testing"
        }
    }
}
