// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials
import Postgres

extension Machine {
    /// The machine without its interfaces, disks and tags; give conditions and order behind it.
    static let selection: PostgresQuery = """
        SELECT machine.id, machine.hostname, machine.description, machine.status, machine.previous_status, machine.status_message, \
        machine.error_description, app_user.username AS owner, machine.agent_name, machine.owner_data, machine.architecture, \
        machine.firmware, zone.name AS zone, resource_pool.name AS pool, machine.cpu_count, machine.cpu_speed, machine.memory_mib, \
        machine.swap_size_bytes, machine.hardware, machine.hardware_uuid, machine.power_type, machine.power_state, \
        machine.power_state_updated, machine.osystem, machine.distro_series, machine.min_hwe_kernel, machine.netboot, machine.locked, \
        machine.boot_interface_id, machine.boot_disk_id, machine.operation, machine.generation, machine.commissioning_result_id, \
        machine.testing_result_id, machine.installation_result_id, machine.last_contact, machine.created, machine.updated, \
        machine.version \
        FROM machine JOIN zone ON zone.id = machine.zone_id JOIN resource_pool ON resource_pool.id = machine.pool_id \
        LEFT JOIN app_user ON app_user.id = machine.owner_id
        """

    /// From a row of ``selection``.
    init(row: PostgresRow) throws {
        self.init(
            id: try row["id"], hostname: try row["hostname"], architecture: try row["architecture"], powerType: try row["power_type"],
            created: try row["created"]
        )
        self.description = try row["description"]
        self.status = try row["status"]
        self.previousStatus = try row["previous_status"]
        self.statusMessage = try row["status_message"]
        self.errorDescription = try row["error_description"]
        self.owner = try row["owner"]
        self.agentName = try row["agent_name"]
        self.ownerData = try readMap(try row["owner_data"], column: "owner_data")
        self.firmware = try row["firmware"]
        self.zone = try row["zone"]
        self.pool = try row["pool"]
        self.cpuCount = try row["cpu_count"]
        self.cpuSpeed = try row["cpu_speed"]
        self.memoryMiB = try row["memory_mib"]
        self.swapSizeBytes = try row["swap_size_bytes"]
        self.hardware = HardwareInformation(
            values: try readMap(try row["hardware"], column: "hardware"), uuid: try row["hardware_uuid"]
        )
        self.powerState = try row["power_state"]
        self.powerStateUpdated = try row["power_state_updated"]
        self.osystem = try row["osystem"]
        self.distroSeries = try row["distro_series"]
        self.minHWEKernel = try row["min_hwe_kernel"]
        self.netboot = try row["netboot"]
        self.locked = try row["locked"]
        self.bootInterfaceID = try row["boot_interface_id"]
        self.bootDiskID = try row["boot_disk_id"]
        if let operation: PostgresJSON = try row["operation"] {
            self.operation = try Self.operation(operation)
        }
        self.generation = try row["generation"]
        self.commissioningResultID = try row["commissioning_result_id"]
        self.testingResultID = try row["testing_result_id"]
        self.installationResultID = try row["installation_result_id"]
        self.lastContact = try row["last_contact"]
        self.updated = try row["updated"]
        self.version = try row["version"]
    }

    private static func operation(_ json: PostgresJSON) throws -> MachineOperation {
        do {
            return try JSONDecoder().decode(MachineOperation.self, from: Data(json.text.utf8))
        } catch {
            throw StoreError(.failed, "The operation of a machine can't be read.", cause: error)
        }
    }

    private func storedOperation() throws -> PostgresJSON? {
        guard var operation = self.operation else { return nil }
        operation.failure = operation.failure.map { storable($0) }
        operation.options = Dictionary(operation.options.map { (storable($0.key), storable($0.value)) }) { first, _ in first }
        do {
            return PostgresJSON(String(decoding: try JSONEncoder().encode(operation), as: UTF8.self))
        } catch {
            throw StoreError(.failed, "The operation of \(self.id) can't be written.", cause: error)
        }
    }

    /// The columns that both inserting and updating write, with their values. Names of the things it belongs to were looked up before.
    func assignments(_ owners: MachineReferences) throws -> [(column: String, value: PostgresQuery)] {
        let interface = self.interfaces.contains { $0.id != 0 && $0.id == self.bootInterfaceID } ? self.bootInterfaceID : nil
        let disk = self.blockDevices.contains { $0.id != 0 && $0.id == self.bootDiskID } ? self.bootDiskID : nil
        return [
            ("hostname", "\(self.hostname)"), ("description", "\(storable(self.description))"),
            ("status", "\(self.status)"), ("previous_status", "\(self.previousStatus)"),
            ("status_message", "\(storable(self.statusMessage))"), ("error_description", "\(storable(self.errorDescription))"),
            ("owner_id", "\(owners.userID)"), ("agent_name", "\(storable(self.agentName))"),
            ("owner_data", "\(storedMap(self.ownerData))"), ("architecture", "\(storable(self.architecture))"),
            ("firmware", "\(self.firmware)"), ("zone_id", "\(owners.zoneID)"), ("pool_id", "\(owners.poolID)"),
            ("cpu_count", "\(self.cpuCount)"), ("cpu_speed", "\(self.cpuSpeed)"), ("memory_mib", "\(self.memoryMiB)"),
            ("swap_size_bytes", "\(self.swapSizeBytes)"), ("hardware", "\(storedMap(self.hardware.values))"),
            ("hardware_uuid", "\(self.hardware.uuid.map { storable($0) })"), ("power_state", "\(self.powerState)"),
            ("power_state_updated", "\(self.powerStateUpdated)"), ("osystem", "\(storable(self.osystem))"),
            ("distro_series", "\(storable(self.distroSeries))"), ("min_hwe_kernel", "\(storable(self.minHWEKernel))"),
            ("netboot", "\(self.netboot)"), ("locked", "\(self.locked)"), ("boot_interface_id", "\(interface)"),
            ("boot_disk_id", "\(disk)"), ("operation", "\(try self.storedOperation())"), ("generation", "\(self.generation)"),
            ("commissioning_result_id", "\(self.commissioningResultID)"), ("testing_result_id", "\(self.testingResultID)"),
            ("installation_result_id", "\(self.installationResultID)"), ("last_contact", "\(self.lastContact)"),
        ]
    }
}

/// The ids behind the names that a machine has.
struct MachineReferences: Sendable {
    let userID: Int?
    let zoneID: Int
    let poolID: Int
}
