// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import CSys
import Domain
import Glibc
import Leasing
import Logging
import TestSupport
import Testing

@testable import Rack

@Suite(.enabled(if: geteuid() == 0, "namespaces need root"), .timeLimit(.minutes(5)))
struct DHCPServiceTests {
    private func log(_ directory: TemporaryDirectory) -> [String] {
        String(decoding: directory.read("log"), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func `dhclient gets an address, renews it and gives it back`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            var configuration = try namespaces.configuration()
            configuration.leaseSeconds = 8
            let script = directory.clientScript()
            try await namespaces.serve(configuration, directory: directory) { service, region in
                try await namespaces.onMachine(
                    "dhclient", "-4", "-1", "-sf", script, "-lf", "\(directory.path)/leases", "-pf", "\(directory.path)/pid", "machine0"
                )
                let lease = try #require(service.leases().first)
                #expect(lease.address == IPv4Address("10.77.0.50"))
                #expect(self.log(directory).contains { $0.hasPrefix("BOUND 10.77.0.50") })
                try await eventually("dhclient renews by unicast") { service.counters.acknowledgements >= 3 }
                #expect(self.log(directory).contains { $0.hasPrefix("RENEW 10.77.0.50") })
                try await namespaces.onMachine(
                    "dhclient", "-4", "-r", "-sf", script, "-lf", "\(directory.path)/leases", "-pf", "\(directory.path)/pid", "machine0"
                )
                try await eventually("the release is noted") { service.leases().first?.isReleased == true }
                try await eventually("the region knows of it") { await region.reports.last?.state == .released }
                let reports = await region.reports
                #expect(reports.first?.state == .bound)
                #expect(reports.allSatisfy { $0.address == lease.address && $0.client == lease.client })
            }
        }
    }

