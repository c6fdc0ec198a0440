// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials
import Glibc
import Synchronization

@testable import BMC

/// A real `ipmi_sim` on an address of its own in 127.0.0.0/8, whose chassis is a script that keeps its state in files.
final class SimulatedBMC: Sendable {
    let directory: String
    let host: String
    let port: UInt16 = 6230
    private let process = Mutex<pid_t>(0)

    private static let counter = Mutex<UInt32>(0)

    /// - Parameter slowness: seconds that each change of power takes, in the words of `sleep`.
    init(slowness: String = "0") async throws {
        let number = Self.counter.withLock { counter in
            counter += 1
            return counter
        }
        self.host = Self.freshHost(number)
        self.directory = temporaryDirectory() + "gantry-bmc-\(getpid())-\(number)"
        try FileManager.default.createDirectory(atPath: self.directory + "/state", withIntermediateDirectories: true)
        try self.write("chassis", self.chassisScript(slowness: slowness))
        try self.write("lan.conf", self.configuration)
        try self.write("commands", "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n")
        self.start()
        try await self.waitUntilItAnswers()
    }

    deinit {
        self.stop()
        try? FileManager.default.removeItem(atPath: self.directory)
    }

    /// Process and number make it unlike every other test's.
    static func freshHost(_ number: UInt32) -> String {
        "127.\(100 + getpid() / 256 % 100).\(getpid() % 256).\(number % 250 + 1)"
    }

    func start() {
        self.process.withLock {
            $0 = spawn(
                ["ipmi_sim", "-c", self.directory + "/lan.conf", "-f", self.directory + "/commands", "-s", self.directory + "/state", "-n"],
                output: self.directory + "/log")
        }
    }

    private func waitUntilItAnswers() async throws {
        let address = try BMCAddress("\(self.host):\(self.port)")
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do throws(BMCError) {
                _ = try await Self.pool.run { () throws(BMCError) in try IPMIKnock.knock(address, deadline: deadline) }
                return
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private static let pool = BMCThreadPool(threads: 4, queueLimit: 100)

    func stop() {
        self.process.withLock { process in
            guard process > 0 else { return }
            kill(process, SIGKILL)
            var status: Int32 = 0
            unsafe waitpid(process, &status, 0)
            process = 0
        }
    }

    func signal(_ number: Int32) {
        self.process.withLock { if $0 > 0 { kill($0, number) } }
    }

    var parameters: [String: String] {
        ["power_address": "\(self.host):\(self.port)", "power_user": "ipmiusr", "power_pass": "correct-horse"]
    }

    /// What the chassis script was asked, in order: `get power`, `set power 1`, `set boot pxe` …
    var chassisLog: [String] { self.read("chassis.log").split(separator: "\n").map(String.init) }

    /// Only the changes.
    var changes: [String] { self.chassisLog.filter { $0.hasPrefix("set ") } }

    var power: String { self.read("power") }

    func setPower(_ value: String) throws { try self.write("power", value) }

    private func read(_ name: String) -> String {
        (try? String(contentsOfFile: self.directory + "/" + name, encoding: .utf8)) ?? ""
    }

    private func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: self.directory + "/" + name))
    }

    private func chassisScript(slowness: String) -> String {
        """
        D=\(self.directory); operation=$1; shift
        case $operation in
        get) for name; do echo "get $name" >> $D/chassis.log
            case $name in
            power) echo "power:$(cat $D/power 2>/dev/null || echo 0)" ;;
            boot) echo "boot:$(cat $D/boot 2>/dev/null || echo none)" ;;
            esac; done ;;
        set) while [ $# -gt 1 ]; do echo "set $1 $2" >> $D/chassis.log
            case $1 in
            power) sleep \(slowness); printf %s $2 > $D/power ;;
            boot) printf %s $2 > $D/boot ;;
            shutdown) printf 0 > $D/power ;;
            esac; shift 2; done ;;
        esac
        exit 0
        """
    }

    private var configuration: String {
        """
        name "simulated"
        set_working_mc 0x20
          startlan 1
            addr \(self.host) \(self.port)
            priv_limit admin
            allowed_auths_callback none md2 md5 straight
            allowed_auths_user none md2 md5 straight
            allowed_auths_operator none md2 md5 straight
            allowed_auths_admin none md2 md5 straight
            guid a123456789abcdefa123456789000001
          endlan
          chassis_control "sh \(self.directory)/chassis"
          user 1 true "" "test" user 10 none md2 md5 straight
          user 2 true "ipmiusr" "correct-horse" admin 10 none md2 md5 straight
          user 3 true "watcher" "eyes" user 10 none md2 md5 straight

        """
    }
}

/// Where temporary files belong.
private func temporaryDirectory() -> String {
    ProcessInfo.processInfo.environment["TMPDIR"].map { $0.hasSuffix("/") ? $0 : $0 + "/" } ?? "/tmp/"
}

/// Starts a program from PATH, with its output in a file.
private func spawn(_ arguments: [String], output: String) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var argv: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { unsafe argv.forEach { unsafe free($0) } }
    var process: pid_t = 0
    let failure = unsafe posix_spawnp(&process, arguments[0], &actions, nil, &argv, environ)
    precondition(failure == 0, "\(arguments[0]) does not start: error \(failure)")
    return process
}
