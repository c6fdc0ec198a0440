// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Glibc
import Leasing
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Rack

/// What else is on a segment, and what else may go wrong on it: by real clients, relays and servers in namespaces.
@Suite(.enabled(if: geteuid() == 0, "namespaces need root"), .timeLimit(.minutes(5)))
struct DHCPSegmentTests {
    private static func udhcpc(_ script: String) -> [String] {
        ["busybox", "udhcpc", "-i", "machine0", "-f", "-q", "-n", "-t", "30", "-T", "1", "-s", script]
    }

    @Test func `a free address that something uses is found before a client gets it`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            let script = directory.clientScript()
            // A device with a fixed address in the middle of the pool.
            try await namespaces.onMachine("ip", "address", "add", "10.77.0.50/24", "dev", "machine0")
            try await namespaces.serve(try namespaces.configuration(), directory: directory) { service, region in
                try await eventually("the address is set aside") { service.statistics.quarantined == 1 }
                try await eventually("the region knows") {
                    await region.reports.contains { $0.address == IPv4Address("10.77.0.50") && $0.state == .declined }
                }
                try await namespaces.onMachine("ip", "address", "flush", "dev", "machine0")
                try await DHCPNamespaces.run("ip", ["netns", "exec", namespaces.client] + Self.udhcpc(script))
                #expect(service.leases().map(\.address) == [IPv4Address("10.77.0.51")])
                #expect(service.counters.declines == 0)
            }
        }
    }

    @Test func `another DHCP server is found although no machine follows it`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            try await namespaces.onMachine("ip", "address", "add", "10.77.0.66/24", "dev", "machine0")
            directory.write(
                "udhcpd.conf",
                Array(
                    """
                    start 10.77.0.200
                    end 10.77.0.210
                    interface machine0
                    lease_file \(directory.path)/udhcpd.leases
                    pidfile \(directory.path)/udhcpd.pid

                    """.utf8
                )
            )
            directory.write("udhcpd.leases", [])
            try await namespaces.whileOnMachine(["busybox", "udhcpd", "-f", "\(directory.path)/udhcpd.conf"]) {
                try await eventually("the other server listens") {
                    try await namespaces.onMachine("ss", "-Hlun").contains(":67 ")
                }
                try await namespaces.serve(try namespaces.configuration(), directory: directory) { service, _ in
                    var found: DHCPObservation?
                    for await observation in service.observations where observation.kind == .foreignOffer {
                        found = observation
                        break
                    }
                    #expect(found?.address == IPv4Address("10.77.0.66"))
                    let seen = try #require(found)
                    #expect("\(ObservationText.observation(seen))".contains("10.77.0.66 ("), "with what sent the offer")
                }
            }
        }
    }

    @Test(arguments: [["-a", "-iu", "up0"], ["-a", "-U", "up0"]])
    func `machines behind a relay agent get addresses of their network, also when the agent's own address is of another one`(options: [String])
        async throws
    {
        try await DHCPNamespaces.with(throughRelay: true) { namespaces in
            let relay = try #require(namespaces.relay)
            let directory = TemporaryDirectory()
            let script = directory.clientScript()
            var configuration = try namespaces.configuration()
            configuration.serviceAddress = try #require(IPv4Address("172.16.0.1"))
            configuration.gateway = IPv4Address("10.77.0.1")
            try await namespaces.serve(configuration, directory: directory) { service, _ in
                let dhcrelay = ["netns", "exec", relay, "dhcrelay", "-4", "-d", "--no-pid"] + options + ["-id", "down0", "172.16.0.1"]
                try await DHCPNamespaces.whileRunning(dhcrelay) {
                    try await DHCPNamespaces.run("ip", ["netns", "exec", namespaces.client] + Self.udhcpc(script))
                    #expect(service.leases().map(\.address) == [IPv4Address("10.77.0.50")])
                    let log = String(decoding: directory.read("log"), as: UTF8.self)
                    #expect(log.contains("bound 10.77.0.50"))
                }
            }
        }
    }

    @Test func `dhcping is answered`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            try await namespaces.onMachine("ip", "address", "add", "10.77.0.9/24", "dev", "machine0")
            try await namespaces.serve(try namespaces.configuration(), directory: directory) { service, _ in
                let answer = try await namespaces.onMachine(
                    "dhcping", "-i", "-c", "10.77.0.9", "-s", "10.77.0.1", "-h", "52:54:00:00:00:09", "-t", "20")
                #expect(answer.contains("Got answer"))
                #expect(service.counters.informs >= 1)
            }
        }
    }

    @Test func `two thousand machines at once all get an address of their own, while one shouts`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            try await namespaces.onMachine("ip", "address", "add", "10.77.0.9/20", "dev", "machine0")
            var configuration = try namespaces.configuration()
            configuration.subnet = try #require(IPv4Network("10.77.0.0/20"))
            // Few, so that the storm is over the limit on every machine.
            configuration.limits.segmentBurst = 200
            configuration.limits.segmentMessagesPerSecond = 2_000
            let terms = LeaseTerms(tokenTarget: 4_096)
            let server = configuration.serviceAddress
            try await namespaces.serve(configuration, directory: directory, addresses: 3_000, first: "10.77.1.0", terms: terms) { service, _ in
                try await eventually("all addresses are here") { service.statistics.unspent >= 2_500 }
                let addresses = Mutex<[IPv4Address]>([])
                let client = namespaces.client
                try await Task.detached {
                    try namespaces.inside(client) {
                        let got = try DHCPStorm.run(clients: 2_000, shouts: 5_000, server: server)
                        addresses.withLock { $0 = got }
                    }
                }.value
                let got = addresses.withLock { $0 }
                #expect(got.count == 2_000)
                #expect(Set(got).count == 2_000, "no address twice")
                #expect(service.counters.delayed > 0, "the storm was over the limit")
                #expect(service.counters.overflow > 0, "of the one that shouts not everything was kept")
            }
        }
    }

    /// A disk whose flush does not come back.
    private final class HangingDisk: Sendable {
        let hangs = Mutex(false)
        let waiting = Mutex(0)

        func flush(_ file: Int32) -> Int32 {
            self.waiting.withLock { $0 += 1 }
            while self.hangs.withLock({ $0 }) { usleep(5_000) }
            self.waiting.withLock { $0 -= 1 }
            return fdatasync(file)
        }
    }

    @Test func `answers wait for neither the region nor the disk`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            let script = directory.clientScript()
            var configuration = try namespaces.configuration()
            configuration.leaseSeconds = 4
            let disk = HangingDisk()
            try await namespaces.serve(configuration, directory: directory, flush: { disk.flush($0) }) { service, region in
                await region.hang()
                try await eventually("addresses are written off ahead of their use") {
                    service.statistics.undecided == 0 && directory.read("segment-5.leases").count > 600
                }
                defer { disk.hangs.withLock { $0 = false } }
                disk.hangs.withLock { $0 = true }
                // The first thing to be written hangs the disk: the client's binding itself.
                let dhclient = ["dhclient", "-4", "-sf", script, "-lf", "\(directory.path)/leases", "-pf", "\(directory.path)/pid"]
                try await DHCPNamespaces.run("ip", ["netns", "exec", namespaces.client] + dhclient + ["-1", "machine0"])
                try await eventually("the disk hangs") { disk.waiting.withLock { $0 } > 0 }
                let before = service.counters.acknowledgements
                try await eventually("a client renews") { service.counters.acknowledgements > before }
                try await DHCPNamespaces.run(
                    "ip", ["netns", "exec", namespaces.client, "dhclient", "-4", "-x", "-pf", "\(directory.path)/pid", "machine0"])
                // Another machine, that was never seen.
                try await namespaces.onMachine("ip", "address", "flush", "dev", "machine0")
                try await namespaces.onMachine("ip", "link", "set", "machine0", "address", "52:54:00:00:07:07")
                try await DHCPNamespaces.run("ip", ["netns", "exec", namespaces.client] + Self.udhcpc(script))
                #expect(service.leases().count == 2)
                #expect(disk.waiting.withLock { $0 } > 0, "it hung all the time")
            }
        }
    }
}
