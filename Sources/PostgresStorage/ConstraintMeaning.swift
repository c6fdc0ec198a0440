// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a violated constraint of the schema means to who sent the value. A test compares the names with the schema's.
struct ConstraintMeaning: Sendable {
    let code: StoreError.Code
    let message: String

    private static func conflict(_ field: String, _ message: String) -> ConstraintMeaning {
        ConstraintMeaning(code: .conflict(field: field), message: message)
    }

    private static func invalid(_ field: String, _ message: String) -> ConstraintMeaning {
        ConstraintMeaning(code: .invalid(field: field), message: message)
    }

    private static func missing(_ what: String) -> ConstraintMeaning {
        ConstraintMeaning(code: .notFound, message: "There is no such \(what).")
    }

    private static let nameRule = "A name starts with a letter or a digit, goes on with letters, digits, blanks, '-' and '_', and has at most 256."

    static let all: [String: ConstraintMeaning] = Self.users.merging(Self.networks) { first, _ in first }
        .merging(Self.machines) { first, _ in first }.merging(Self.records) { first, _ in first }

    private static let users: [String: ConstraintMeaning] = [
        "app_user_username_key": conflict("username", "A user with this name exists already."),
        "app_user_username_check": invalid("username", "A user name has 1 to 150 letters, digits and @ . + - _."),
        "ssh_key_user_id_fkey": missing("user"),
        "ssh_key_key_key": conflict("key", "The user has this key already."),
        "ssh_key_key_check": invalid("key", "An SSH key is one line of at most 16384 characters."),
        "api_token_token_key_key": conflict("token_key", "This key exists already."),
        "api_token_machine_id_key": conflict("system_id", "The machine has a key already."),
        "api_token_user_id_fkey": missing("user"),
        "api_token_machine_id_fkey": missing("machine"),
        "api_token_owner_check": invalid("__all__", "A key belongs to a user or to a machine."),
        "zone_name_key": conflict("name", "A zone with this name exists already."),
        "zone_name_check": invalid("name", Self.nameRule),
        "resource_pool_name_key": conflict("name", "A pool with this name exists already."),
        "resource_pool_name_check": invalid("name", Self.nameRule),
        "tag_name_key": conflict("name", "A tag with this name exists already."),
        "tag_name_check": invalid("name", "A tag's name has 1 to 255 letters, digits, '.', '-' and '_'."),
    ]

    private static let networks: [String: ConstraintMeaning] = [
        "controller_id_check": invalid("system_id", "A system id has six characters."),
        "controller_kind_check": invalid("kind", "A controller is a rack or a region."),
        "controller_interfaces_check": invalid("interfaces", "The interfaces are no list."),
        "space_name_key": conflict("name", "A space with this name exists already."),
        "space_name_check": invalid("name", Self.nameRule),
        "fabric_name_key": conflict("name", "A fabric with this name exists already."),
        "fabric_name_check": invalid("name", Self.nameRule),
        "vlan_fabric_id_fkey": invalid("fabric", "There is no such fabric."),
        "vlan_primary_rack_fkey": invalid("primary_rack", "There is no such rack controller."),
        "vlan_secondary_rack_fkey": invalid("secondary_rack", "There is no such rack controller."),
        "vlan_relay_vlan_id_fkey": invalid("relay_vlan", "There is no such VLAN."),
        "vlan_space_id_fkey": invalid("space", "There is no such space."),
        "vlan_vid_key": conflict("vid", "The fabric has a VLAN with this VID already."),
        "vlan_vid_check": invalid("vid", "A VID is 0 (untagged) to 4094."),
        "vlan_mtu_check": invalid("mtu", "An MTU is 552 to 65535."),
        "vlan_secondary_rack_check": invalid("secondary_rack", "The secondary rack is another one than the primary rack."),
        "vlan_relay_vlan_check": invalid("relay_vlan", "A VLAN can't be its own relay."),
        "vlan_dhcp_on_check": invalid("dhcp_on", "A VLAN that is relayed to another one can't have DHCP of its own."),
        "subnet_vlan_id_fkey": invalid("vlan", "There is no such VLAN, or it still has subnets."),
        "subnet_name_check": invalid("name", "A subnet's name has 1 to 255 characters."),
        "subnet_network_check": invalid("cidr", "An IPv6 subnet has a prefix of at most 64 bits."),
        "subnet_network_excl": conflict("cidr", "The network overlaps another subnet."),
        "subnet_gateway_check": invalid("gateway_ip", "The gateway is not in the subnet."),
        "subnet_rdns_mode_check": invalid("rdns_mode", "The mode is 0, 1 or 2."),
        "rack_number_rack_check": invalid("rack", "A rack's system id has six characters."),
        "rack_number_number_key": conflict("number", "The number is another rack's."),
        "rack_number_number_check": invalid("number", "A rack's number is 1 to 65535."),
        "ip_range_subnet_id_fkey": invalid("subnet", "There is no such subnet."),
        "ip_range_user_id_fkey": invalid("user", "There is no such user, or it still has IP ranges."),
        "ip_range_kind_check": invalid("type", "A range is dynamic or reserved."),
        "ip_range_family_check": invalid("start_ip", "Only IPv4 ranges can be managed."),
        "ip_range_order_check": invalid("end_ip", "The range ends before it starts."),
        "ip_range_addresses_excl": conflict("__all__", "The range overlaps another one."),
        "lease_vlan_id_fkey": missing("VLAN"),
        "segment_service_vlan_id_fkey": missing("VLAN"),
        "segment_service_address_check": invalid("address", "A service address is an IPv4 address."),
        "segment_service_version_check": invalid("version", "A version is a positive number."),
        "rack_peer_controller_id_fkey": missing("rack controller"),
        "rack_peer_port_check": invalid("port", "A port is a number from 1 to 65535."),
        "segment_report_vlan_id_fkey": missing("VLAN"),
        "segment_report_controller_id_fkey": missing("rack controller"),
        "lease_address_check": invalid("ip", "Only IPv4 leases can be kept."),
        "lease_authority_vlan_id_fkey": missing("VLAN"),
    ]

