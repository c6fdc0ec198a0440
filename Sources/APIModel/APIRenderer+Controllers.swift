// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON

extension APIRenderer {
    /// A rack or region controller.
    public func controller(_ controller: Controller) -> JSONValue {
        let isRack = controller.kind == .rack
        let addresses = controller.interfaces.flatMap(\.addresses)
        var object: JSONObject = [
            "system_id": .string(controller.id.description), "hostname": .string(controller.hostname), "description": "",
            "hardware_uuid": nil, "domain": Self.domainObject, "fqdn": .string("\(controller.hostname).\(Self.domain)"),
            "architecture": "amd64/generic", "cpu_count": 0, "cpu_speed": 0, "memory": 0, "swap_size": nil, "osystem": "",
            "distro_series": "", "power_type": "", "power_state": .string(controller.connected ? "on" : "unknown"),
            "ip_addresses": .array(addresses.map { .string($0.description) }),
            "interface_set": .array(controller.interfaces.enumerated().map { self.interface($1, number: $0 + 1, of: controller) }),
            "zone": self.zones["default"] ?? Self.zone(Zone(id: 1, name: "default", description: "")),
            "pool": self.pools["default"] ?? Self.pool(ResourcePool(id: 0, name: "default", description: "")), "owner": nil,
            "status_action": "", "node_type": .int(isRack ? 2 : 3), "node_type_name": .string(isRack ? "Rack controller" : "Region controller"),
            "service_set": .array(self.services(of: controller)), "version": .string(controller.softwareVersion), "tag_names": [],
            "hardware_info": .object(JSONObject(HardwareInformation.keys.map { ($0, "Unknown") })), "connected": .bool(controller.connected),
            "last_seen": .string(controller.lastSeen.isoText),
            "resource_uri": .string(isRack ? APIPath.rack(controller.id) : APIPath.region(controller.id)),
        ]
        for key in ["commissioning", "testing"] { object["current_\(key)_result_id"] = .null }
        object["current_installation_result_id"] = .null
        for key in ["commissioning", "testing", "cpu_test", "memory_test", "network_test", "storage_test", "interface_test", "other_test"] {
            object["\(key)_status"] = -1
            object["\(key)_status_name"] = "Unknown"
        }
        return .object(object)
    }

    private func services(of controller: Controller) -> [JSONValue] {
        let names = controller.kind == .rack ? ["rackd", "tftp", "http", "dhcpd"] : ["regiond"]
        return names.map { ["name": .string($0), "status": .string(controller.connected ? "running" : "dead"), "status_info": ""] }
    }

    private func interface(_ interface: ControllerInterface, number: Int, of controller: Controller) -> JSONValue {
        let links: [JSONValue] = interface.addresses.enumerated().map { index, address in
            var link: JSONObject = ["id": .int(index + 1), "mode": "static", "ip_address": .string(address.description)]
            let subnet = self.subnets.values.sorted { $0.id < $1.id }.first { $0.network.contains(address) }
            if let subnet, let object = self.subnetObjects[subnet.id] { link["subnet"] = object }
            return .object(link)
        }
        let subnet = self.subnets.values.sorted { $0.id < $1.id }.first { subnet in interface.addresses.contains { subnet.network.contains($0) } }
        return [
            "system_id": .string(controller.id.description), "id": .int(number), "name": .string(interface.name), "type": "physical",
            "mac_address": .string(interface.macAddress?.description ?? ""), "vlan": subnet.flatMap { self.vlanObjects[$0.vlanID] } ?? .null,
            "parents": [], "children": [], "tags": [], "enabled": true, "links": .array(links), "params": "", "discovered": nil,
            "effective_mtu": 1500, "vendor": "", "product": "", "firmware_version": "", "link_connected": true, "interface_speed": 0,
            "link_speed": 0, "numa_node": 0, "sriov_max_vf": 0,
            "resource_uri": .string(APIPath.interface(number, of: controller.id)),
        ]
    }
}
