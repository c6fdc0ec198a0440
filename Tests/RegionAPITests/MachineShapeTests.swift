// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import HTTPClient
import JSON
import PostgresStorage
import RegionAPI
import Testing

/// Keys and types as the clients decode them.
@Suite(.timeLimit(.minutes(5))) struct MachineShapeTests {
    enum Kind: String {
        case int, string, bool, list, object, number, objectOrNull, stringOrNull, intOrNull, any
    }

    static func matches(_ value: JSONValue, _ kind: Kind) -> Bool {
        switch (kind, value) {
        case (.int, .int), (.string, .string), (.bool, .bool), (.list, .array), (.object, .object), (.number, .int), (.number, .double), (.any, _):
            true
        case (.objectOrNull, .object), (.objectOrNull, .null), (.stringOrNull, .string), (.stringOrNull, .null), (.intOrNull, .int),
            (.intOrNull, .null):
            true
        default: false
        }
    }

    static let machine: [String: Kind] = [
        "address_ttl": .intOrNull, "bios_boot_method": .stringOrNull, "commissioning_status": .int, "commissioning_status_name": .string,
        "cpu_speed": .int,
        "cpu_test_status": .int, "cpu_test_status_name": .string, "current_commissioning_result_id": .intOrNull,
        "current_installation_result_id": .intOrNull, "current_testing_result_id": .intOrNull, "description": .string, "enable_hw_sync": .bool,
        "ephemeral_deploy": .bool, "hardware_uuid": .stringOrNull, "interface_test_status": .int, "memory_test_status": .int,
        "network_test_status": .int, "node_type_name": .string, "numanode_set": .list, "other_test_status": .int, "pod": .objectOrNull,
        "service_set": .list, "special_filesystems": .list, "storage": .number, "storage_test_status": .int, "swap_size": .intOrNull,
        "sync_interval": .intOrNull, "testing_status": .int, "testing_status_name": .string, "virtualblockdevice_set": .list,
        "workload_annotations": .object, "architecture": .string, "bcaches": .list, "blockdevice_set": .list, "boot_disk": .objectOrNull,
        "boot_interface": .objectOrNull, "cache_sets": .list, "cpu_count": .int, "disable_ipv4": .bool, "distro_series": .string, "domain": .object,
        "fqdn": .string, "hardware_info": .object, "hostname": .string, "hwe_kernel": .stringOrNull, "interface_set": .list, "ip_addresses": .list,
        "locked": .bool, "memory": .int, "min_hwe_kernel": .stringOrNull, "netboot": .bool, "node_type": .int, "osystem": .string,
        "owner": .stringOrNull, "owner_data": .object, "physicalblockdevice_set": .list, "pool": .object, "power_state": .string,
        "power_type": .string, "raids": .list, "resource_uri": .string, "status": .int, "status_action": .string, "status_message": .string,
        "status_name": .string, "system_id": .string, "tag_names": .list, "volume_groups": .list, "zone": .object, "constraints_by_type": .object,
        "error_description": .string, "default_gateways": .object, "parent": .stringOrNull,
    ]

    static let interface: [String: Kind] = [
        "children": .list, "discovered": .any, "effective_mtu": .int, "enabled": .bool, "id": .int, "links": .list, "mac_address": .string,
        "name": .string, "params": .any, "parents": .list, "resource_uri": .string, "system_id": .string, "tags": .list, "type": .string,
        "vlan": .objectOrNull, "link_connected": .bool, "interface_speed": .int, "link_speed": .int, "numa_node": .int, "sriov_max_vf": .int,
    ]

    static let disk: [String: Kind] = [
        "available_size": .int, "block_size": .int, "filesystem": .objectOrNull, "id": .int, "id_path": .string, "model": .string, "name": .string,
        "partition_table_type": .stringOrNull, "partitions": .list, "path": .string, "resource_uri": .string, "serial": .string, "size": .int,
        "system_id": .string, "tags": .list, "type": .string, "used_for": .string, "used_size": .int, "uuid": .stringOrNull,
    ]

    static let vlan: [String: Kind] = [
        "dhcp_on": .bool, "external_dhcp": .stringOrNull, "fabric": .string, "fabric_id": .int, "id": .int, "mtu": .int, "name": .string,
        "primary_rack": .stringOrNull, "relay_vlan": .objectOrNull, "resource_uri": .string, "secondary_rack": .stringOrNull, "space": .string,
        "vid": .int,
    ]

    static let subnet: [String: Kind] = [
        "active_discovery": .bool, "allow_proxy": .bool, "allow_dns": .bool, "cidr": .string, "dns_servers": .list, "gateway_ip": .stringOrNull,
        "id": .int,
        "managed": .bool, "name": .string, "rdns_mode": .int, "resource_uri": .string, "space": .string, "vlan": .object, "description": .string,
    ]

    static func check(_ value: JSONValue?, _ shape: [String: Kind], _ what: String) {
        guard let value else {
            Issue.record("\(what) is missing")
            return
        }
        for (key, kind) in shape {
            guard let member = value[key] else {
                Issue.record("\(what) has no \(key)")
                continue
            }
            #expect(Self.matches(member, kind), "\(what).\(key) is \(member.text.prefix(60)), expected \(kind)")
        }
    }

    @Test func `machines, interfaces, disks and networks have the shapes that clients decode`() async throws {
        try await TestRegion.run { region in
            try await region.lease("10.0.0.9", to: "52:54:00:00:00:09")
            let created = try await region.json(
                "POST", "machines/",
                [
                    ("architecture", "amd64/generic"), ("mac_addresses", "52:54:00:00:00:09"), ("mac_addresses", "52:54:00:00:00:0a"),
                    ("hostname", "node-1"),
                    ("power_type", "ipmi"), ("power_parameters_power_address", "10.0.0.2"), ("power_parameters_power_pass", "hidden"),
                    ("commission", "false"),
                ]
            )
            Self.check(created, Self.machine, "machine")
            let id = try #require(created["system_id"]?.stringValue.flatMap { SystemID($0) })
            try await region.store.transaction { transaction in
                guard var machine = try await transaction.lockMachine(id) else { return }
                machine.blockDevices = [
                    BlockDevice(
                        id: 0, name: "vda", model: "QEMU", serial: "s1", idPath: "/dev/disk/by-id/virtio-s1", sizeBytes: 6_442_450_944,
                        blockSizeBytes: 512,
                        firmwareVersion: "", tags: ["rotary"]
                    )
                ]
                machine.cpuCount = 2
                machine.memoryMiB = 2048
                try await transaction.update(machine)
            }
            let machine = try await region.json("GET", "machines/\(id)/")
            Self.check(machine, Self.machine, "machine")
            #expect(machine["fqdn"] == "node-1.maas")
            #expect(machine["storage"]?.doubleValue == 6442.450944)
            #expect(!machine.text.contains("hidden"))
            let interface = try #require(machine["interface_set"]?.arrayValue?.first)
            Self.check(interface, Self.interface, "interface")
            #expect(interface["params"] == "")
            Self.check(interface["vlan"], Self.vlan, "vlan")
            let link = try #require(interface["links"]?.arrayValue?.first)
            #expect(link["mode"] == "dhcp")
            #expect(link["ip_address"] == nil)
            Self.check(link["subnet"], Self.subnet, "subnet")
            #expect(interface["discovered"]?.arrayValue?.first?["ip_address"] == "10.0.0.9")
            #expect(machine["ip_addresses"] == ["10.0.0.9"])
            let second = try #require(machine["interface_set"]?.arrayValue?.last)
            #expect(second["vlan"] == .null)
            #expect(second["links"] == [])
            Self.check(machine["blockdevice_set"]?.arrayValue?.first, Self.disk, "disk")
            Self.check(machine["boot_disk"], Self.disk, "boot disk")
            // What objects point at is there.
            for uri in [
                machine["resource_uri"], interface["resource_uri"], machine["boot_disk"]?["resource_uri"], interface["vlan"]?["resource_uri"],
                link["subnet"]?["resource_uri"], machine["zone"]?["resource_uri"], machine["pool"]?["resource_uri"],
                machine["domain"]?["resource_uri"],
            ] {
                let path = try #require(uri?.stringValue)
                #expect(try await region.api("GET", String(path.dropFirst("/MAAS/api/2.0/".count))).status == 200, "\(path)")
            }
            #expect(try await region.json("GET", "machines/\(id)/?op=power_parameters")["power_pass"] == "hidden")
            let updated = try await region.json("PUT", "machines/\(id)/", [("power_parameters_power_user", "root"), ("description", "rack 1")])
            #expect(updated["resource_uri"] != nil)
            let all = try await region.json("GET", "machines/?op=power_parameters", [("id", "\(id)")])
            #expect(all["\(id)"] == ["power_address": "10.0.0.2", "power_pass": "hidden", "power_user": "root"])
            #expect(try await region.json("GET", "machines/\(id)/?op=query_power_state") == ["state": "on"])
            #expect(try await region.api("GET", "machines/\(id)/?op=details").body == [5, 0, 0, 0, 0])
            #expect(try await region.json("GET", "machines/", [("mac_address", "52:54:00:00:00:0a")]).arrayValue?.count == 1)
            #expect(try await region.json("GET", "machines/", [("hostname", "other")]) == [])
            #expect(try await region.json("GET", "machines/", [("status", "new"), ("zone", "default")]).arrayValue?.count == 1)
            #expect(try await region.json("GET", "machines/?op=is_registered", [("mac_address", "52:54:00:00:00:0a")]) == true)
            let twice = try await region.api("POST", "machines/", [("architecture", "amd64"), ("mac_addresses", "52:54:00:00:00:0a")])
            #expect(twice.status == 400)
            #expect(twice.text.contains("mac_addresses"))
            for bad in [
                [("architecture", "z80"), ("mac_addresses", "52:54:00:00:01:01")], [("architecture", "amd64"), ("mac_addresses", "nonsense")],
                [("architecture", "amd64"), ("mac_addresses", "52:54:00:00:01:01"), ("zone", "mars")],
                [("architecture", "amd64"), ("mac_addresses", "52:54:00:00:01:01"), ("power_type", "magic")],
            ] {
                #expect(try await region.api("POST", "machines/", bad).status == 400, "\(bad)")
            }
            let tag = try await region.json("POST", "tags/", [("name", "fast"), ("comment", "quick")])
            #expect(tag["definition"] == "")
            #expect(try await region.json("POST", "tags/fast/?op=update_nodes", [("add", "\(id)")]) == ["added": 1, "removed": 0])
            #expect(try await region.json("GET", "tags/fast/?op=machines").arrayValue?.count == 1)
            #expect(try await region.json("GET", "machines/\(id)/")["tag_names"] == ["fast"])
            let data = try await region.json("POST", "machines/\(id)/?op=set_owner_data", [("rack", "12"), ("unit", "")])
            #expect(data["owner_data"] == ["rack": "12"])
        }
    }
}
