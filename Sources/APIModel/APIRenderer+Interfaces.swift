// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON

extension APIRenderer {
    /// An interface of a machine. A link without a subnet or an address leaves the key out: gomaasapi refuses a null there.
    public func interface(_ interface: NetworkInterface, of machine: SystemID) -> JSONValue {
        let vlan = interface.vlanID.flatMap { self.vlanObjects[$0] }
        let discovered = (self.leases[interface.macAddress] ?? []).sorted { $0.address < $1.address }
        return [
            "system_id": .string(machine.description), "id": .int(interface.id), "name": .string(interface.name),
            "type": .string(interface.kind.rawValue), "mac_address": .string(interface.macAddress.description), "vlan": vlan ?? .null,
            "parents": [], "children": [], "tags": .array(interface.tags.map(JSONValue.string)), "enabled": .bool(interface.enabled),
            "links": .array(interface.links.map(self.link)), "params": "",
            "discovered": discovered.isEmpty ? .null : .array(discovered.map(self.discovered)),
            "effective_mtu": .int(interface.mtu ?? interface.vlanID.flatMap { self.vlans[$0]?.mtu } ?? 1500),
            "vendor": .optional(interface.vendor), "product": .optional(interface.product),
            "firmware_version": .optional(interface.firmwareVersion), "link_connected": .bool(interface.linkConnected),
            "interface_speed": .int(interface.interfaceSpeed), "link_speed": .int(interface.linkSpeed), "numa_node": 0, "sriov_max_vf": 0,
            "resource_uri": .string(APIPath.interface(interface.id, of: machine)),
        ]
    }

    private func link(_ link: InterfaceLink) -> JSONValue {
        var object: JSONObject = ["id": .int(link.id), "mode": .string(link.mode.rawValue)]
        if let subnet = link.subnetID.flatMap({ self.subnetObjects[$0] }) { object["subnet"] = subnet }
        if let address = link.address { object["ip_address"] = .string(address.description) }
        return .object(object)
    }

    private func discovered(_ lease: Lease) -> JSONValue {
        var object: JSONObject = ["ip_address": .string(lease.address.description)]
        let subnet = self.subnets.values.first { $0.vlanID == lease.vlanID && $0.network.contains(lease.address) }
        if let subnet, let rendered = self.subnetObjects[subnet.id] { object["subnet"] = rendered }
        return .object(object)
    }

    /// The addresses of a machine: those it was given by configuration, then those it leased.
    func addresses(of machine: Machine) -> [IPv4Address] {
        var seen: [IPv4Address] = []
        for interface in machine.interfaces {
            for address in interface.links.compactMap(\.address) + (self.leases[interface.macAddress] ?? []).map(\.address)
            where !seen.contains(address) {
                seen.append(address)
            }
        }
        return seen
    }
}
