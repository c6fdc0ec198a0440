// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A real PostgreSQL server in a directory of its own, reached through a Unix socket.
///
/// A small shell process supervises it. It takes commands on its standard input, and when that ends (because the server
/// is no longer referenced, or the test process ended in whatever way) it stops the server and removes the directory.
public final class TestPostgres: Sendable {
    /// Why a server cannot be had.
    public struct Failure: Error, CustomStringConvertible {
        /// In words.
        public let description: String
    }

    private let directory: String
    private let commands: Int32
    private let lastCommand = Atomic<Int>(0)
    private static let databases = Atomic<Int>(0)

    private actor Shared {
        static let instance = Shared()
        private var server: Task<TestPostgres, any Error>?

        func get() async throws -> TestPostgres {
            let server = self.server ?? Task { try await TestPostgres.start() }
            self.server = server
            return try await server.value
        }
    }

    /// The server of this test process, started when first asked for.
    public static func shared() async throws -> TestPostgres {
        try await Shared.instance.get()
    }

    /// A server that only the caller uses, to be stopped and restarted.
    public static func start() async throws -> TestPostgres {
        let server = try TestPostgres()
        try await server.wait(for: 0, "initdb and start")
        return server
    }

    private init() throws {
        guard let binaries = Self.binaries() else { throw Failure(description: "no /usr/lib/postgresql/*/bin/postgres") }
        var template = Array("/tmp/gantry-postgres-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw Failure(description: "mkdtemp failed with errno \(errno)") }
        self.directory = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.commands = try Self.spawnSupervisor([binaries, self.directory])
    }

    deinit {
        close(self.commands)
    }

    /// The URL of a fresh, empty database.
    ///
    /// - Parameter name: Its name; by default one that was not used before.
    public func makeDatabase(named name: String? = nil) async throws -> String {
        let name = name ?? "test_\(getpid())_\(Self.databases.add(1, ordering: .relaxed).newValue)"
        try await self.run("create \(name)")
        return self.url(database: name)
    }

    /// The URL of a database on this server.
    public func url(database: String) -> String {
        "postgresql://gantry@/\(database)?host=\(self.socketDirectory.replacing("/", with: "%2F"))"
    }

    /// Where the server's Unix socket is.
    public var socketDirectory: String { self.directory }

    /// Stops the server as `pg_ctl stop -m fast` does: sessions are told and ended.
    public func stop() async throws {
        try await self.run("stop fast")
    }

    /// Kills the server without telling anybody.
    public func crash() async throws {
        try await self.run("stop immediate")
    }

    /// Starts the server again.
    public func start() async throws {
        try await self.run("start -")
    }

    /// Stops and starts the server.
    public func restart() async throws {
        try await self.stop()
        try await self.start()
    }

    /// Restarts the server as a standby and promotes it: the database goes on, on a new timeline.
    public func promote() async throws {
        try await self.run("promote -")
    }

    // MARK: Supervisor

    private func run(_ command: String) async throws {
        let number = self.lastCommand.add(1, ordering: .relaxed).newValue
        let line = Array("\(number) \(command)\n".utf8)
        // Less than PIPE_BUF, so it arrives in one piece.
        let written = unsafe line.withUnsafeBytes { unsafe write(self.commands, $0.baseAddress, $0.count) }
        guard written == line.count else { throw Failure(description: "the supervisor of \(self.directory) is gone") }
        try await self.wait(for: number, command)
    }

    private func wait(for number: Int, _ command: String) async throws {
        var status = ""
        try await eventually(within: .seconds(120), "the supervisor has done \(command)") {
            status = Self.contents("\(self.directory)/done.\(number)") ?? ""
            return status.hasSuffix("\n")
        }
        guard status == "0\n" else {
            throw Failure(description: "\(command) failed: \(Self.contents("\(self.directory)/supervisor.log") ?? "no log")")
        }
    }

    private static func contents(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16_384)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// The newest installed server.
    private static func binaries() -> String? {
        var matches = unsafe glob_t()
        defer { unsafe globfree(&matches) }
        guard unsafe glob("/usr/lib/postgresql/*/bin/postgres", 0, nil, &matches) == 0 else { return nil }
        var found: [(version: Int, path: String)] = []
        for index in 0..<Int(unsafe matches.gl_pathc) {
            guard let path = unsafe matches.gl_pathv[index].map({ unsafe String(cString: $0) }) else { continue }
            let parts = path.split(separator: "/")
            guard parts.count == 6, let version = Int(parts[3]) else { continue }
            found.append((version, String(path.dropLast("/postgres".count))))
        }
        return found.max { $0.version < $1.version }?.path
    }

    /// Returns the descriptor to write commands to.
    private static func spawnSupervisor(_ arguments: [String]) throws -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw Failure(description: "pipe failed with errno \(errno)") }
        // Children that other tests start must not keep our end open, or the supervisor would miss our death.
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        // A session of its own: an interrupt at the terminal must not end the supervisor before it has cleaned up. And not our
        // child: the thread with which Swift Testing waits for exit tests stumbles over children that nobody waits for.
        let words = ["setsid", "--fork", "sh", "-c", Self.supervisor, "gantry-test-postgres"] + arguments
        var pointers = unsafe words.map { unsafe strdup($0) }
        unsafe pointers.append(nil)
        defer { unsafe pointers.forEach { unsafe free($0) } }
        var process = pid_t()
        let result = unsafe posix_spawn(&process, "/usr/bin/setsid", &actions, nil, pointers, environ)
        close(ends[0])
        guard result == 0 else {
            close(ends[1])
            throw Failure(description: "posix_spawn failed with errno \(result)")
        }
        while waitpid(process, nil, 0) < 0, errno == EINTR {}
        return ends[1]
    }

    private static let supervisor = #"""
        bin=$1 dir=$2
        exec >>"$dir/supervisor.log" 2>&1
        cd "$dir" || exit 1
        trap '' INT HUP PIPE
        # postgres refuses to run as root.
        as_owner() {
            if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups -- "$@" </dev/null
            else "$@" </dev/null; fi
        }
        control() { as_owner "$bin/pg_ctl" -D "$dir/data" -w -t 100 -s "$@"; }
        report() { echo "$2" >"$dir/.done"; mv "$dir/.done" "$dir/done.$1"; }
        finish() { control stop -m immediate; cd /; rm -rf "$dir"; exit 0; }
        trap finish TERM
        prepare() {
            if [ "$(id -u)" = 0 ]; then chown postgres "$dir" || return 1; fi
            chmod 0711 "$dir"
            as_owner "$bin/initdb" -D "$dir/data" -U gantry -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions || return 1
            cat >>"$dir/data/postgresql.conf" <<END
        listen_addresses = ''
        unix_socket_directories = '$dir'
        fsync = off
        full_page_writes = off
        shared_buffers = 32MB
        max_connections = 200
        max_wal_size = 256MB
        log_line_prefix = '%m [%p] %d '
        END
            control -l "$dir/server.log" start
        }
        prepare
        report 0 $?
        while read -r number verb argument; do
            case $verb in
                create) as_owner "$bin/createdb" -h "$dir" -U gantry "$argument" ;;
                stop) control stop -m "$argument" ;;
                start) control -l "$dir/server.log" start ;;
                promote) control stop -m fast && as_owner touch "$dir/data/standby.signal" \
                    && control -l "$dir/server.log" start && control promote ;;
                *) false ;;
            esac
            report "$number" $?
        done
        finish
        """#
}
