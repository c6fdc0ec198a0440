// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Where `gantry up` keeps everything: one folder.
public struct StateLayout: Sendable, Hashable {
    public let root: String

    public init(root: String) {
        self.root = root
    }

    var postgres: String { "\(self.root)/postgres" }
    var postgresPassword: String { "\(self.root)/secrets/postgres-password" }
    var secrets: String { "\(self.root)/secrets" }
    var secretKey: String { "\(self.root)/secrets/database.key" }
    var tls: String { "\(self.root)/tls" }
    var logs: String { "\(self.root)/log" }
    var run: String { "\(self.root)/run" }
    var configuration: String { "\(self.root)/etc" }
    var regionImages: String { "\(self.root)/region/images" }
    var rackState: String { "\(self.root)/rack" }
    /// What the lab of virtual machines writes.
    public var lab: String { "\(self.root)/lab" }
    /// The stream that `tools/build-image` publishes.
    public var imageStream: String { "\(self.root)/images-stream" }
    /// The administrator's API key, for `gantry` on this machine.
    var apiKey: String { "\(self.root)/secrets/api-key" }

    func log(_ program: String) -> String { "\(self.logs)/\(program).log" }
    func pidFile(_ program: String) -> String { "\(self.run)/\(program).pid" }
}
