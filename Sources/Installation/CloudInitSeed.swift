// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import JSON

/// What the installed system's cloud-init is told. JSON is YAML, so that no value can break out of its place.
enum CloudInitSeed {
    /// Where the metadata service is, and the machine's key to it.
    static func datasource(_ request: InstallationRequest) -> String {
        let source: JSONValue = [
            "metadata_url": .string(request.metadataURL), "consumer_key": .string(request.credentials.consumerKey),
            "token_key": .string(request.credentials.tokenKey), "token_secret": .string(request.credentials.tokenSecret),
        ]
        // cloud-init's ds-identify is a shell script: it finds the list only on a line of its own.
        return "datasource_list: [MAAS]\ndatasource:\n  MAAS: \(source.text)\nmanage_etc_hosts: true\n"
    }

    /// The interfaces, as netplan version 2. The boot interface asks DHCP unless it has a link of its own.
    static func network(_ request: InstallationRequest) -> String {
        var ethernets = JSONObject()
        for interface in request.machine.interfaces where interface.kind == .physical && interface.enabled {
            let isBoot = interface.id == request.machine.bootInterface?.id
            ethernets[interface.name] = Self.ethernet(interface, asksDHCP: isBoot && interface.links.isEmpty, request.subnets)
        }
        let network: JSONValue = ["network": ["version": 2, "ethernets": .object(ethernets)]]
        return network.text + "\n"
    }

    private static func ethernet(_ interface: NetworkInterface, asksDHCP: Bool, _ subnets: [Subnet]) -> JSONValue {
        var settings: JSONObject = [
            "match": ["macaddress": .string("\(interface.macAddress)")], "set-name": .string(interface.name),
        ]
        if let mtu = interface.mtu { settings["mtu"] = .int(mtu) }
        var addresses: [JSONValue] = []
        var servers: [JSONValue] = []
        for link in interface.links where link.mode == .static {
            guard let address = link.address, let subnet = subnets.first(where: { $0.id == link.subnetID }) else { continue }
            addresses.append(.string("\(address)/\(subnet.network.prefixLength)"))
            servers += subnet.dnsServers.map { .string("\($0)") }
            if let gateway = subnet.gateway { settings["routes"] = [["to": "0.0.0.0/0", "via": .string("\(gateway)")]] }
        }
        if !addresses.isEmpty { settings["addresses"] = .array(addresses) }
        if !servers.isEmpty { settings["nameservers"] = ["addresses": .array(servers)] }
        if asksDHCP || interface.links.contains(where: { $0.mode == .auto || $0.mode == .dhcp }) {
            settings["dhcp4"] = true
            settings["dhcp-identifier"] = "mac"
        } else if addresses.isEmpty {
            settings["optional"] = true
        }
        return .object(settings)
    }
}
