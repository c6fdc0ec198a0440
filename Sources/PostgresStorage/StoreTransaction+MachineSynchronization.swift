// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import JSON
import Postgres

extension StoreTransaction {
    /// Makes the stored tags those of the machine.
    ///
    /// - Returns: the tags, each once, in order.
    func synchronizeTags(of machine: Machine, stored: [String]) async throws -> [String] {
        let wanted = Set(machine.tags)
        let removed = Set(stored).subtracting(wanted).sorted()
        if !removed.isEmpty {
            try await self.execute(
                """
                DELETE FROM machine_tag USING tag \
                WHERE tag.id = tag_id AND machine_id = \(machine.id) AND tag.name = ANY(\(removed))
                """
            )
        }
        let added = wanted.subtracting(stored).sorted()
        if !added.isEmpty {
            let rows = try await self.rows(
                """
                INSERT INTO machine_tag (machine_id, tag_id) SELECT \(machine.id), id FROM tag WHERE name = ANY(\(added)) \
                RETURNING (SELECT name FROM tag WHERE tag.id = tag_id) AS name
                """
            )
            let known = Set(try rows.map { try $0.decode(String.self, "name") })
            if let missing = added.first(where: { !known.contains($0) }) {
                throw StoreError.invalid(field: "tags", message: "There is no tag '\(missing)'.")
            }
        }
        // As the database sorts them: by bytes.
        return wanted.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Makes the stored interfaces those of the machine.
    ///
    /// - Returns: the interfaces with their ids, in order.
    func synchronizeInterfaces(of machine: Machine, stored: [NetworkInterface]) async throws -> [NetworkInterface] {
        try self.checkInterfaces(machine.interfaces)
        let changes = RowChanges(stored: stored.map(\.withoutLinks), wanted: machine.interfaces.map(\.withoutLinks), id: \.id)
        try self.refuse(changes.unknown, "interface")
        try await self.checkMACAddresses(of: changes.added + changes.changed, machine: machine.id)
        if !changes.removed.isEmpty {
            try await self.execute("DELETE FROM machine_interface WHERE id = ANY(\(changes.removed))")
        }
        if !changes.changed.isEmpty {
            try await self.execute(
                """
                UPDATE machine_interface AS old SET name = new.name, kind = new.kind, mac_address = new.mac_address, \
                vlan_id = new.vlan_id, tags = new.tags, enabled = new.enabled, mtu = new.mtu, vendor = new.vendor, \
                product = new.product, firmware_version = new.firmware_version, link_connected = new.link_connected, \
                link_speed = new.link_speed, interface_speed = new.interface_speed \
                FROM jsonb_populate_recordset(NULL::machine_interface, \(Self.records(changes.changed, machine: machine.id).json)) AS new \
                WHERE old.id = new.id
                """
            )
        }
        var interfaces = machine.interfaces
        var ids = try await self.newIDs(changes.added.count, of: "machine_interface")[...]
        for index in interfaces.indices where interfaces[index].id == 0 { interfaces[index].id = ids.popFirst() ?? 0 }
        let added = interfaces.filter { interface in !machine.interfaces.contains { $0.id == interface.id } }
        if !added.isEmpty {
            try await self.execute(
                """
                INSERT INTO machine_interface (\(unescaped: NetworkInterface.columns)) SELECT \(unescaped: NetworkInterface.columns) \
                FROM jsonb_populate_recordset(NULL::machine_interface, \(Self.records(added, machine: machine.id).json))
                """
            )
        }
        try await self.synchronizeLinks(of: &interfaces, stored: stored)
        return interfaces.sorted { $0.id < $1.id }
    }

    private func synchronizeLinks(of interfaces: inout [NetworkInterface], stored: [NetworkInterface]) async throws {
        let kept = Set(interfaces.map(\.id))
        let changes = RowChanges(
            stored: stored.filter { kept.contains($0.id) }.flatMap(\.linkRows), wanted: interfaces.flatMap(\.linkRows), id: \.link.id
        )
        try self.refuse(changes.unknown, "link")
        if !changes.removed.isEmpty {
            try await self.execute("DELETE FROM interface_link WHERE id = ANY(\(changes.removed))")
        }
        if !changes.changed.isEmpty {
            try await self.execute(
                """
                UPDATE interface_link AS old SET interface_id = new.interface_id, mode = new.mode, subnet_id = new.subnet_id, \
                address = new.address \
                FROM jsonb_populate_recordset(NULL::interface_link, \(Self.records(changes.changed).json)) AS new WHERE old.id = new.id
                """
            )
        }
        guard !changes.added.isEmpty else { return }
        var ids = try await self.newIDs(changes.added.count, of: "interface_link")[...]
        var added: [LinkRow] = []
        for index in interfaces.indices {
            for place in interfaces[index].links.indices where interfaces[index].links[place].id == 0 {
                interfaces[index].links[place].id = ids.popFirst() ?? 0
                added.append(LinkRow(interfaceID: interfaces[index].id, link: interfaces[index].links[place]))
            }
            interfaces[index].links.sort { $0.id < $1.id }
        }
        try await self.execute(
            """
            INSERT INTO interface_link (\(unescaped: InterfaceLink.columns)) SELECT \(unescaped: InterfaceLink.columns) \
            FROM jsonb_populate_recordset(NULL::interface_link, \(Self.records(added).json))
            """
        )
    }

    /// Makes the stored disks those of the machine.
    ///
    /// - Returns: the disks with their ids, in order.
    func synchronizeBlockDevices(of machine: Machine, stored: [BlockDevice]) async throws -> [BlockDevice] {
        let changes = RowChanges(stored: stored, wanted: machine.blockDevices, id: \.id)
        try self.refuse(changes.unknown, "block device")
        if !changes.removed.isEmpty {
            try await self.execute("DELETE FROM block_device WHERE id = ANY(\(changes.removed))")
        }
        if !changes.changed.isEmpty {
            try await self.execute(
                """
                UPDATE block_device AS old SET name = new.name, model = new.model, serial = new.serial, id_path = new.id_path, \
                size_bytes = new.size_bytes, block_size_bytes = new.block_size_bytes, firmware_version = new.firmware_version, \
                tags = new.tags \
                FROM jsonb_populate_recordset(NULL::block_device, \(Self.records(changes.changed, machine: machine.id).json)) AS new \
                WHERE old.id = new.id
                """
            )
        }
        var disks = machine.blockDevices
        var ids = try await self.newIDs(changes.added.count, of: "block_device")[...]
        for index in disks.indices where disks[index].id == 0 { disks[index].id = ids.popFirst() ?? 0 }
        let added = disks.filter { disk in !machine.blockDevices.contains { $0.id == disk.id } }
        if !added.isEmpty {
            try await self.execute(
                """
                INSERT INTO block_device (\(unescaped: BlockDevice.columns)) SELECT \(unescaped: BlockDevice.columns) \
                FROM jsonb_populate_recordset(NULL::block_device, \(Self.records(added, machine: machine.id).json))
                """
            )
        }
        return disks.sorted { $0.id < $1.id }
    }

    private func refuse(_ unknown: [Int], _ what: String) throws {
        guard let id = unknown.first else { return }
        throw StoreError.invalid(field: "id", message: "The machine has no \(what) \(id), or it was given twice.")
    }

    private func checkInterfaces(_ interfaces: [NetworkInterface]) throws {
        var names: Set<String> = []
        var addresses: Set<MACAddress> = []
        for interface in interfaces {
            guard names.insert(interface.name).inserted else {
                throw StoreError.conflict(field: "name", message: "Two interfaces of the machine have the name '\(interface.name)'.")
            }
            guard interface.kind != .physical || addresses.insert(interface.macAddress).inserted else {
                throw StoreError.conflict(
                    field: "mac_addresses", message: "Two interfaces of the machine have the MAC address \(interface.macAddress).")
            }
        }
    }

    /// Finds out which machine has an address, which the violated constraint would not tell.
    private func checkMACAddresses(of interfaces: [NetworkInterface], machine: SystemID) async throws {
        let addresses = interfaces.filter { $0.kind == .physical }.map(\.macAddress.description)
        guard !addresses.isEmpty else { return }
        let other = try await self.row(
            """
            SELECT mac_address, hostname, machine.id FROM machine_interface JOIN machine ON machine.id = machine_id \
            WHERE kind = 'physical' AND mac_address = ANY(\(addresses)::macaddr[]) AND machine_id <> \(machine) \
            ORDER BY mac_address LIMIT 1
            """
        )
        guard let other else { return }
        let (address, hostname, id): (String, String, String) = (try other["mac_address"], try other["hostname"], try other["id"])
        throw StoreError.conflict(
            field: "mac_addresses", message: "The MAC address \(address) is in use by the machine '\(hostname)' (\(id)).")
    }

    private static func records(_ interfaces: [NetworkInterface], machine: SystemID) -> Records {
        var records = Records()
        for interface in interfaces {
            records.append([
                "id": .int(interface.id), "machine_id": .string(machine.description), "name": .text(interface.name),
                "kind": .string(interface.kind.rawValue), "mac_address": .string(interface.macAddress.description),
                "vlan_id": .optional(interface.vlanID), "tags": .texts(interface.tags), "enabled": .bool(interface.enabled),
                "mtu": .optional(interface.mtu), "vendor": .text(interface.vendor), "product": .text(interface.product),
                "firmware_version": .text(interface.firmwareVersion), "link_connected": .bool(interface.linkConnected),
                "link_speed": .int(interface.linkSpeed), "interface_speed": .int(interface.interfaceSpeed),
            ])
        }
        return records
    }

    private static func records(_ links: [LinkRow]) -> Records {
        var records = Records()
        for row in links {
            records.append([
                "id": .int(row.link.id), "interface_id": .int(row.interfaceID), "mode": .string(row.link.mode.rawValue),
                "subnet_id": .optional(row.link.subnetID), "address": .optional(row.link.address?.description),
            ])
        }
        return records
    }

    private static func records(_ disks: [BlockDevice], machine: SystemID) -> Records {
        var records = Records()
        for disk in disks {
            records.append([
                "id": .int(disk.id), "machine_id": .string(machine.description), "name": .text(disk.name), "model": .text(disk.model),
                "serial": .text(disk.serial), "id_path": .text(disk.idPath), "size_bytes": .int(disk.sizeBytes),
                "block_size_bytes": .int(disk.blockSizeBytes), "firmware_version": .text(disk.firmwareVersion),
                "tags": .texts(disk.tags),
            ])
        }
        return records
    }
}

/// A link with the interface that it belongs to.
private struct LinkRow: Sendable, Equatable {
    let interfaceID: Int
    let link: InterfaceLink
}

extension NetworkInterface {
    fileprivate var withoutLinks: NetworkInterface {
        var interface = self
        interface.links = []
        return interface
    }

    fileprivate var linkRows: [LinkRow] {
        self.links.map { LinkRow(interfaceID: self.id, link: $0) }
    }
}
