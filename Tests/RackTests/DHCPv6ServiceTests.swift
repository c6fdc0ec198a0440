// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Glibc
import LeasingV6
import Logging
import TestSupport
import Testing

@testable import Rack

/// DHCPv6 and router advertisements with the clients that people have.
@Suite(.enabled(if: geteuid() == 0, "namespaces need root"))
struct DHCPv6ServiceTests {
    private let network = "fd99::/64"

    private func configuration() throws -> DHCPv6SegmentConfiguration {
        var configuration = DHCPv6SegmentConfiguration(
            segmentID: 5, interfaceName: "rack0", serviceAddress: try #require(IPv6Address("fd99::1")),
            network: try #require(IPv6Network(self.network)), rackNumber: 7
        )
        configuration.dnsServers = [configuration.serviceAddress]
        configuration.domainName = "maas"
        return configuration
    }

    /// A rack's end with fd99::1 and a machine's end, both with link-local addresses that are in use.
    private func withNamespaces(_ body: (DHCPNamespaces) async throws -> Void) async throws {
        try await DHCPNamespaces.with { namespaces in
            try await DHCPNamespaces.run("ip", "-n", namespaces.server, "address", "add", "fd99::1/64", "dev", "rack0", "nodad")
            for (namespace, interface) in [(namespaces.server, "rack0"), (namespaces.client, "machine0")] {
                try await self.waitForLinkLocal(namespace, interface)
            }
            try await body(namespaces)
        }
    }

    private func waitForLinkLocal(_ namespace: String, _ interface: String) async throws {
        try await eventually("\(interface) has a link-local address") {
            let text = try await DHCPNamespaces.run("ip", "-n", namespace, "-6", "address", "show", "dev", interface, "scope", "link")
            return text.contains("fe80::") && !text.contains("tentative")
        }
    }

    private func serve(
        _ namespaces: DHCPNamespaces, _ configuration: DHCPv6SegmentConfiguration, _ body: (DHCPv6Service) async throws -> Void
    ) async throws {
        let service = DHCPv6Service(configuration: configuration, logger: Logger(label: "dhcpv6") { _ in SwiftLogNoOpLogHandler() })
        try namespaces.inside(namespaces.server) { try service.start() }
        defer { service.stop() }
        try await body(service)
    }

    /// A script for dhclient that takes the address on, and notes what happened.
    private func script(in directory: TemporaryDirectory) -> String {
        directory.write(
            "script",
            Array(
                """
                #!/bin/sh
                case $reason in
                BOUND6|RENEW6|REBIND6) ip -6 address replace "$new_ip6_address/64" dev "$interface";;
                EXPIRE6|RELEASE6|STOP6) ip -6 address flush dev "$interface" scope global;;
                esac
                echo "$reason $new_ip6_address $new_dhcp6_name_servers $new_dhcp6_domain_search" >> \(directory.path)/log
                exit 0

                """.utf8
            )
        )
        unsafe chmod("\(directory.path)/script", 0o755)
        return "\(directory.path)/script"
    }

