// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import APIClient
import Domain
import FoundationEssentials
import Glibc
import JSON
import Lab
import Logging
import OneMachine
import Subprocess
import Testing

/// A whole cloud for one test: PostgreSQL, regiond, rackd and virtual machines, with names, addresses and ports of its own, so that it can
/// run beside the cloud of whoever runs the tests. Needs root.
struct TestCloud {
    let cloud: Cloud
    let client: GantryClient
    let follower: MachineFollower
    private let root: String

    private static let package = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

    /// Runs `body` in a cloud that is gone afterwards, whatever happened. The state stays when it failed, to be looked at.
    static func run(_ body: (TestCloud) async throws -> Void) async throws {
        let root = "/tmp/gantry-first-light-\(getpid())"
        // PostgreSQL's user has to reach its folder in there.
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let cloud = try Self.cloud(root)
        do {
            try await body(try await Self.start(cloud, root))
        } catch {
            // What went wrong before is what counts.
            try? await cloud.down(purge: false)
            throw error
        }
        try await cloud.down(purge: true)
    }

    private static func cloud(_ root: String) throws -> Cloud {
        let layout = StateLayout(root: root)
        var whole = LabConfiguration(stateDirectory: layout.lab, machineCount: 2)
        whole.machines[1].firmware = .uefi
        let lab = LabConfiguration(
            stateDirectory: layout.lab, prefix: "gantry-fl-\(getpid())", uplinkNetwork: try #require(.init("10.98.200.0/30")),
            machines: whole.machines)
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let programs = (try FileManager.default.destinationOfSymbolicLink(atPath: "\(Self.package)/.build/debug"))
        let path = programs.hasPrefix("/") ? programs : "\(Self.package)/.build/\(programs)"
        return try Cloud(layout: layout, programs: path, lab: lab, httpPort: 5840, progress: PrintedProgress(), logger: logger)
    }

    private static func start(_ cloud: Cloud, _ root: String) async throws -> TestCloud {
        let images = "\(Self.package)/.build/images-stream"
        let built = try await Subprocess.run(
            .name("bash"), arguments: ["\(Self.package)/tools/build-image", "--slim", "--output", images], output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20))
        try #require(built.terminationStatus.isSuccess, "\(built.standardOutput) \(built.standardError)")
        let client = GantryClient(profile: try await cloud.up())
        try await cloud.importImages(from: images, client)
        return TestCloud(cloud: cloud, client: client, follower: MachineFollower(client: client, progress: PrintedProgress()), root: root)
    }

    /// Waits for a state. Hours are allowed, since nothing but the state decides.
    func wait(_ id: String, until state: String) async throws {
        try await self.follower.wait(for: id, until: state, title: id, within: .seconds(7200))
    }

    func status(_ id: String) async throws -> String {
        try await self.client.get("machines/\(id)/")["status_name"]?.stringValue ?? ""
    }

    /// What the machine has written on its serial line since it had written `start` bytes.
    func console(_ machine: LabMachine, from start: Int = 0) throws -> String {
        let bytes = FileManager.default.contents(atPath: try self.cloud.lab.serialLog(machine.name)) ?? Data()
        return String(decoding: bytes.dropFirst(start), as: UTF8.self)
    }

    func consoleLength(_ machine: LabMachine) throws -> Int {
        (FileManager.default.contents(atPath: try self.cloud.lab.serialLog(machine.name)) ?? Data()).count
    }

    /// Compares the machine's first disk, from outside of it, with zeros.
    func diskIsBlank(_ machine: LabMachine) async throws -> Bool {
        let zeros = "\(self.root)/zeros-\(machine.name)"
        if !FileManager.default.fileExists(atPath: zeros) {
            _ = try await Subprocess.run(
                .name("truncate"), arguments: ["-s", "\(machine.diskGiB)G", zeros], output: .discarded, error: .discarded)
        }
        let compared = try await Subprocess.run(
            .name("qemu-img"), arguments: ["compare", "-U", "-f", "raw", "-F", "qcow2", zeros, try self.cloud.lab.diskImage(machine.name)],
            output: .string(limit: 4096), error: .string(limit: 4096))
        switch compared.terminationStatus {
        case .exited(0): return true
        case .exited(1): return false
        default: throw OneMachineError("qemu-img compare: \(compared.standardError)")
        }
    }
}

extension TestCloud {
    /// Kills one of this cloud's daemons, which is told from others by its configuration; it is started again by itself.
    func kill(_ program: String) async throws {
        let command = "/\(program)\u{0}--config\u{0}\(self.root)/etc/\(program).yaml\u{0}"
        let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter {
            String(decoding: FileManager.default.contents(atPath: "/proc/\($0)/cmdline") ?? Data(), as: UTF8.self).hasSuffix(command)
        }
        try #require(processes.count == 1, "\(program) runs once: \(processes)")
        try #require(Glibc.kill(processes[0], SIGKILL) == 0)
        PrintedProgress().done("\(program) was killed")
    }

    /// Makes another disk of the same name and serial number of the machine's, which is off: blank, and of another size.
    func resizeDisk(_ machine: LabMachine, mebibytes: Int) async throws {
        let made = try await Subprocess.run(
            .name("qemu-img"), arguments: ["create", "-q", "-f", "qcow2", try self.cloud.lab.diskImage(machine.name), "\(mebibytes)M"],
            output: .discarded, error: .string(limit: 4096))
        try #require(made.terminationStatus.isSuccess, "\(made.standardError)")
    }

    /// What the steps of the machine's last installation printed.
    func installationOutput(_ id: String) async throws -> String {
        let sets = try await self.client.get("nodes/\(id)/results/", [("type", "installation"), ("include_output", "true")])
        let results = (sets.arrayValue ?? []).flatMap { $0["results"]?.arrayValue ?? [] }
        return results.compactMap { result in
            ["output", "stdout", "stderr"].compactMap { result[$0]?.stringValue }.compactMap { Data(base64Encoded: $0) }
                .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
        }.joined(separator: "\n")
    }
}

/// The progress of a long test, a line a step.
struct PrintedProgress: OneMachine.Progress {
    func step(_ name: String, fraction: Double?) {}
    func done(_ text: String) {
        let line = Array("first light: \(text)\n".utf8)
        _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
