// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterMessages
import Domain
import Testing

@testable import Region

@Suite struct RackConfigurationCompilerTests {
    private static func asset(_ kind: BootAsset.Kind, _ digit: Character, version: String = "1", complete: Bool = true) -> BootAsset {
        BootAsset(
            osystem: "debian", release: "bookworm", architecture: "amd64", subarchitecture: "generic", kind: kind,
            name: kind == .bootloader ? "bootx64.efi" : kind.rawValue, version: version, label: "stable", sizeBytes: 10,
            sha256: String(repeating: digit, count: 64), complete: complete
        )
    }

    private static let images = [
        Self.asset(.bootKernel, "a"), Self.asset(.bootInitrd, "b"), Self.asset(.squashfs, "c"), Self.asset(.bootloader, "d"),
    ]

    private func rack() throws -> RackHello {
        RackHello(
            rack: try #require(SystemID("rack34")), hostname: "rack", softwareVersion: "1",
            interfaces: [
                ControllerInterface(
                    name: "eth0", macAddress: nil, addresses: [try #require(IPv4Address("10.0.0.1"))],
                    networks: [try #require(IPv4Network("10.0.0.0/24"))]
                )
            ],
            httpPort: 5248
        )
    }

    private func compiler(machines: [Machine] = [], assets: [BootAsset] = Self.images, dhcpOn: Bool = true) throws -> RackConfigurationCompiler {
        RackConfigurationCompiler(
            machines: machines,
            vlans: [
                VLAN(
                    id: 1, vid: 0, name: "", description: "", fabricID: 0, mtu: 1500, dhcpOn: dhcpOn, primaryRack: SystemID("rack34"),
                    secondaryRack: nil, relayVLANID: nil, space: nil
                )
            ],
            subnets: [
                Subnet(
                    id: 1, name: "", description: "", vlanID: 1, network: try #require(IPv4Network("10.0.0.0/24")), gateway: nil, dnsServers: [],
                    rdnsMode: 0, allowDNS: true, allowProxy: true, activeDiscovery: false, managed: true
                )
            ],
            assets: assets, reservations: [:], domainName: "maas", leaseSeconds: 600, kernelOptions: ["quiet"]
        )
    }

    private func machine(_ status: NodeStatus) throws -> Machine {
        var machine = Machine(
            id: try #require(SystemID("abc346")), hostname: "web", architecture: "amd64/generic", powerType: .ipmi,
            created: Timestamp(microseconds: 0)
        )
        machine.status = status
        machine.interfaces = [NetworkInterface(id: 1, name: "ens3", macAddress: try #require(MACAddress("52:54:00:00:00:01")))]
        return machine
    }

    @Test func `a rack serves the segments that it is the primary rack of, at its own address there`() throws {
        let segment = try #require(try self.compiler().configuration(for: try self.rack()).segments.first)
        #expect(segment.interfaceName == "eth0")
        #expect(segment.serviceAddress.description == "10.0.0.1")
        #expect(try self.compiler(dhcpOn: false).configuration(for: try self.rack()).segments.isEmpty)
        var other = try self.rack()
        other.rack = try #require(SystemID("rack44"))
        #expect(try self.compiler().configuration(for: other).segments.isEmpty)
    }

    @Test func `a segment knows its largest packet and the operator's time servers`() throws {
        var compiler = try self.compiler()
        compiler.ntpServers = [try #require(IPv4Address("10.0.0.3"))]
        let segment = try #require(compiler.configuration(for: try self.rack()).segments.first)
        #expect(segment.mtu == 1500 && segment.ntpServers?.map(\.description) == ["10.0.0.3"])
    }

    @Test func `unknown machines enlist, and known ones boot what their state asks for`() throws {
        let configuration = try self.compiler(machines: [try self.machine(.deployed)]).configuration(for: try self.rack())
        #expect(configuration.enlistIntent?.purpose == .enlist)
        #expect(configuration.bootIntents.first?.purpose == .local)
        #expect(configuration.bootIntents.first?.image == nil)
        let commissioning = try self.compiler(machines: [try self.machine(.commissioning)]).configuration(for: try self.rack())
        #expect(commissioning.bootIntents.first?.image?.squashfs == String(repeating: "c", count: 64))
        #expect(commissioning.bootIntents.first?.kernelOptions == ["quiet"])
    }

    @Test func `an image is used only when all its files are there, and the newest such one is`() throws {
        let incomplete = Self.images + [Self.asset(.bootKernel, "1", version: "2"), Self.asset(.bootInitrd, "2", version: "2")]
        #expect(
            try self.compiler(assets: incomplete).configuration(for: try self.rack()).enlistIntent?.image?.kernel == String(repeating: "a", count: 64)
        )
        let newer = incomplete + [Self.asset(.squashfs, "3", version: "2")]
        #expect(try self.compiler(assets: newer).configuration(for: try self.rack()).enlistIntent?.image?.kernel == String(repeating: "1", count: 64))
        #expect(try self.compiler(assets: []).configuration(for: try self.rack()).enlistIntent == nil)
    }

    @Test func `machines boot the image of their own architecture, and none of another`() throws {
        var arm = try self.machine(.commissioning)
        arm.architecture = "arm64/generic"
        #expect(try self.compiler(machines: [arm]).configuration(for: try self.rack()).bootIntents.first?.image == nil)
        let both =
            Self.images
            + [Self.asset(.bootKernel, "4", version: "1"), Self.asset(.bootInitrd, "5", version: "1"), Self.asset(.squashfs, "6", version: "1")].map {
                var asset = $0
                asset.architecture = "arm64"
                return asset
            }
        let configuration = try self.compiler(machines: [arm], assets: both).configuration(for: try self.rack())
        #expect(configuration.bootIntents.first?.image?.kernel == String(repeating: "4", count: 64))
        #expect(configuration.otherEnlistIntents?["arm64"]?.image?.squashfs == String(repeating: "6", count: 64))
        #expect(configuration.enlistIntent?.image?.kernel == String(repeating: "a", count: 64))
    }

    @Test func `equal states give equal digests, and a change gives another one`() throws {
        let first = try self.compiler(machines: [try self.machine(.ready)]).configuration(for: try self.rack())
        #expect(try self.compiler(machines: [try self.machine(.ready)]).configuration(for: try self.rack()) == first)
        #expect(try self.compiler(machines: [try self.machine(.deployed)]).configuration(for: try self.rack()).digest != first.digest)
    }

    @Test func `a rack serves IPv6 where the VLAN has such a subnet, the rack an address in it, and a number`() throws {
        let subnet = IPv6Subnet(
            id: 9, name: "", description: "", vlanID: 1, network: try #require(IPv6Network("fd99::/64")), gateway: nil,
            dnsServers: [try #require(IPv6Address("fd99::53"))], rdnsMode: 0, allowDNS: true, allowProxy: true, activeDiscovery: false,
            managed: true, routerAdvertisements: true
        )
        var compiler = try self.compiler()
        compiler.ipv6Subnets = [subnet]
        compiler.rackNumbers = [try self.rack().rack: 12]
        var rack = try self.rack()
        #expect(compiler.configuration(for: rack).segments.first?.ipv6 == nil)
        rack.interfaces[0].ipv6Addresses = [try #require(IPv6Address("fd98::1")), try #require(IPv6Address("fd99::1"))]
        let ipv6 = try #require(compiler.configuration(for: rack).segments.first?.ipv6)
        #expect(ipv6.serviceAddress == IPv6Address("fd99::1") && ipv6.rackNumber == 12 && ipv6.managed && ipv6.routerAdvertisements)
        #expect(ipv6.dnsServers == subnet.dnsServers && ipv6.network == subnet.network)
        compiler.rackNumbers = [:]
        #expect(compiler.configuration(for: rack).segments.first?.ipv6 == nil)
    }
}