    private static let machines: [String: ConstraintMeaning] = [
        "machine_owner_id_fkey": invalid("owner", "There is no such user, or it still has machines."),
        "machine_zone_id_fkey": invalid("zone", "There is no such zone."),
        "machine_pool_id_fkey": invalid("pool", "There is no such pool, or it still has machines."),
        "machine_id_check": invalid("system_id", "A system id has six characters."),
        "machine_hostname_key": conflict("hostname", "A machine with this hostname exists already."),
        "machine_hostname_check": invalid(
            "hostname", "A hostname has 1 to 63 letters, digits and '-', and neither starts nor ends with '-'."),
        "machine_status_check": invalid("status", "The status is 0 to 22."),
        "machine_owner_data_check": invalid("owner_data", "The owner data is no object."),
        "machine_firmware_check": invalid("bios_boot_method", "The firmware is bios or uefi."),
        "machine_cpu_count_check": invalid("cpu_count", "The count can't be negative."),
        "machine_cpu_speed_check": invalid("cpu_speed", "The speed can't be negative."),
        "machine_memory_check": invalid("memory", "The size can't be negative."),
        "machine_swap_size_check": invalid("swap_size", "The size can't be negative."),
        "machine_hardware_check": invalid("hardware_info", "The hardware information is no object."),
        "machine_power_type_check": invalid("power_type", "There is no such power type."),
        "machine_power_state_check": invalid("power_state", "There is no such power state."),
        "machine_operation_check": invalid("operation", "The operation is no object."),
        "machine_boot_interface_fkey": invalid("boot_interface", "The machine has no such interface."),
        "machine_boot_disk_fkey": invalid("boot_disk", "The machine has no such disk."),
        "machine_commissioning_result_fkey": invalid("__all__", "The machine has no such commissioning results."),
        "machine_testing_result_fkey": invalid("__all__", "The machine has no such testing results."),
        "machine_installation_result_fkey": invalid("__all__", "The machine has no such installation results."),
        "machine_secret_machine_id_fkey": missing("machine"),
        "machine_tag_machine_id_fkey": missing("machine"),
        "machine_tag_tag_id_fkey": invalid("tags", "There is no such tag."),
        "machine_interface_machine_id_fkey": missing("machine"),
        "machine_interface_vlan_id_fkey": invalid("vlan", "There is no such VLAN, or interfaces are still on it."),
        "machine_interface_machine_key": conflict("id", "The interface exists already."),
        "machine_interface_name_key": conflict("name", "The machine has an interface with this name already."),
        "machine_interface_mac_address_excl": conflict("mac_addresses", "A MAC address is in use by another interface."),
        "machine_interface_name_check": invalid("name", "An interface's name has 1 to 255 characters."),
        "machine_interface_kind_check": invalid("type", "There is no such type of interface."),
        "machine_interface_mtu_check": invalid("mtu", "An MTU is 552 to 65535."),
        "machine_interface_speed_check": invalid("link_speed", "The speed can't be negative."),
        "interface_link_interface_id_fkey": missing("interface"),
        "interface_link_subnet_id_fkey": invalid("subnet", "There is no such subnet."),
        "interface_link_address_key": conflict("ip_address", "The address is in use by another interface."),
        "interface_link_mode_check": invalid("mode", "There is no such mode."),
        "interface_link_address_check": invalid("subnet", "An address needs its subnet."),
        "block_device_machine_id_fkey": missing("machine"),
        "block_device_machine_key": conflict("id", "The block device exists already."),
        "block_device_name_key": conflict("name", "The machine has a block device with this name already."),
        "block_device_name_check": invalid("name", "A block device's name has 1 to 255 characters."),
        "block_device_size_check": invalid("size", "The size can't be negative."),
    ]

    private static let records: [String: ConstraintMeaning] = [
        "event_level_check": invalid("level", "There is no such level."),
        "event_source_check": invalid("source", "There is no such source."),
        "script_result_set_machine_id_fkey": missing("machine"),
        "script_result_set_machine_key": conflict("id", "The results exist already."),
        "script_result_set_kind_check": invalid("type", "There is no such type of results."),
        "script_result_result_set_id_fkey": missing("set of results"),
        "script_result_name_key": conflict("name", "The set has a result of this script already."),
        "script_result_status_check": invalid("status", "There is no such status."),
        "erase_certificate_size_check": invalid("size", "The size can't be negative."),
        "erase_certificate_duration_check": invalid("duration", "The duration is no positive number."),
        "erase_certificate_report_check": invalid("report", "The report is no object."),
        "storage_layout_machine_id_fkey": missing("machine"),
        "storage_layout_check": invalid("storage_layout", "The layout is no object."),
        "boot_resource_key": conflict("name", "The image exists already."),
        "boot_asset_resource_id_fkey": missing("image"),
        "boot_asset_key": conflict("name", "The image has this file already."),
        "boot_asset_kind_check": invalid("filetype", "There is no such type of file."),
        "boot_asset_size_check": invalid("size", "The size can't be negative."),
        "boot_asset_sha256_check": invalid("sha256", "A SHA-256 has 64 hexadecimal digits in lower case."),
        "boot_source_url_key": conflict("url", "A source with this URL exists already."),
        "boot_source_url_check": invalid("url", "A URL has 1 to 2048 characters."),
        "setting_name_check": invalid("name", "A setting's name has 1 to 255 characters."),
    ]
}
