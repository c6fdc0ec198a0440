// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import CSys
import Domain
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

    /// A cable between a `rack0` and a `machine0`, with 10.77.0.1/24 on the rack's end.
    static func with(_ body: (DHCPNamespaces) async throws -> Void) async throws {
        let number = UInt32.random(in: .min ... .max)
        let namespaces = DHCPNamespaces(server: "gdh-s\(number)", client: "gdh-c\(number)")
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
        for name in [self.server, self.client] {
            try await Self.run("ip", "netns", "add", name)
            try await Self.run("ip", "-n", name, "link", "set", "lo", "up")
        }
        try await Self.run("ip", "-n", self.server, "link", "add", "rack0", "type", "veth", "peer", "name", "machine0", "netns", self.client)
        try await Self.run("ip", "-n", self.server, "address", "add", "10.77.0.1/24", "dev", "rack0")
        try await Self.run("ip", "-n", self.server, "link", "set", "rack0", "up")
        try await Self.run("ip", "-n", self.client, "link", "set", "machine0", "up")
    }

    private func remove() async {
        // Their interfaces go with them. What is left of a failed set-up does not matter to other tests.
        _ = try? await Self.run("ip", "netns", "delete", self.server)
        _ = try? await Self.run("ip", "netns", "delete", self.client)
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

    private func receive(_ message: LeaseRackMessage) {
        if case .report(let report) = message { self.reports += report.entries }
        for effect in self.authority.handle(.received(message), now: DHCPService.now) {
            if case .send(let answer, to: _) = effect { self.service.receive(answer) }
        }
    }
}
