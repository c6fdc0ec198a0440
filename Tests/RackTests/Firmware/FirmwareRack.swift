// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Leasing
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestSupport

@testable import Rack

/// A rack's servers for DHCP, TFTP and HTTP in a network namespace of their own, with a tap for one machine. Needs root.
final class FirmwareRack: Sendable {
    let namespace: String
    let dhcp: DHCPService
    private let configuration: DHCPSegmentConfiguration
    private let seen = Mutex<[BootObservation]>([])

    static let tap = "tap0"
    static let macAddress = MACAddress(rawValue: 0x5254_0099_00F1)
    private static let serviceAddress = IPv4Address(rawValue: 0x0A63_0001)

    private init(namespace: String, bootFiles: DHCPBootFiles, journal: String) throws {
        guard let rack = SystemID("3aaaaa"), let subnet = IPv4Network("10.99.0.0/24") else { throw FixtureError("constants") }
        var configuration = DHCPSegmentConfiguration(
            segmentID: 5, rack: rack, interfaceName: Self.tap, serviceAddress: Self.serviceAddress, subnet: subnet)
        configuration.bootFiles = bootFiles
        self.namespace = namespace
        self.configuration = configuration
        self.dhcp = DHCPService(configuration: configuration, journalDirectory: journal, logger: Self.logger)
    }

    private static var logger: Logger { Logger(label: "firmware") { _ in SwiftLogNoOpLogHandler() } }

    /// Runs the body while the servers serve; nothing is left of them.
    static func serving<Result: Sendable>(
        _ payload: FirmwarePayload, bootFiles: DHCPBootFiles, isInstalled: Bool, _ body: (FirmwareRack) async throws -> Result
    ) async throws -> Result {
        let namespace = "gfw-\(UInt32.random(in: .min ... .max))"
        let journal = TemporaryDirectory()
        let rack = try FirmwareRack(namespace: namespace, bootFiles: bootFiles, journal: journal.path)
        let result: Swift.Result<Result, any Error>
        do {
            try await rack.makeNetwork()
            result = .success(try await rack.serve(payload, isInstalled: isInstalled, body))
        } catch {
            result = .failure(error)
        }
        rack.dhcp.stop()
        // What is left of a failed set-up does not matter to other cases.
        _ = try? await DHCPNamespaces.run("ip", "netns", "delete", namespace)
        return try result.get()
    }

    private func makeNetwork() async throws {
        try await DHCPNamespaces.run("ip", "netns", "add", self.namespace)
        try await DHCPNamespaces.run("ip", "-n", self.namespace, "link", "set", "lo", "up")
        try await DHCPNamespaces.run("ip", "netns", "exec", self.namespace, "ip", "tuntap", "add", "dev", Self.tap, "mode", "tap")
        try await DHCPNamespaces.run("ip", "-n", self.namespace, "address", "add", "\(Self.serviceAddress)/24", "dev", Self.tap)
        try await DHCPNamespaces.run("ip", "-n", self.namespace, "link", "set", Self.tap, "up")
    }

    private func serve<Result: Sendable>(
        _ payload: FirmwarePayload, isInstalled: Bool, _ body: (FirmwareRack) async throws -> Result
    ) async throws -> Result {
        let answers = BootAnswers()
        answers.setLoaders(payload.loaders)
        for (architecture, image) in [("amd64", payload.image), ("arm64", payload.arm64)] {
            let intent = image.map {
                BootIntent(
                    macAddresses: [], systemID: nil, hostname: "firmware", purpose: .enlist, image: $0, kernelOptions: [],
                    preseedPath: "metadata/latest/enlist-preseed/?op=get_enlist_preseed")
            }
            answers.setEnlistment(intent, architecture: architecture)
        }
        if isInstalled {
            answers.put(
                BootIntent(
                    macAddresses: [Self.macAddress], systemID: SystemID("abc346"), hostname: "firmware", purpose: .local, image: nil,
                    kernelOptions: [], preseedPath: "metadata/latest/by-id/abc346/?op=get_preseed"))
        }
        let observations = BootObservations()
        let fetches = ContentFetches(source: payload, logger: Self.logger) { throw FixtureError("nobody has \($0)") }
        let opened = Mutex<(group: MultiThreadedEventLoopGroup, tftp: TFTPService)?>(nil)
        try DHCPNamespaces(server: self.namespace, client: self.namespace).inside(self.namespace) {
            // Threads are in the namespace of the thread that starts them, and sockets in the one of the thread that opens them.
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let tftp = try TFTPService(
                configuration: TFTPServiceConfiguration(), answers: answers, content: payload, fetches: fetches, observations: observations,
                logger: Self.logger)
            opened.withLock { $0 = (group, tftp) }
            try self.dhcp.start()
        }
        guard let (group, tftp) = opened.withLock({ $0 }) else { throw FixtureError("nothing was opened") }
        let http = BootHTTPService(
            configuration: BootHTTPConfiguration(drainTime: .milliseconds(100)), answers: answers, content: payload, fetches: fetches,
            observations: observations, forwarder: HTTPServiceTests.NoRegion(), logger: Self.logger, group: group)
        try await withTaskExecutorPreference(LoopExecutor(loop: group.next())) { _ = try await http.bind() }
        let region = LeaseRegion(
            self.dhcp, rack: self.configuration.rack, first: IPv4Address(rawValue: Self.serviceAddress.rawValue + 99), count: 50)
        let result = try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await region.run() }
            tasks.addTask { try await fetches.run() }
            tasks.addTask { try await tftp.run() }
            tasks.addTask { try await http.run() }
            tasks.addTask { for await observation in observations.events { self.seen.withLock { $0.append(observation) } } }
            defer {
                self.dhcp.stop()
                observations.finish()
                tasks.cancelAll()
            }
            try await eventually("DHCP has addresses to give") { self.dhcp.isGranted && self.dhcp.statistics.unspent > 0 }
            return try await body(self)
        }
        try await group.shutdownGracefully()
        return result
    }

    /// From now on iPXE gets its script, as an iPXE does that was loaded by another ROM.
    func sendScriptToIPXE() {
        var configuration = self.configuration
        configuration.bootFiles.ipxe = DHCPBootFiles().ipxe
        self.dhcp.apply(configuration)
    }

    /// What was loaded to its end so far, such as `TFTP grub/grub.cfg`.
    var transfers: [String] {
        self.seen.withLock { seen in
            seen.compactMap { observation in
                switch observation.kind {
                case .tftpDone: "TFTP \(observation.name)"
                case .httpDone where observation.bytes > 0: "HTTP \(observation.name)"
                default: nil
                }
            }
        }
    }

    /// All that was seen, for people.
    var report: String {
        self.seen.withLock { seen in
            seen.map { "\($0.kind.rawValue) \($0.name) \($0.bytes) octets \($0.detail)" }.joined(separator: "\n")
        } + "\nDHCP: \(self.dhcp.counters)"
    }
}

/// Runs tasks on an event loop's thread.
private final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(loop: any EventLoop) {
        self.loop = loop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.loop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
