// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Where a script's run is (MAAS: `SCRIPT_STATUS`); the numbers are those of the API.
public enum ScriptStatus: Int, Sendable, Codable, CaseIterable {
    case pending = 0
    case running = 1
    case passed = 2
    case failed = 3
    case timedOut = 4
    case aborted = 5
    case degraded = 6
    case installing = 7
    case failedInstalling = 8
    case skipped = 9
    case applyingNetworking = 10
    case failedApplyingNetworking = 11

    public var name: String {
        switch self {
        case .pending: "Pending"
        case .running: "Running"
        case .passed: "Passed"
        case .failed: "Failed"
        case .timedOut: "Timed out"
        case .aborted: "Aborted"
        case .degraded: "Degraded"
        case .installing: "Installing dependencies"
        case .failedInstalling: "Failed installing dependencies"
        case .skipped: "Skipped"
        case .applyingNetworking: "Applying custom network configuration"
        case .failedApplyingNetworking: "Failed to apply custom network configuration"
        }
    }

    /// Whether nothing more is to come.
    public var isFinal: Bool {
        switch self {
        case .pending, .running, .installing, .applyingNetworking: false
        default: true
        }
    }

    /// Whether the machine may be used after it.
    public var isSuccess: Bool { self == .passed || self == .skipped }
}
