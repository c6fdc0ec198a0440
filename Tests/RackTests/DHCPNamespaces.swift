// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import CSys
import Domain
import Glibc
import Leasing
import Logging
import Subprocess
import Synchronization
import TestSupport

@testable import Rack

/// Two network namespaces joined by a cable, with a DHCP service in one of them. Needs root; leaves nothing behind.
struct DHCPNamespaces {
    let server: String
    let client: String
    /// A router between the two, on which a relay agent can run.
    var relay: String?

    /// A cable between a `rack0` and a `machine0`, with 10.77.0.1/24 on the rack's end.
    ///
    /// - Parameter throughRelay: a router is in the way, with 172.16.0.2/30 on its `up0` to the rack's 172.16.0.1, and 10.77.0.1/24 on its
    ///   `down0` to the machine.
    static func with(throughRelay: Bool = false, _ body: (DHCPNamespaces) async throws -> Void) async throws {
        let number = UInt32.random(in: .min ... .max)
        let namespaces = DHCPNamespaces(
            server: "gdh-s\(number)", client: "gdh-c\(number)", relay: throughRelay ? "gdh-r\(number)" : nil
        )
        do {
            try await namespaces.make()
            try await body(namespaces)
        } catch {
            await namespaces.remove()
            throw error
        }
        await namespaces.remove()
    }

    private func make() async throws {
        for name in [self.server, self.client, self.relay].compactMap({ $0 }) {
            try await Self.run("ip", "netns", "add", name)
            try await Self.run("ip", "-n", name, "link", "set", "lo", "up")
        }
        if let relay = self.relay {
            try await Self.cable(self.server, "rack0", "172.16.0.1/30", relay, "up0", "172.16.0.2/30")
            try await Self.cable(relay, "down0", "10.77.0.1/24", self.client, "machine0", nil)
            try await Self.run("ip", "-n", self.server, "route", "add", "10.77.0.0/24", "via", "172.16.0.2")
        } else {
            try await Self.cable(self.server, "rack0", "10.77.0.1/24", self.client, "machine0", nil)
        }
    }

    private static func cable(
        _ one: String, _ oneEnd: String, _ oneAddress: String, _ other: String, _ otherEnd: String, _ otherAddress: String?
    ) async throws {
        try await Self.run("ip", "-n", one, "link", "add", oneEnd, "type", "veth", "peer", "name", otherEnd, "netns", other)
        try await Self.run("ip", "-n", one, "address", "add", oneAddress, "dev", oneEnd)
        if let otherAddress { try await Self.run("ip", "-n", other, "address", "add", otherAddress, "dev", otherEnd) }
        try await Self.run("ip", "-n", one, "link", "set", oneEnd, "up")
        try await Self.run("ip", "-n", other, "link", "set", otherEnd, "up")
    }

