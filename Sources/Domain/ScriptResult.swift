// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// One script's run on one machine.
public struct ScriptResult: Sendable, Hashable, Codable {
    public var id: Int
    public var name: String
    public var status: ScriptStatus
    public var exitStatus: Int?
    /// Standard output and error together.
    public var output: [UInt8]
    public var stdout: [UInt8]
    public var stderr: [UInt8]
    /// The YAML that the script left.
    public var result: [UInt8]
    public var started: Timestamp?
    public var ended: Timestamp?

    public init(id: Int, name: String, status: ScriptStatus) {
        self.id = id
        self.name = name
        self.status = status
        self.exitStatus = nil
        self.output = []
        self.stdout = []
        self.stderr = []
        self.result = []
        self.started = nil
        self.ended = nil
    }
}
