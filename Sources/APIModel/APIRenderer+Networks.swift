// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON

extension APIRenderer {
    /// What MAAS calls the space of networks without one.
    public static let undefinedSpace = "undefined"

    static func vlan(_ vlan: VLAN, fabrics: [Int: Fabric], relay: JSONValue) -> JSONValue {
        [
            "id": .int(vlan.id), "vid": .int(vlan.vid), "name": .string(vlan.name), "description": .string(vlan.description),
            "fabric": .string(fabrics[vlan.fabricID]?.name ?? "fabric-\(vlan.fabricID)"), "fabric_id": .int(vlan.fabricID),
            "mtu": .int(vlan.mtu), "dhcp_on": .bool(vlan.dhcpOn), "external_dhcp": nil,
            "primary_rack": .optional(vlan.primaryRack?.description), "secondary_rack": .optional(vlan.secondaryRack?.description),
            "relay_vlan": relay, "space": .string(vlan.space ?? Self.undefinedSpace), "resource_uri": .string(APIPath.vlan(vlan.id)),
        ]
    }

    static func subnet(_ subnet: some SubnetDescription, vlan: JSONValue, space: String?) -> JSONValue {
        [
            "id": .int(subnet.id), "name": .string(subnet.name), "description": .string(subnet.description), "vlan": vlan,
            "cidr": .string(subnet.network.description), "gateway_ip": .optional(subnet.gateway?.description),
            "dns_servers": .array(subnet.dnsServers.map { .string($0.description) }), "rdns_mode": .int(subnet.rdnsMode),
            "allow_dns": .bool(subnet.allowDNS), "allow_proxy": .bool(subnet.allowProxy),
            "active_discovery": .bool(subnet.activeDiscovery), "managed": .bool(subnet.managed), "disabled_boot_architectures": [],
            "space": .string(space ?? Self.undefinedSpace), "resource_uri": .string(APIPath.subnet(subnet.id)),
        ]
    }

    public func vlan(_ vlan: VLAN) -> JSONValue {
        let relay = vlan.relayVLANID.flatMap { self.vlans[$0] }.map { Self.vlan($0, fabrics: self.fabrics, relay: .null) }
        return Self.vlan(vlan, fabrics: self.fabrics, relay: relay ?? .null)
    }

    public func subnet(_ subnet: some SubnetDescription) -> JSONValue {
        Self.subnet(subnet, vlan: self.vlanObjects[subnet.vlanID] ?? .null, space: self.vlans[subnet.vlanID]?.space)
    }

    /// A fabric with its VLANs.
    public func fabric(_ fabric: Fabric) -> JSONValue {
        let members = self.vlans.values.filter { $0.fabricID == fabric.id }.sorted { $0.vid < $1.vid }
        return [
            "id": .int(fabric.id), "name": .string(fabric.name), "description": .string(fabric.description),
            "class_type": .optional(fabric.classType), "vlans": .array(members.compactMap { self.vlanObjects[$0.id] }),
            "resource_uri": .string(APIPath.fabric(fabric.id)),
        ]
    }

    /// A space with its networks.
    ///
    /// - Parameter id: -1 for the undefined one.
    public func space(id: Int, name: String, description: String) -> JSONValue {
        let vlans = self.vlans.values.filter { ($0.space ?? Self.undefinedSpace) == name }.sorted { $0.id < $1.id }
        let members = Set(vlans.map(\.id))
        let subnets = self.subnets.values.filter { members.contains($0.vlanID) }.sorted { $0.id < $1.id }
        return [
            "id": .int(id), "name": .string(name), "description": .string(description),
            "vlans": .array(vlans.compactMap { self.vlanObjects[$0.id] }),
            "subnets": .array(subnets.compactMap { self.subnetObjects[$0.id] }),
            "resource_uri": .string(id < 0 ? "\(APIPath.root)spaces/undefined/" : APIPath.space(id)),
        ]
    }

    /// - Parameter user: who made the range, when known.
    public func ipRange(_ range: IPRange, user: User?) -> JSONValue {
        [
            "id": .int(range.id), "type": .string(range.kind.rawValue), "start_ip": .string(range.start.description),
            "end_ip": .string(range.end.description), "comment": .string(range.comment), "user": user.map(Self.user) ?? .null,
            "subnet": self.subnetObjects[range.subnetID] ?? .null, "resource_uri": .string(APIPath.ipRange(range.id)),
        ]
    }
}
