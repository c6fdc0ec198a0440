// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain
internal import Lifecycle
internal import OpenSSL
internal import PostgresStorage

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
    /// The segments that racks share.
    var services: [SegmentService] = []
    /// Where racks listen for one another.
    var peers: [RackPeer] = []
    /// The database's clock, for keys that change by the hour.
    var now = Timestamp(microseconds: 0)

    func configuration(for rack: RackHello) -> RackConfiguration {
        let images = self.ephemeralImages
        var enlistments = images.mapValues { self.enlistment($0) }
        let enlistment = enlistments.removeValue(forKey: "amd64")
        var configuration = RackConfiguration(
            digest: "", segments: self.segments(of: rack), bootIntents: images.isEmpty ? [] : self.intents(images), enlistIntent: enlistment,
            bootFiles: self.bootFiles, images: self.images, siblings: self.siblings(of: rack), peers: self.peers(of: rack),
            isDrained: self.peers.contains { $0.rack == rack.rack && $0.isDrained } ? true : nil, otherEnlistIntents: enlistments
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

    /// The newest complete ephemeral image of each architecture.
    private var ephemeralImages: [String: EphemeralImage] {
        let architectures = Set(self.assets.filter { $0.kind == .bootKernel }.map(\.architecture))
        return Dictionary(uniqueKeysWithValues: architectures.compactMap { name in self.ephemeralImage(name).map { (name, $0) } })
    }

    private func ephemeralImage(_ architecture: String) -> EphemeralImage? {
        func newest(_ kind: BootAsset.Kind) -> [String: BootAsset] {
            Dictionary(
                self.assets.filter { $0.kind == kind && $0.architecture == architecture && $0.complete }.map { ("\($0.release) \($0.version)", $0) },
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
        let services = Dictionary(self.services.map { ($0.vlanID, $0) }, uniquingKeysWith: { first, _ in first })
        return self.vlans.filter(\.dhcpOn).sorted { $0.id < $1.id }.compactMap { vlan in
            let service = services[vlan.id]
            guard service?.racks.contains(rack.rack) ?? (vlan.primaryRack == rack.rack) else { return nil }
            return self.segment(vlan, service, rack)
        }
    }

    /// The segment on the first of the rack's interfaces that has an address on it.
    private func segment(_ vlan: VLAN, _ service: SegmentService?, _ rack: RackHello) -> SegmentConfiguration? {
        for subnet in self.subnets.filter({ $0.vlanID == vlan.id }).sorted(by: { $0.id < $1.id }) {
            for interface in rack.interfaces {
                guard let address = interface.addresses.first(where: { subnet.network.contains($0) }) else { continue }
                let succession = service.map {
                    SegmentSuccession(version: $0.version, racks: $0.racks, pulseKeys: PulseKeySchedule.keys(secret: $0.secret, now: self.now))
                }
                return SegmentConfiguration(
                    vlanID: vlan.id, interfaceName: interface.name, serviceAddress: service?.address ?? address, network: subnet.network,
                    gateway: subnet.gateway, dnsServers: subnet.dnsServers, domainName: self.domainName, leaseSeconds: self.leaseSeconds,
                    reservations: self.reservations[vlan.id] ?? [], mtu: vlan.mtu, ntpServers: self.ntpServers, succession: succession,
                    ipv6: self.ipv6(of: vlan, rack: rack.rack, interface: interface)
                )
            }
        }
        return nil
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

    /// Where the racks are that this one shares segments with; nil when it shares none.
    private func peers(of rack: RackHello) -> [RackPeerAddress]? {
        let others = Set(self.services.filter { $0.racks.contains(rack.rack) }.flatMap(\.racks)).subtracting([rack.rack])
        guard !others.isEmpty else { return nil }
        return self.peers.filter { others.contains($0.rack) }.map { RackPeerAddress(rack: $0.rack, host: $0.host, port: $0.port) }
    }

    private func intents(_ images: [String: EphemeralImage]) -> [BootIntent] {
        self.machines.sorted { $0.id < $1.id }.filter { !$0.interfaces.isEmpty }.map { machine in
            let purpose = LifecycleRules.bootPurpose(of: machine)
            // Such as `arm64/generic`. Without an image the machine's loader shows that there is none.
            let image = images[String(machine.architecture.prefix { $0 != "/" })]
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