    private func remove() async {
        // Their interfaces go with them. What is left of a failed set-up does not matter to other tests.
        _ = try? await Self.run("ip", "netns", "delete", self.server)
        _ = try? await Self.run("ip", "netns", "delete", self.client)
        if let relay = self.relay { _ = try? await Self.run("ip", "netns", "delete", relay) }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Runs a program to its end and returns what it wrote.
    @discardableResult
    static func run(_ program: String, _ arguments: String...) async throws -> String {
        try await Self.run(program, arguments)
    }

    @discardableResult
    static func run(_ program: String, _ arguments: [String]) async throws -> String {
        let result = try await Subprocess.run(
            .name(program), arguments: Arguments(arguments), output: .string(limit: 1 << 20), error: .string(limit: 1 << 20)
        )
        let text = result.standardOutput + result.standardError
        guard result.terminationStatus.isSuccess else { throw Failure(description: "\(program) \(arguments): \(text)") }
        return text
    }

    /// Runs a program in the machine's namespace.
    @discardableResult
    func onMachine(_ arguments: String...) async throws -> String {
        try await Self.run("ip", ["netns", "exec", self.client] + arguments)
    }

    /// Runs a body on a thread in a namespace; threads that it starts are there too.
    func inside(_ namespace: String, _ body: @escaping @Sendable () throws -> Void) throws {
        let result = OutcomeBox()
        let thread = try ServiceThread {
            let entered = unsafe csys_enter_network_namespace("/run/netns/\(namespace)")
            result.set(entered == 0 ? Result { try body() } : .failure(Failure(description: "setns \(namespace): \(entered)")))
        }
        thread.join()
        try result.get()?.get()
    }

    private final class OutcomeBox: Sendable {
        private let value = Mutex<Result<Void, any Error>?>(nil)

        func set(_ result: Result<Void, any Error>) { self.value.withLock { $0 = result } }
        func get() -> Result<Void, any Error>? { self.value.withLock { $0 } }
    }

    /// Runs a program in the machine's namespace for as long as the body runs.
    func whileOnMachine(_ arguments: [String], _ body: () async throws -> Void) async throws {
        try await Self.whileRunning(["netns", "exec", self.client] + arguments, body)
    }

    /// Runs `ip` with arguments that start a program which goes on, for as long as the body runs.
    static func whileRunning(_ arguments: [String], _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            // Ended by its cancellation.
            group.addTask { _ = try? await Self.run("ip", arguments) }
            do { try await body() } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }

    /// Runs a service with a region of its own, and stops both.
    func serve(
        _ configuration: DHCPSegmentConfiguration, directory: TemporaryDirectory, addresses: UInt32 = 100, first: String = "10.77.0.50",
        durability: LeaseDurability = .process, terms: LeaseTerms = .standard,
        flush: @escaping LeaseJournal.Flush = { fdatasync($0) }, _ body: (DHCPService, LeaseRegion) async throws -> Void
    ) async throws {
        let service = DHCPService(
            configuration: configuration, journalDirectory: directory.path, durability: durability, terms: terms, flush: flush,
            logger: Logger(label: "dhcp") { _ in SwiftLogNoOpLogHandler() }
        )
        try self.inside(self.server) { try service.start() }
        let region = LeaseRegion(
            service, rack: configuration.rack, first: IPv4Address(first) ?? configuration.serviceAddress, count: addresses, terms: terms
        )
        try await withThrowingTaskGroup { group in
            group.addTask { await region.run() }
            do {
                try await eventually("the service has a grant and addresses") { service.isGranted && service.statistics.unspent > 0 }
                try await body(service, region)
            } catch {
                service.stop()
                throw error
            }
            service.stop()
            try await group.waitForAll()
        }
    }

    func configuration() throws -> DHCPSegmentConfiguration {
        guard let rack = SystemID("3aaaaa"), let service = IPv4Address("10.77.0.1"), let subnet = IPv4Network("10.77.0.0/24") else {
            throw Failure(description: "constants")
        }
        var configuration = DHCPSegmentConfiguration(
            segmentID: 5, rack: rack, interfaceName: "rack0", serviceAddress: service, subnet: subnet
        )
        configuration.gateway = service
        configuration.dnsServers = [service]
        configuration.domainName = "maas"
        return configuration
    }
}

/// The region's half for one service: an authority in memory, asked by the service's own messages.
actor LeaseRegion {
    private var authority: LeaseAuthority
    private(set) var reports: [LeaseReport.Entry] = []
    private var isHung = false
    private let service: DHCPService

    init(_ service: DHCPService, rack: SystemID, first: IPv4Address, count: UInt32, terms: LeaseTerms = .standard) {
        self.service = service
        self.authority = LeaseAuthority(segmentID: 5, terms: terms)
        let range = AddressRange(first: first, last: IPv4Address(rawValue: first.rawValue + count - 1))
        _ = self.authority.handle(.poolChanged(ranges: [range], reservations: []), now: DHCPService.now)
        _ = self.authority.handle(.ensembleChanged([rack]), now: DHCPService.now)
    }

    /// Serves until the service ends.
    func run() async {
        for await message in self.service.outbound { self.receive(message) }
    }

    /// From now on it takes everything and answers nothing.
    func hang() { self.isHung = true }

    private func receive(_ message: LeaseRackMessage) {
        if self.isHung { return }
        if case .report(let report) = message { self.reports += report.entries }
        for effect in self.authority.handle(.received(message), now: DHCPService.now) {
            if case .send(let answer, to: _) = effect { self.service.receive(answer) }
        }
    }
}

extension TemporaryDirectory {
    /// A client's script that takes the address on, and notes what happened; nothing else of the host is touched.
    func clientScript() -> String {
        let path = "\(self.path)/script"
        self.write(
            "script",
            Array(
                """
                #!/bin/sh
                what=${reason:-$1}; address=${new_ip_address:-$ip}
                case $what in
                BOUND|RENEW|REBIND|REBOOT|bound|renew) ip address replace "$address/24" dev "$interface";;
                EXPIRE|FAIL|RELEASE|STOP|deconfig|leasefail|nak) ip address flush dev "$interface";;
                esac
                echo "$what $address $boot_file" >> \(self.path)/log
                exit 0

                """.utf8
            )
        )
        unsafe chmod(path, 0o755)
        return path
    }
}
