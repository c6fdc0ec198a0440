// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON

extension APIRenderer {
    /// A machine with every key that MAAS gives it.
    public func machine(_ machine: Machine) -> JSONValue {
        let parts = [self.identity(of: machine), self.hardware(of: machine), self.software(of: machine), self.progress(of: machine)]
        return .object(JSONObject(parts.flatMap { $0.members.map { ($0.key, $0.value) } }))
    }

    /// What a machine that makes itself known, without credentials, gets to see.
    public func anonymousMachine(_ machine: Machine) -> JSONValue {
        [
            "system_id": .string(machine.id.description), "hostname": .string(machine.hostname), "domain": Self.domainObject,
            "fqdn": .string("\(machine.hostname).\(Self.domain)"), "architecture": .string(machine.architecture),
            "status": .int(machine.status.rawValue), "power_type": .string(machine.powerType.rawValue),
            "power_state": .string(machine.powerState.rawValue), "zone": self.zone(of: machine), "status_action": "",
            "status_message": .string(machine.statusMessage), "status_name": .string(machine.status.name), "node_type": 0,
            "resource_uri": .string(APIPath.machine(machine.id)),
        ]
    }

    private func zone(of machine: Machine) -> JSONValue {
        self.zones[machine.zone] ?? Self.zone(Zone(id: 0, name: machine.zone, description: ""))
    }

    private func identity(of machine: Machine) -> JSONObject {
        let pool = self.pools[machine.pool] ?? Self.pool(ResourcePool(id: 0, name: machine.pool, description: ""))
        return [
            "system_id": .string(machine.id.description), "hostname": .string(machine.hostname),
            "description": .string(machine.description), "fqdn": .string("\(machine.hostname).\(Self.domain)"),
            "domain": Self.domainObject, "owner": .optional(machine.owner), "owner_data": Self.strings(machine.ownerData),
            "workload_annotations": Self.strings(machine.ownerData), "agent_name": .string(machine.agentName),
            "zone": self.zone(of: machine), "pool": pool,
            "tag_names": .array(machine.tags.sorted().map(JSONValue.string)), "locked": .bool(machine.locked), "node_type": 0,
            "node_type_name": "Machine", "address_ttl": nil, "parent": nil, "pod": nil, "virtualmachine_id": nil, "is_dpu": false,
            "resource_uri": .string(APIPath.machine(machine.id)),
        ]
    }

    private func hardware(of machine: Machine) -> JSONObject {
        let disks: [JSONValue] = machine.blockDevices.map { self.blockDevice($0, of: machine) }
        let volumes = self.virtualBlockDevices(of: machine)
        let bytes = machine.blockDevices.reduce(0) { $0 &+ $1.sizeBytes }
        let bootDisk = machine.bootDisk.map { self.blockDevice($0, of: machine) }
        let bootInterface = machine.bootInterface.map { self.interface($0, of: machine.id) }
        let information = HardwareInformation.keys.map { ($0, JSONValue.string(machine.hardware.values[$0] ?? "Unknown")) }
        return [
            "architecture": .string(machine.architecture), "cpu_count": .int(machine.cpuCount), "cpu_speed": .int(machine.cpuSpeed),
            "memory": .int(machine.memoryMiB), "swap_size": .optional(machine.swapSizeBytes), "storage": .double(Double(bytes) / 1_000_000),
            "hardware_uuid": .optional(machine.hardware.uuid), "hardware_info": .object(JSONObject(information)),
            "bios_boot_method": .optional(machine.firmware.map { $0 == .uefi ? "uefi" : "pxe" }),
            "interface_set": .array(machine.interfaces.map { self.interface($0, of: machine.id) }),
            "boot_interface": bootInterface ?? .null, "boot_disk": bootDisk ?? .null, "blockdevice_set": .array(disks + volumes),
            "physicalblockdevice_set": .array(disks), "virtualblockdevice_set": .array(volumes), "iscsiblockdevice_set": [],
            "volume_groups": .array(self.volumeGroups(of: machine)),
            "raids": [], "bcaches": [], "cache_sets": [], "vmfs_datastores": [], "special_filesystems": [],
            "numanode_set": [
                [
                    "index": 0, "memory": .int(machine.memoryMiB), "cores": .array((0..<max(0, min(machine.cpuCount, 4096))).map(JSONValue.int)),
                    "hugepages_set": [],
                ]
            ],
        ]
    }

    private func software(of machine: Machine) -> JSONObject {
        [
            "osystem": .string(machine.osystem), "distro_series": .string(machine.distroSeries),
            "min_hwe_kernel": .string(machine.minHWEKernel), "hwe_kernel": nil, "netboot": .bool(machine.netboot),
            "ephemeral_deploy": false, "power_type": .string(machine.powerType.rawValue), "power_state": .string(machine.powerState.rawValue),
            "ip_addresses": .array(self.addresses(of: machine).map { .string($0.description) }), "disable_ipv4": false,
            "default_gateways": self.gateways(of: machine), "enable_hw_sync": false, "enable_kernel_crash_dump": false, "last_sync": nil,
            "sync_interval": nil, "next_sync": nil, "constraints_by_type": [:], "service_set": [], "version": "",
        ]
    }

    private func gateways(of machine: Machine) -> JSONValue {
        var found: JSONValue = ["gateway_ip": nil, "link_id": nil]
        let links = ([machine.bootInterface].compactMap(\.self) + machine.interfaces).flatMap(\.links)
        if let link = links.first(where: { $0.subnetID.flatMap { self.subnets[$0]?.gateway } != nil }),
            let gateway = link.subnetID.flatMap({ self.subnets[$0]?.gateway })
        {
            found = ["gateway_ip": .string(gateway.description), "link_id": .int(link.id)]
        }
        return ["ipv4": found, "ipv6": ["gateway_ip": nil, "link_id": nil]]
    }

    private func progress(of machine: Machine) -> JSONObject {
        var object: JSONObject = [
            "status": .int(machine.status.rawValue), "status_name": .string(machine.status.name), "status_action": "",
            "status_message": .string(machine.statusMessage), "error_description": .string(machine.errorDescription),
            "current_commissioning_result_id": .optional(machine.commissioningResultID),
            "current_testing_result_id": .optional(machine.testingResultID),
            "current_installation_result_id": .optional(machine.installationResultID),
        ]
        Self.status("commissioning_status", of: machine.commissioningResultID.flatMap { self.results[$0] }, in: &object)
        let tests = machine.testingResultID.flatMap { self.results[$0] }
        Self.status("testing_status", of: tests, in: &object)
        for kind in ["cpu", "memory", "network", "storage", "interface", "other"] {
            Self.status("\(kind)_test_status", of: nil, in: &object)
        }
        return object
    }

    /// One pair of `…_status` and `…_status_name`; -1 when nothing has run.
    private static func status(_ key: String, of results: [ScriptResult]?, in object: inout JSONObject) {
        guard let results, !results.isEmpty else {
            object[key] = -1
            object["\(key)_name"] = "Unknown"
            return
        }
        let status = ScriptResultSet.status(of: results.map(\.status))
        object[key] = .int(status.rawValue)
        object["\(key)_name"] = .string(status.name)
    }

    static func strings(_ values: [String: String]) -> JSONValue {
        .object(JSONObject(values.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
}
