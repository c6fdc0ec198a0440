// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Glibc
import LeasingV6
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Rack

/// A virtual machine's UEFI firmware boots over IPv6 alone. (`BootOverIPv6Tests` has the HTTP that follows.)
@Suite(.enabled(if: geteuid() == 0, "namespaces need root"))
struct FirmwareOverIPv6Tests {
    private static let loader = "/usr/lib/ipxe/ipxe.efi"
    private static let machine = MACAddress(rawValue: 0x5254_00AB_CDEF)

    @Test(.timeLimit(.minutes(10))) func `UEFI fetches iPXE by TFTP over IPv6, and iPXE is told of its script`() async throws {
        try await DHCPNamespaces.with { namespaces in
            let directory = TemporaryDirectory()
            try await self.makeNetwork(namespaces)
            let fixture = try BootFixture()
            let firmware = try Self.read(Self.loader)
            fixture.answers.setLoaders(["bootx64.efi": try fixture.content.insert(firmware)])
            let servers = try self.startServers(namespaces, fixture)
            defer { servers.dhcp.stop() }
            try await fixture.serving {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await servers.tftp.run() }
                    try await self.startMachine(namespaces, directory)
                    defer { Self.endMachine(directory) }
                    try await eventually(within: .seconds(240), "the firmware has its loader") {
                        fixture.observed(.tftpDone).contains { $0.name.hasSuffix("bootx64.efi") && $0.bytes == firmware.count }
                    }
                    try await eventually(within: .seconds(240), "iPXE knows its script") {
                        String(decoding: directory.read("serial"), as: UTF8.self).contains("http://[fd99::1]:5248/ipxe.cfg")
                    }
                    let counters = servers.dhcp.counters
                    #expect(counters.solicits >= 2 && counters.requests >= 2 && counters.routerAdvertisements > 0 && counters.malformed == 0)
                    #expect(servers.dhcp.leases().contains { $0.macAddress == Self.machine })
                    #expect(fixture.observed(.tftpDone).allSatisfy { $0.client.ipv4 == nil })
                    group.cancelAll()
                }
            }
        }
    }

    /// However the test ends, the machine does not outlive it.
    private static func endMachine(_ directory: TemporaryDirectory) {
        let text = String(decoding: directory.read("pid"), as: UTF8.self).filter { $0.isNumber }
        if let process = pid_t(text) { kill(process, SIGKILL) }
    }

    private static func read(_ path: String) throws -> [UInt8] {
        let file = unsafe fopen(path, "r")
        guard let file = unsafe file else { throw FixtureError("\(path) is missing: package ipxe") }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return Array(bytes[..<count])
    }

    /// The machine's tap device and the cable to the rack on one bridge.
    private func makeNetwork(_ namespaces: DHCPNamespaces) async throws {
        try await DHCPNamespaces.run("ip", "-n", namespaces.server, "address", "add", "fd99::1/64", "dev", "rack0", "nodad")
        for arguments in [
            ["link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0"],
            ["tuntap", "add", "tap0", "mode", "tap"], ["link", "set", "tap0", "master", "br0"], ["link", "set", "machine0", "master", "br0"],
            ["link", "set", "tap0", "up"], ["link", "set", "br0", "up"],
        ] {
            try await DHCPNamespaces.run("ip", ["-n", namespaces.client] + arguments)
        }
    }

    private struct Servers: Sendable {
        var dhcp: DHCPv6Service
        var tftp: TFTPService
    }

    private func startServers(_ namespaces: DHCPNamespaces, _ fixture: BootFixture) throws -> Servers {
        var configuration = DHCPv6SegmentConfiguration(
            segmentID: 5, interfaceName: "rack0", serviceAddress: try #require(IPv6Address("fd99::1")),
            network: try #require(IPv6Network("fd99::/64")), rackNumber: 7
        )
        configuration.routerAdvertisements = true
        configuration.dnsServers = [configuration.serviceAddress]
        let dhcp = DHCPv6Service(configuration: configuration, logger: fixture.logger)
        let servers = Mutex<Servers?>(nil)
        try namespaces.inside(namespaces.server) {
            try dhcp.start()
            let tftp = try TFTPService(
                configuration: TFTPServiceConfiguration(maximumSessions: 8), answers: fixture.answers, content: fixture.content,
                fetches: fixture.fetches, observations: fixture.observations, logger: fixture.logger)
            servers.withLock { $0 = Servers(dhcp: dhcp, tftp: tftp) }
        }
        return try #require(servers.withLock { $0 })
    }

    private func startMachine(_ namespaces: DHCPNamespaces, _ directory: TemporaryDirectory) async throws {
        let variables = "\(directory.path)/vars.fd"
        try await DHCPNamespaces.run("cp", "/usr/share/OVMF/OVMF_VARS.fd", variables)
        try await namespaces.onMachine(
            "qemu-system-x86_64", "-machine", "q35", "-m", "256", "-display", "none", "-no-reboot", "-daemonize", "-pidfile",
            "\(directory.path)/pid", "-serial", "file:\(directory.path)/serial",
            "-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd", "-drive", "if=pflash,format=raw,file=\(variables)",
            "-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", "-device", "virtio-net-pci,netdev=n0,mac=\(Self.machine),romfile=",
            "-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=no"
        )
    }
}
