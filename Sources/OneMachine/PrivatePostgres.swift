// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import OpenSSL

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// A Postgres of Gantry's own: the system's binaries, a data folder in the state folder, an unprivileged user, a generated
/// password, reached by a Unix socket alone.
struct PrivatePostgres: Sendable {
    let layout: StateLayout
    private static let user = "gantry"

    /// The URL for libpq.
    func url() throws -> String {
        let password = try String(contentsOfFile: self.layout.postgresPassword, encoding: .utf8).filter { !$0.isWhitespace }
        let socket = self.layout.run.replacing("/", with: "%2F")
        return "postgresql://gantry:\(password)@\(socket)/postgres"
    }

    func start() async throws {
        let binaries = try Self.binaries()
        try await self.prepareUser()
        if !FileManager.default.fileExists(atPath: "\(self.layout.postgres)/PG_VERSION") { try await self.initialise(binaries) }
        if (try? await self.control(binaries, ["status"])) == nil {  // not running is what the error says
            try await self.control(
                binaries,
                [
                    "-w", "-t", "60", "-l", self.layout.log("postgres"), "-o",
                    "-c listen_addresses='' -c unix_socket_directories='\(self.layout.run)' -c max_connections=100", "start",
                ])
        }
    }

    func stop() async throws {
        guard FileManager.default.fileExists(atPath: "\(self.layout.postgres)/postmaster.pid") else { return }
        try await self.control(try Self.binaries(), ["-m", "fast", "-w", "stop"])
    }

    private static func binaries() throws -> String {
        // No folder: no versions, see below.
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []).compactMap { Int($0) }
        guard let version = versions.filter({ $0 >= 14 }).max() else {
            throw OneMachineError("no PostgreSQL 14 or newer below /usr/lib/postgresql. Next: apt-get install postgresql")
        }
        return "/usr/lib/postgresql/\(version)/bin"
    }

    private func prepareUser() async throws {
        if (try? await Command.run(["id", Self.user])) == nil {  // no such user yet
            try await Command.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", Self.user])
        }
        for folder in [self.layout.postgres, self.layout.logs, self.layout.run] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try await Command.run(["chown", Self.user, self.layout.postgres, self.layout.run])
        try await Command.run(["chmod", "0700", self.layout.postgres])
        try await Command.run(["touch", self.layout.log("postgres")])
        try await Command.run(["chown", Self.user, self.layout.log("postgres")])
    }

    private func asUser(_ arguments: [String]) -> [String] {
        ["setpriv", "--reuid", Self.user, "--regid", Self.user, "--clear-groups"] + arguments
    }

    @discardableResult
    private func control(_ binaries: String, _ arguments: [String]) async throws -> String {
        try await Command.run(self.asUser(["\(binaries)/pg_ctl", "-D", self.layout.postgres] + arguments))
    }

    private func initialise(_ binaries: String) async throws {
        let password = SecureRandom.token(length: 32)
        try SecretFile.write(password + "\n", to: self.layout.postgresPassword)
        let copy = "\(self.layout.run)/initdb-password"
        try SecretFile.write(password + "\n", to: copy)
        try await Command.run(["chown", Self.user, copy])
        defer { try? FileManager.default.removeItem(atPath: copy) }  // a copy that stays is still the server's own password
        try await Command.run(
            self.asUser([
                "\(binaries)/initdb", "-D", self.layout.postgres, "-U", "gantry", "-A", "scram-sha-256", "--pwfile", copy, "-E", "UTF8",
                "--locale", "C.UTF-8",
            ])
        )
    }
}
