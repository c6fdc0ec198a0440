// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The scripts that one operation runs on a machine, with their results.
public struct ScriptResultSet: Sendable, Hashable, Codable {
    /// MAAS's `RESULT_TYPE`; the numbers are those of the API.
    public enum Kind: Int, Sendable, Codable, CaseIterable {
        case commissioning = 0
        case installation = 1
        case testing = 2
        case release = 3

        public var name: String {
            switch self {
            case .commissioning: "Commissioning"
            case .installation: "Installation"
            case .testing: "Testing"
            case .release: "Release"
            }
        }
    }

    public var id: Int
    public var machineID: SystemID
    public var kind: Kind
    public var lastPing: Timestamp?
    public var results: [ScriptResult]
    public var created: Timestamp

    public init(id: Int, machineID: SystemID, kind: Kind, results: [ScriptResult], created: Timestamp) {
        self.id = id
        self.machineID = machineID
        self.kind = kind
        self.lastPing = nil
        self.results = results
        self.created = created
    }

    /// The state of the whole: the worst of those that ended once all have, else running or pending.
    public var status: ScriptStatus {
        let states = self.results.map(\.status)
        if states.isEmpty { return .passed }
        if states.allSatisfy({ $0 == .pending }) { return .pending }
        if let unfinished = states.first(where: { !$0.isFinal && $0 != .pending }) { return unfinished }
        if states.contains(.pending) { return .running }
        return states.first { !$0.isSuccess } ?? .passed
    }
}
