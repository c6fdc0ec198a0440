// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Postgres

/// What belongs to machines, by machine.
struct MachineParts: Sendable {
    var tags: [SystemID: [String]] = [:]
    var interfaces: [SystemID: [NetworkInterface]] = [:]
    var blockDevices: [SystemID: [BlockDevice]] = [:]
}

extension StoreTransaction {
    /// The machines that the condition gives (with its WHERE and ORDER BY), whole: one statement for them, four for their parts.
    func machines(where condition: PostgresQuery) async throws -> [Machine] {
        var machines = try await self.rows("\(Machine.selection)\(condition)").map { try Machine(row: $0) }
        guard !machines.isEmpty else { return [] }
        let parts = try await self.parts(of: machines.map(\.id))
        for index in machines.indices {
            let id = machines[index].id
            machines[index].tags = parts.tags[id] ?? []
            machines[index].interfaces = parts.interfaces[id] ?? []
            machines[index].blockDevices = parts.blockDevices[id] ?? []
        }
        return machines
    }

    /// Tags in order of their names, the others in order of their ids.
    func parts(of machines: [SystemID]) async throws -> MachineParts {
        let ids = machines.map(\.description)
        var parts = MachineParts()
        let tags = try await self.rows(
            """
            SELECT machine_id, tag.name FROM machine_tag JOIN tag ON tag.id = tag_id \
            WHERE machine_id = ANY(\(ids)) ORDER BY tag.name COLLATE "C"
            """
        )
        for row in tags { parts.tags[try row["machine_id"], default: []].append(try row["name"]) }
        let links = try await self.links(ofMachines: ids)
        let interfaces = try await self.rows(
            """
            SELECT \(unescaped: NetworkInterface.columns) FROM machine_interface WHERE machine_id = ANY(\(ids)) ORDER BY id
            """
        )
        for row in interfaces {
            var interface = try NetworkInterface(row: row)
            interface.links = links[interface.id] ?? []
            parts.interfaces[try row["machine_id"], default: []].append(interface)
        }
        let disks = try await self.rows(
            """
            SELECT \(unescaped: BlockDevice.columns) FROM block_device WHERE machine_id = ANY(\(ids)) ORDER BY id
            """
        )
        for row in disks { parts.blockDevices[try row["machine_id"], default: []].append(try BlockDevice(row: row)) }
        return parts
    }

    private func links(ofMachines ids: [String]) async throws -> [Int: [InterfaceLink]] {
        let rows = try await self.rows(
            """
            SELECT interface_link.id, interface_id, mode, subnet_id, host(address) AS address \
            FROM interface_link JOIN machine_interface ON machine_interface.id = interface_id \
            WHERE machine_id = ANY(\(ids)) ORDER BY interface_link.id
            """
        )
        var links: [Int: [InterfaceLink]] = [:]
        for row in rows {
            let link = InterfaceLink(
                id: try row["id"], mode: try row["mode"], subnetID: try row["subnet_id"], address: try row["address"]
            )
            links[try row["interface_id"], default: []].append(link)
        }
        return links
    }
}

extension NetworkInterface {
    static let columns = """
        id, machine_id, name, kind, mac_address, vlan_id, tags, enabled, mtu, vendor, product, firmware_version, link_connected, \
        link_speed, interface_speed
        """

    /// Without the links.
    fileprivate init(row: PostgresRow) throws {
        self.init(id: try row["id"], name: try row["name"], macAddress: try row["mac_address"])
        self.kind = try row["kind"]
        self.vlanID = try row["vlan_id"]
        self.tags = try row["tags"]
        self.enabled = try row["enabled"]
        self.mtu = try row["mtu"]
        self.vendor = try row["vendor"]
        self.product = try row["product"]
        self.firmwareVersion = try row["firmware_version"]
        self.linkConnected = try row["link_connected"]
        self.linkSpeed = try row["link_speed"]
        self.interfaceSpeed = try row["interface_speed"]
    }
}

extension InterfaceLink {
    static let columns = "id, interface_id, mode, subnet_id, address"
}

extension BlockDevice {
    static let columns = "id, machine_id, name, model, serial, id_path, size_bytes, block_size_bytes, firmware_version, tags"

    fileprivate init(row: PostgresRow) throws {
        self.init(
            id: try row["id"], name: try row["name"], model: try row["model"], serial: try row["serial"], idPath: try row["id_path"],
            sizeBytes: try row["size_bytes"], blockSizeBytes: try row["block_size_bytes"],
            firmwareVersion: try row["firmware_version"], tags: try row["tags"]
        )
    }
}