    private func log(_ directory: TemporaryDirectory) -> [String] {
        String(decoding: directory.read("log"), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func dhclient(_ namespaces: DHCPNamespaces, _ directory: TemporaryDirectory, _ flag: String) async throws {
        try await namespaces.onMachine(
            "dhclient", "-6", flag, "-sf", self.script(in: directory), "-lf", "\(directory.path)/leases", "-pf", "\(directory.path)/pid", "machine0"
        )
    }

    @Test(.timeLimit(.minutes(3))) func `dhclient gets an address, renews it, gives it back, and gets the same after a restart`() async throws {
        try await self.withNamespaces { namespaces in
            let directory = TemporaryDirectory()
            var configuration = try self.configuration()
            configuration.leaseSeconds = 16
            var first: IPv6Address?
            try await self.serve(namespaces, configuration) { service in
                try await self.dhclient(namespaces, directory, "-1")
                let lease = try #require(service.leases().first)
                first = lease.address
                #expect(lease.address.low >> 48 == 7)
                #expect(self.log(directory).contains { $0.hasPrefix("BOUND6 \(lease.address) fd99::1 maas") })
                try await eventually("dhclient renews") { service.counters.renewals >= 2 }
                #expect(self.log(directory).contains { $0.hasPrefix("RENEW6 \(lease.address)") })
            }
            // A rack that knows nothing of the binding: it was restarted, or is another one.
            configuration.rackNumber = 8
            try await self.serve(namespaces, configuration) { service in
                try await eventually("the binding is renewed by a rack that did not give it") { service.leases().map(\.address) == [first] }
                try await self.dhclient(namespaces, directory, "-r")
                try await eventually("the release is noted") { service.leases().isEmpty && service.counters.releases == 1 }
            }
        }
    }

    @Test(.timeLimit(.minutes(2))) func `dhcp6c gets an address`() async throws {
        try await self.withNamespaces { namespaces in
            let directory = TemporaryDirectory()
            directory.write(
                "dhcp6c.conf", Array("interface machine0 { send ia-na 1; request domain-name-servers; };\nid-assoc na 1 { };\n".utf8))
            try await self.serve(namespaces, try self.configuration()) { service in
                try await namespaces.onMachine(
                    "dhcp6c", "-c", "\(directory.path)/dhcp6c.conf", "-p", "\(directory.path)/pid", "machine0"
                )
                try await eventually("dhcp6c has an address") {
                    guard let address = service.leases().first?.address else { return false }
                    return try await namespaces.onMachine("ip", "-6", "address", "show", "dev", "machine0").contains("\(address)")
                }
                try await Self.end(directory, "pid")
            }
        }
    }

    /// Ends a daemon that wrote its process id.
    static func end(_ directory: TemporaryDirectory, _ file: String) async throws {
        func read() -> pid_t? { pid_t(String(decoding: directory.read(file), as: UTF8.self).filter { $0.isNumber }) }
        // Some write it only after their first exchange.
        try await eventually("the daemon tells its number") { read() != nil }
        let process = try #require(read())
        kill(process, SIGTERM)
        try await eventually("the daemon has ended") { kill(process, 0) != 0 }
    }

    @Test(.timeLimit(.minutes(2))) func `a machine behind a relay gets its address through it`() async throws {
        try await self.withNamespaces { namespaces in
            let directory = TemporaryDirectory()
            let far = "\(namespaces.client)-far"
            try await DHCPNamespaces.run("ip", "netns", "add", far)
            do {
                try await self.relay(namespaces, far: far, directory)
            } catch {
                try await DHCPNamespaces.run("ip", "netns", "delete", far)
                throw error
            }
            try await DHCPNamespaces.run("ip", "netns", "delete", far)
        }
    }

    /// `machine0` is the relay's upper side; the machine is in a third namespace. The relay's link is fd98::/64.
    private func relay(_ namespaces: DHCPNamespaces, far: String, _ directory: TemporaryDirectory) async throws {
        let relay = namespaces.client
        try await DHCPNamespaces.run("ip", "-n", relay, "link", "add", "lower0", "type", "veth", "peer", "name", "far0", "netns", far)
        try await DHCPNamespaces.run("ip", "-n", relay, "address", "add", "fd98::2/64", "dev", "lower0", "nodad")
        try await DHCPNamespaces.run("ip", "-n", relay, "address", "add", "fd99::2/64", "dev", "machine0", "nodad")
        try await DHCPNamespaces.run("ip", "-n", relay, "link", "set", "lower0", "up")
        try await DHCPNamespaces.run("ip", "-n", far, "link", "set", "far0", "up")
        try await self.waitForLinkLocal(relay, "lower0")
        try await self.waitForLinkLocal(far, "far0")
        var configuration = try self.configuration()
        configuration.network = try #require(IPv6Network("fd98::/64"))
        try await self.serve(namespaces, configuration) { service in
            try await namespaces.onMachine(
                "dhcrelay", "-6", "-pf", "\(directory.path)/relay", "-l", "lower0", "-u", "fd99::1%machine0"
            )
            try await DHCPNamespaces.run(
                "ip", "netns", "exec", far, "dhclient", "-6", "-1", "-sf", self.script(in: directory), "-lf", "\(directory.path)/leases", "-pf",
                "\(directory.path)/pid", "far0"
            )
            let lease = try #require(service.leases().first)
            #expect(self.log(directory).contains { $0.hasPrefix("BOUND6 \(lease.address)") })
            #expect(lease.address.high == 0xFD98_0000_0000_0000 && lease.macAddress != nil)
            try await Self.end(directory, "pid")
            try await Self.end(directory, "relay")
        }
    }

    @Test(.timeLimit(.minutes(2))) func `rdisc6 is told of the prefix and of DHCPv6, and the kernel takes the route on`() async throws {
        try await self.withNamespaces { namespaces in
            var configuration = try self.configuration()
            configuration.routerAdvertisements = true
            try await self.serve(namespaces, configuration) { service in
                try await eventually("the kernel knows the prefix") {
                    try await namespaces.onMachine("ip", "-6", "route", "show", "dev", "machine0").contains("fd99::/64")
                }
                let text = try await namespaces.onMachine("rdisc6", "-1", "machine0")
                let words = text.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
                #expect(words.contains("Stateful address conf. : Yes") && words.contains("Stateful other conf. : Yes"), "\(text)")
                #expect(words.contains("Prefix : fd99::/64") && words.contains("Recursive DNS server : fd99::1"), "\(text)")
                #expect(words.contains("Router lifetime : 0"), "\(text)")
                #expect(service.counters.routerSolicitations > 0 && service.counters.routerAdvertisements > 1)
                // No default route: the rack is no router. No address without DHCPv6: the prefix is a managed one.
                #expect(try await !namespaces.onMachine("ip", "-6", "route", "show", "default").contains("default"))
                #expect(try await !namespaces.onMachine("ip", "-6", "address", "show", "dev", "machine0").contains("fd99:"))
                configuration.managed = false
                try service.apply(configuration)
                try await eventually("the machine made itself an address") {
                    try await namespaces.onMachine("ip", "-6", "address", "show", "dev", "machine0").contains("fd99:")
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a service says what it cannot do`() async throws {
        var configuration = try self.configuration()
        configuration.interfaceName = "nowhere0"
        let logger = Logger(label: "dhcpv6") { _ in SwiftLogNoOpLogHandler() }
        #expect(throws: DHCPServiceError(.noInterface, "")) { try DHCPv6Service(configuration: configuration, logger: logger).start() }
        configuration.network = try #require(IPv6Network("fd99::/80"))
        #expect(throws: DHCPServiceError(.configuration, "")) { try DHCPv6Service(configuration: configuration, logger: logger).start() }
        configuration.network = try #require(IPv6Network(self.network))
        configuration.rackNumber = 0
        #expect(throws: DHCPServiceError(.configuration, "")) { try DHCPv6Service(configuration: configuration, logger: logger).start() }
    }
}
