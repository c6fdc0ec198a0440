// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain
internal import Lifecycle
internal import OpenSSL

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// Compiles what one rack has to know from the region's whole state. Pure: equal input gives an equal configuration.
struct RackConfigurationCompiler {
    var machines: [Machine]
    var vlans: [VLAN]
    var subnets: [Subnet]
    var ipv6Subnets: [IPv6Subnet] = []
    /// Each rack's share of IPv6 networks.
    var rackNumbers: [SystemID: UInt16] = [:]
    var assets: [BootAsset]
    /// The addresses that the lease authority has cleared for one machine each.
    var reservations: [Int: [AddressReservation]]
    var domainName: String
    var leaseSeconds: Int
    /// The operator's time servers, as far as they are addresses: DHCP has no room for names.
    var ntpServers: [IPv4Address] = []
    /// Options for the kernel of every machine.
    var kernelOptions: [String]
    /// The racks whose links are up.
    var racks: [RackHello] = []

    func configuration(for rack: RackHello) -> RackConfiguration {
        let image = self.ephemeralImage
        var configuration = RackConfiguration(
            digest: "", segments: self.segments(of: rack), bootIntents: image.map { self.intents($0) } ?? [],
            enlistIntent: image.map { self.enlistment($0) }, bootFiles: self.bootFiles, images: self.images,
            siblings: self.siblings(of: rack)
        )
        // Sorted keys: equal configurations have equal bytes in every process.
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        configuration.digest = SHA256.hexDigest(of: (try? encoder.encode(configuration)) ?? Data())  // plain values always encode
        return configuration
    }

    /// Where the other racks serve images: each by its first address, at most eight, those after this one first, so that not all ask
    /// the same one.
    private func siblings(of rack: RackHello) -> [String] {
        let others = self.racks.filter { $0.rack != rack.rack }.sorted { $0.rack < $1.rack }
        let ordered = others.filter { rack.rack < $0.rack } + others.filter { $0.rack < rack.rack }
        return ordered.compactMap { other in
            other.interfaces.lazy.flatMap(\.addresses).first.map { "http://\($0):\(other.httpPort)" }
        }.prefix(8).map { $0 }
    }

    /// The newest complete ephemeral image for amd64.
    private var ephemeralImage: EphemeralImage? {
        func newest(_ kind: BootAsset.Kind) -> [String: BootAsset] {
            Dictionary(
                self.assets.filter { $0.kind == kind && $0.architecture == "amd64" && $0.complete }.map { ("\($0.release) \($0.version)", $0) },
                uniquingKeysWith: { first, _ in first }
            )
        }
        let kernels = newest(.bootKernel), initrds = newest(.bootInitrd), roots = newest(.squashfs)
        let complete = kernels.keys.filter { initrds[$0] != nil && roots[$0] != nil }
        guard let key = complete.max(by: { (kernels[$0]?.version ?? "") < (kernels[$1]?.version ?? "") }),
            let kernel = kernels[key], let initrd = initrds[key], let root = roots[key]
        else { return nil }
        return EphemeralImage(kernel: kernel.sha256, initrd: initrd.sha256, squashfs: root.sha256)
    }

    private func segments(of rack: RackHello) -> [SegmentConfiguration] {
        self.vlans.filter { $0.dhcpOn && $0.primaryRack == rack.rack }.sorted { $0.id < $1.id }.compactMap { vlan in
            for subnet in self.subnets.filter({ $0.vlanID == vlan.id }).sorted(by: { $0.id < $1.id }) {
                for interface in rack.interfaces {
                    guard let address = interface.addresses.first(where: { subnet.network.contains($0) }) else { continue }
                    return SegmentConfiguration(
                        vlanID: vlan.id, interfaceName: interface.name, serviceAddress: address, network: subnet.network,
                        gateway: subnet.gateway, dnsServers: subnet.dnsServers, domainName: self.domainName, leaseSeconds: self.leaseSeconds,
                        reservations: self.reservations[vlan.id] ?? [], mtu: vlan.mtu, ntpServers: self.ntpServers,
                        ipv6: self.ipv6(of: vlan, rack: rack.rack, interface: interface)
                    )
                }
            }
            return nil
        }
    }

    /// The VLAN's first IPv6 network in which the rack has an address.
    private func ipv6(of vlan: VLAN, rack: SystemID, interface: ControllerInterface) -> SegmentIPv6Configuration? {
        guard let number = self.rackNumbers[rack] else { return nil }
        for subnet in self.ipv6Subnets.filter({ $0.vlanID == vlan.id }).sorted(by: { $0.id < $1.id }) {
            guard let address = interface.ipv6Addresses?.first(where: { subnet.network.contains($0) }) else { continue }
            return SegmentIPv6Configuration(
                network: subnet.network, serviceAddress: address, rackNumber: number, dnsServers: subnet.allowDNS ? subnet.dnsServers : [],
                managed: subnet.managed, routerAdvertisements: subnet.routerAdvertisements
            )
        }
        return nil
    }

    private func intents(_ image: EphemeralImage) -> [BootIntent] {
        self.machines.sorted { $0.id < $1.id }.filter { !$0.interfaces.isEmpty }.map { machine in
            let purpose = LifecycleRules.bootPurpose(of: machine)
            return BootIntent(
                macAddresses: machine.interfaces.map(\.macAddress).sorted(), systemID: machine.id, hostname: machine.hostname,
                purpose: purpose, image: purpose.bootsEphemeral ? image : nil, kernelOptions: self.kernelOptions,
                preseedPath: "metadata/latest/by-id/\(machine.id)/?op=get_preseed"
            )
        }
    }

    private func enlistment(_ image: EphemeralImage) -> BootIntent {
        BootIntent(
            macAddresses: [], systemID: nil, hostname: "gantry-enlist", purpose: .enlist, image: image, kernelOptions: self.kernelOptions,
            preseedPath: "metadata/latest/enlist-preseed/?op=get_enlist_preseed"
        )
    }

    /// The newest version of each boot loader.
    private var bootFiles: [String: String] {
        let loaders = self.assets.filter { $0.kind == .bootloader && $0.complete }.sorted { $0.version < $1.version }
        return Dictionary(loaders.map { ($0.name, $0.sha256) }, uniquingKeysWith: { _, newer in newer })
    }

    private var images: [ImageReference] {
        let references = self.assets.filter(\.complete).map { ImageReference(sha256: $0.sha256, sizeBytes: $0.sizeBytes) }
        return Set(references).sorted { $0.sha256 < $1.sha256 }
    }
}