    @Test func `udhcpc gets its old address again after the rack was restarted, and after it crashed`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            let script = directory.clientScript()
            let configuration = try namespaces.configuration()
            let udhcpc = [
                "ip", "netns", "exec", namespaces.client, "busybox", "udhcpc", "-i", "machine0", "-f", "-q", "-n", "-t", "20", "-T", "1", "-s",
                script,
            ]
            var addresses: [IPv4Address] = []
            for isLast in [false, false, true] {
                var crashed: [UInt8] = []
                try await namespaces.serve(configuration, directory: directory) { service, _ in
                    try await DHCPNamespaces.run(udhcpc[0], Array(udhcpc.dropFirst()))
                    addresses += service.leases().map(\.address)
                    try await eventually("the binding is in the journal") {
                        crashed = directory.read("segment-5.leases")
                        return try LeaseJournal.parse(crashed, path: "").0.contains { record in
                            if case .addresses(let records) = record { records.contains { $0.state == .bound } } else { false }
                        }
                    }
                    #expect(service.statistics.undecided == 0 || isLast)
                }
                // What a crash would have left: the journal without its orderly end.
                if addresses.count == 2 { directory.write("segment-5.leases", crashed) }
            }
            #expect(Set(addresses).count == 1 && addresses.count == 3)
        }
    }

    /// The client has its address from now on, and is told so.
    private func acquire(_ namespaces: DHCPNamespaces, _ script: String) async throws {
        try await namespaces.onMachine("busybox", "udhcpc", "-i", "machine0", "-f", "-q", "-n", "-t", "10", "-T", "1", "-s", script)
    }

    /// How often a journal says that of an address.
    private static func count(_ state: AddressRecord.State, in journal: [UInt8]) throws -> Int {
        try LeaseJournal.parse(journal, path: "").0.reduce(0) { count, record in
            if case .addresses(let records) = record { count + records.count { $0.state == state } } else { count }
        }
    }

    @Test func `a rack that is killed before its journal has a binding knows it all the same`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            let script = directory.clientScript()
            let configuration = try namespaces.configuration()
            var killed: [UInt8] = []
            var address: IPv4Address?
            try await namespaces.serve(configuration, directory: directory) { service, _ in
                try await eventually("addresses are written off") {
                    killed = directory.read("segment-5.leases")
                    return try Self.count(.debited, in: killed) > 0
                }
                #expect(try Self.count(.bound, in: killed) == 0)
                try await self.acquire(namespaces, script)
                address = service.leases().first?.address
            }
            #expect(address != nil)
            directory.write("segment-5.leases", killed)
            try await namespaces.serve(configuration, directory: directory) { service, _ in
                #expect(service.leases().map(\.address) == [address])
                #expect(service.counters.acknowledgements == 0, "known from the file, not from the client")
            }
        }
    }

    @Test func `with the disk's durability the journal has a binding before its client does`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            let script = directory.clientScript()
            try await namespaces.serve(try namespaces.configuration(), directory: directory, durability: .disk) { service, _ in
                try await self.acquire(namespaces, script)
                #expect(try Self.count(.bound, in: directory.read("segment-5.leases")) == 1)
                #expect(service.leases().count == 1)
                #expect(service.counters.sendFailures == 0)
            }
        }
    }

    @Test func `a flood of junk does not stop it`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            let script = directory.clientScript()
            try await namespaces.serve(try namespaces.configuration(), directory: directory) { service, _ in
                try await namespaces.onMachine("ip", "address", "add", "10.77.0.9/24", "dev", "machine0")
                try namespaces.inside(namespaces.client) { try Self.flood() }
                try await eventually("the flood arrived") { service.counters.malformed > 1_000 }
                try await namespaces.onMachine(
                    "busybox", "udhcpc", "-i", "machine0", "-f", "-q", "-n", "-t", "10", "-T", "1", "-s", script
                )
                #expect(service.leases().count == 1)
            }
        }
    }

    /// 100,000 datagrams: random bytes, and discovers with random options behind a valid head.
    private static func flood() throws {
        let socket = unsafe csys_udp_socket("machine0", 68, 1 << 16)
        guard socket >= 0, let batch = unsafe csys_datagrams_create(64, 600) else {
            throw DHCPNamespaces.Failure(description: "no socket: \(socket)")
        }
        defer {
            close(socket)
            unsafe csys_datagrams_destroy(batch)
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<1_600 {
            for slot in UInt32(0)..<64 {
                let bytes = unsafe UnsafeMutableBufferPointer(start: csys_datagrams_bytes(batch, slot), count: 600)
                for index in 0..<75 {
                    let word = random.next()
                    for byte in 0..<8 { unsafe bytes[index * 8 + byte] = UInt8(truncatingIfNeeded: word >> UInt64(8 * byte)) }
                }
                if slot % 2 == 0 {
                    for (index, byte) in [1, 1, 6, 0].enumerated() { unsafe bytes[index] = UInt8(byte) }
                    for (index, byte) in [0x63, 0x82, 0x53, 0x63, 53, 1, 1].enumerated() { unsafe bytes[236 + index] = UInt8(byte) }
                }
                unsafe csys_datagrams_address_udp(batch, slot, 0, UInt32(random.next() % 600), 0, 0x0A4D_0001, 67)
            }
            var sent: UInt32 = 0
            while sent < 64 {
                let count = unsafe csys_datagrams_send(batch, socket, sent, 64 - sent)
                sent += count > 0 ? UInt32(count) : 1
            }
        }
    }

    @Test func `a service without a grant is silent, and says why`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            let script = directory.clientScript()
            let service = DHCPService(
                configuration: try namespaces.configuration(), journalDirectory: directory.path,
                logger: Logger(label: "dhcp") { _ in SwiftLogNoOpLogHandler() }
            )
            try namespaces.inside(namespaces.server) { try service.start() }
            defer { service.stop() }
            await #expect(throws: DHCPNamespaces.Failure.self) {
                try await namespaces.onMachine(
                    "busybox", "udhcpc", "-i", "machine0", "-f", "-q", "-n", "-t", "2", "-T", "1", "-s", script
                )
            }
            // Without this the observation that is waited for below never comes: udhcpc may be missing, for one.
            try await eventually("the discovers are heard") { service.counters.silences > 0 }
            #expect(service.counters.offers == 0)
            var iterator = service.observations.makeAsyncIterator()
            _ = await iterator.next()
            let second = await iterator.next()
            #expect(second?.reason == .silent(.noGrant))
        }
    }

    @Test func `a service cannot start on an interface that is not there, nor twice on one journal`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            var configuration = try namespaces.configuration()
            let logger = Logger(label: "dhcp") { _ in SwiftLogNoOpLogHandler() }
            let service = DHCPService(configuration: configuration, journalDirectory: directory.path, logger: logger)
            try namespaces.inside(namespaces.server) { try service.start() }
            defer { service.stop() }
            let second = DHCPService(configuration: configuration, journalDirectory: directory.path, logger: logger)
            #expect(throws: DHCPServiceError(.journal, "")) { try namespaces.inside(namespaces.server) { try second.start() } }
            configuration.interfaceName = "nowhere0"
            let third = DHCPService(configuration: configuration, journalDirectory: directory.path, logger: logger)
            #expect(throws: DHCPServiceError(.noInterface, "")) { try namespaces.inside(namespaces.server) { try third.start() } }
        }
    }
}
