// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterLink
internal import ClusterMessages
internal import Domain
internal import Logging
internal import PostgresStorage

/// Takes racks in: who they are, which networks they reach.
struct RackRegistrar: Sendable {
    var store: Store
    var racks: RackDirectory
    var region: SystemID
    var softwareVersion: String
    var logger: Logger

    func hello(_ hello: RackHello, from peer: LinkPeer) async throws -> RegionWelcome {
        guard peer.identity == "gantry:rack:\(hello.rack)" else {
            throw LinkRefusal(.handlerFailed, "the certificate is \(peer.identity)'s, the hello says rack \(hello.rack)")
        }
        let now = WallClock.now
        let controller = Controller(
            id: hello.rack, kind: .rack, hostname: hello.hostname, softwareVersion: hello.softwareVersion, interfaces: hello.interfaces,
            firstSeen: now, lastSeen: now, connected: true
        )
        try await self.store.transaction { transaction in
            try await transaction.upsert(controller)
            if let port = hello.peerPort, let host = Self.host(of: peer) {
                try await transaction.set(RackPeer(rack: hello.rack, host: host, port: port))
            }
            try await transaction.numberRack(hello.rack)
            try await self.addUnknownNetworks(of: hello, transaction)
        }
        self.racks.insert(peer, hello)
        self.logger.notice("rack connected", metadata: ["rack.id": "\(hello.rack)", "rack.address": "\(peer.remoteAddress)"])
        return RegionWelcome(region: self.region, softwareVersion: self.softwareVersion)
    }

    /// The address that the rack's link comes from: racks reach one another where they reach the regions.
    private static func host(of peer: LinkPeer) -> String? {
        guard let colon = peer.remoteAddress.lastIndex(of: ":") else { return nil }
        let host = peer.remoteAddress[..<colon].filter { $0 != "[" && $0 != "]" }
        return host.hasPrefix("::ffff:") ? String(host.dropFirst(7)) : String(host)
    }

    func disconnected(_ peer: LinkPeer) async {
        guard let rack = self.racks.remove(peer) else { return }
        self.logger.warning("rack disconnected", metadata: ["rack.id": "\(rack)"])
        do {
            try await self.store.transaction { try await $0.setConnected(false, controller: rack) }
        } catch {
            self.logger.warning("rack state not stored", metadata: ["rack.id": "\(rack)", "error": "\(error)"])
        }
    }

    /// A network that a rack reaches and nobody has described becomes a subnet: the first one on the default fabric's
    /// untagged VLAN, each other one on a fabric of its own (MAAS: `auto_vlan_creation`).
    private func addUnknownNetworks(of hello: RackHello, _ transaction: StoreTransaction) async throws {
        var known = try await transaction.subnets()
        for network in hello.interfaces.flatMap(\.networks) where network.prefixLength < 31 {
            if known.contains(where: { $0.network.overlaps(network) }) { continue }
            let vlan: VLAN?
            if let first = try await transaction.vlan(fabricID: 0, vid: 0), !known.contains(where: { $0.vlanID == first.id }) {
                vlan = first
            } else {
                let fabric = try await transaction.insert(Fabric(id: 0, name: "", description: "", classType: nil))
                vlan = try await transaction.vlan(fabricID: fabric.id, vid: 0)
            }
            guard let vlan else { continue }
            known.append(
                try await transaction.insert(
                    Subnet(
                        id: 0, name: "\(network)", description: "", vlanID: vlan.id, network: network, gateway: nil, dnsServers: [],
                        rdnsMode: 2, allowDNS: true, allowProxy: true, activeDiscovery: false, managed: true
                    )
                )
            )
        }
    }
}
