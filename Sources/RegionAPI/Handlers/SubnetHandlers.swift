// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `subnets/`.
enum SubnetHandlers {
    private static let parameters: [Parameter] = [
        .optional("name", "The subnet's name; without it the CIDR."), .optional("description", "A description."),
        .optional("cidr", "Such as 10.0.0.0/24 or fd00::/64."),
        .optional("vlan", "The VLAN's id.", kind: "Integer"), .optional("fabric", "With vid: the fabric's id or name."),
        .optional("vid", "With fabric: the VLAN's tag.", kind: "Integer"), .optional("gateway_ip", "The gateway; empty for none."),
        .optional("dns_servers", "Addresses."), .optional("rdns_mode", "0 off, 1 on, 2 as RFC 2317.", kind: "Integer"),
        .optional("allow_dns", "Whether machines may ask Gantry's DNS.", kind: "Boolean"),
        .optional("allow_proxy", "Whether machines may use Gantry's proxy.", kind: "Boolean"),
        .optional("active_discovery", "Whether to look for neighbours.", kind: "Boolean"),
        .optional("managed", "Whether Gantry gives out any free address.", kind: "Boolean"),
        .optional("router_advertisements", "IPv6: whether racks send router advertisements.", kind: "Boolean"),
    ]

    static let resources = [
        Resource(
            name: "Subnets", path: "subnets/", text: "Manage subnets.",
            actions: [
                Action("GET", "List all subnets") { call in
                    let objects = try await call.store.read { transaction in
                        let renderer = try await call.renderer(in: transaction)
                        let ipv4 = try await transaction.subnets().map { renderer.subnet($0) }
                        return ipv4 + (try await transaction.ipv6Subnets().map { IPv6SubnetHandlers.object($0, renderer) })
                    }
                    return .json(.array(objects))
                },
                Action(
                    "POST", "Create a subnet",
                    parameters: [.required("cidr", "Such as 10.0.0.0/24 or fd00::/64.")] + Self.parameters.filter { $0.name != "cidr" },
                    access: .administrator, run: Self.create
                ),
            ]
        ),
        Resource(
            name: "Subnet", path: "subnets/{id}/", text: "Manage a subnet. It may be named by its id, its CIDR, or its name.",
            actions: [
                Action("GET", "Get a subnet") { call in
                    .json(
                        try await call.store.read { transaction in
                            let renderer = try await call.renderer(in: transaction)
                            if let subnet = try await IPv6SubnetHandlers.subnet(call, in: transaction) {
                                return IPv6SubnetHandlers.object(subnet, renderer)
                            }
                            return renderer.subnet(try await Self.subnet(call, in: transaction))
                        }
                    )
                },
                Action("PUT", "Update a subnet", parameters: Self.parameters, access: .administrator) { call in
                    let object = try await call.store.transaction { transaction in
                        if let subnet = try await IPv6SubnetHandlers.subnet(call, in: transaction) {
                            return try await IPv6SubnetHandlers.update(call, subnet, in: transaction)
                        }
                        var subnet = try await Self.subnet(call, in: transaction)
                        try await Self.apply(call, to: &subnet, in: transaction)
                        try await transaction.update(subnet)
                        return try await call.renderer(in: transaction).subnet(subnet)
                    }
                    return .json(object)
                },
                Action(
                    "DELETE", "Delete a subnet", parameters: [.optional("force", "Also when it is in use.", kind: "Boolean")], access: .administrator
                ) { call in
                    try await call.store.transaction { transaction in
                        let id = try await IPv6SubnetHandlers.subnet(call, in: transaction)?.id
                        if let id { return try await transaction.deleteSubnet(id) }
                        try await transaction.deleteSubnet(try await Self.subnet(call, in: transaction).id)
                    }
                    return .noContent
                },
                Action(
                    "GET", op: "statistics", "Get subnet statistics", parameters: [.optional("include_ranges", "Add the ranges.", kind: "Boolean")]
                ) { call in
                    let withRanges = try call.boolean("include_ranges") ?? false
                    return .json(try await call.store.read { try await Self.use(call, in: $0) }.statistics(withRanges: withRanges))
                },
                Action("GET", op: "reserved_ip_ranges", "List reserved IP ranges") { call in
                    let use = try await call.store.read { try await Self.use(call, in: $0) }
                    return .json(AddressUse.objects(use.reserved, withPurpose: true))
                },
                Action("GET", op: "unreserved_ip_ranges", "List unreserved IP ranges") { call in
                    let use = try await call.store.read { try await Self.use(call, in: $0) }
                    return .json(AddressUse.objects(use.unreserved, withPurpose: false))
                },
                Action("GET", op: "ip_addresses", "Summary of IP addresses", run: Self.addresses),
            ], aliases: ["subnets/{address}/{prefix}/"]
        ),
    ]

    /// By id, CIDR or name. The `maas` command line sends a CIDR as it is, with its slash.
    static func subnet(_ call: APICall, in transaction: StoreTransaction) async throws -> Subnet {
        try await Self.subnet(Self.pathText(call), in: transaction)
    }

    static func pathText(_ call: APICall) -> String {
        call.path["id"] ?? "\(call.path["address"] ?? "")/\(call.path["prefix"] ?? "")"
    }

    static func subnet(_ text: String, in transaction: StoreTransaction) async throws -> Subnet {
        let plain = text.hasPrefix("cidr:") ? String(text.dropFirst(5)) : text.hasPrefix("name:") ? String(text.dropFirst(5)) : text
        if let id = Int(plain), let subnet = try await transaction.subnet(id: id) { return subnet }
        if let network = IPv4Network(plain), let subnet = try await transaction.subnet(network: network) { return subnet }
        guard let subnet = try await transaction.subnet(named: plain) else { throw APIFailure.notFound("There is no subnet '\(text.prefix(80))'.") }
        return subnet
    }

    static func network<Description: SubnetDescription>(_ text: String, of _: Description.Type) throws -> Description.Network {
        guard let network = Description.Network(text) else {
            let expected = "an \(Description.version) network such as \(Description.exampleNetwork), without host bits"
            throw APIFailure.field("cidr", "'\(text.prefix(40))' is not \(expected).")
        }
        return network
    }

    private static func create(_ call: APICall) async throws -> APIResponse {
        let text = try call.required("cidr")
        if text.contains(":") { return try await IPv6SubnetHandlers.create(call, text) }
        let network = try Self.network(text, of: Subnet.self)
        let object = try await call.store.transaction { transaction in
            var subnet = Subnet(
                id: 0, name: "", description: "", vlanID: try await Self.standardVLAN(in: transaction), network: network, gateway: nil,
                dnsServers: [], rdnsMode: 2, allowDNS: true,
                allowProxy: true, activeDiscovery: false, managed: true
            )
            try await Self.apply(call, to: &subnet, in: transaction)
            let stored = try await transaction.insert(subnet)
            return try await call.renderer(in: transaction).subnet(stored)
        }
        return .json(object)
    }

    static func standardVLAN(in transaction: StoreTransaction) async throws -> Int {
        guard let standard = try await transaction.vlan(fabricID: 0, vid: 0) else {
            throw APIFailure.field("vlan", "There is no default VLAN; name one.")
        }
        return standard.id
    }

    /// Takes over what the form says.
    static func apply<Description: SubnetDescription>(
        _ call: APICall, to subnet: inout Description, in transaction: StoreTransaction
    ) async throws {
        let form = call.form
        if let name = form.text("name") { subnet.name = try Self.name(name) }
        if let text = form.rawText("description") { subnet.description = text }
        if let text = form.text("cidr") {
            let network = try Self.network(text, of: Description.self)
            if subnet.name == subnet.network.description { subnet.name = network.description }
            subnet.network = network
        }
        try await Self.applyVLAN(call, to: &subnet, in: transaction)
        func address(_ text: String, field: String) throws -> Description.Address {
            if let address = Description.Address(text) { return address }
            throw APIFailure.field(
                field, "'\(text.prefix(40))' is not an \(Description.version) address such as \(Description.exampleAddress)."
            )
        }
        if form.contains("gateway_ip") { subnet.gateway = try form.text("gateway_ip").map { try address($0, field: "gateway_ip") } }
        if form.contains("dns_servers") {
            subnet.dnsServers = try form.list("dns_servers").map { try address($0, field: "dns_servers") }
        }
        if let mode = try call.integer("rdns_mode", in: 0...2) { subnet.rdnsMode = mode }
        if let value = try call.boolean("allow_dns") { subnet.allowDNS = value }
        if let value = try call.boolean("allow_proxy") { subnet.allowProxy = value }
        if let value = try call.boolean("active_discovery") { subnet.activeDiscovery = value }
        if let value = try call.boolean("managed") { subnet.managed = value }
    }

    /// A subnet's name may be its CIDR.
    private static func name(_ text: String) throws -> String {
        IPv4Network(text) == nil && IPv6Network(text) == nil ? try Names.checked(text, field: "name") : text
    }

    /// `vlan` is an id and wins; else `fabric` and `vid`, one of which may be missing.
    private static func applyVLAN(_ call: APICall, to subnet: inout some SubnetDescription, in transaction: StoreTransaction) async throws {
        if let id = try call.integer("vlan") {
            guard try await transaction.vlan(id: id) != nil else { throw APIFailure.field("vlan", "There is no VLAN \(id).") }
            subnet.vlanID = id
        } else if call.form.text("fabric") != nil || call.form.text("vid") != nil {
            let text = call.form.text("fabric") ?? "0"
            let vid = try call.integer("vid", in: 0...4094) ?? 0
            var fabric = try await transaction.fabric(named: text)
            if let id = Int(text), let byID = try await transaction.fabric(id: id) { fabric = byID }
            guard let fabric else { throw APIFailure.field("fabric", "There is no fabric '\(text.prefix(80))'.") }
            guard let vlan = try await transaction.vlan(fabricID: fabric.id, vid: vid) else {
                throw APIFailure.field("vid", "The fabric \(fabric.name) has no VLAN with the tag \(vid).")
            }
            subnet.vlanID = vlan.id
        }
    }

    // MARK: addresses

    private static func use(_ call: APICall, in transaction: StoreTransaction) async throws -> AddressUse {
        let subnet = try await Self.subnet(call, in: transaction)
        let ranges = try await transaction.ipRanges(subnetID: subnet.id)
        var addresses = try await Self.assigned(subnet, in: transaction).map { ($0.address, "assigned-ip") }
        let leases = try await transaction.leases(vlanID: subnet.vlanID).filter { subnet.network.contains($0.address) }
        addresses += leases.map { ($0.address, "assigned-ip") }
        return AddressUse(subnet: subnet, ranges: ranges, addresses: addresses)
    }

    private static func assigned(
        _ subnet: Subnet, in transaction: StoreTransaction
    ) async throws -> [(address: IPv4Address, machine: Machine, interface: NetworkInterface)] {
        try await transaction.machines().flatMap { machine in
            machine.interfaces.flatMap { interface in
                interface.links.compactMap { link in link.subnetID == subnet.id ? link.address.map { ($0, machine, interface) } : nil }
            }
        }
    }

    private static func addresses(_ call: APICall) async throws -> APIResponse {
        let objects = try await call.store.read { transaction -> [JSONValue] in
            let subnet = try await Self.subnet(call, in: transaction)
            var rows = try await Self.assigned(subnet, in: transaction).map {
                (address: $0.address, machine: Machine?.some($0.machine), via: $0.interface.name, kind: 1, updated: $0.machine.updated)
            }
            let leases = try await transaction.leases(vlanID: subnet.vlanID).filter { subnet.network.contains($0.address) }
            var filter = MachineFilter()
            filter.macAddresses = leases.map(\.macAddress)
            let machines = leases.isEmpty ? [] : try await transaction.machines(matching: filter)
            for lease in leases {
                let machine = machines.first { $0.interfaces.contains { $0.macAddress == lease.macAddress } }
                let via = machine?.interfaces.first { $0.macAddress == lease.macAddress }?.name ?? ""
                rows.append((address: lease.address, machine: machine, via: via, kind: 5, updated: lease.updated))
            }
            return rows.sorted { $0.address < $1.address }.map { row in
                var object: JSONObject = [
                    "ip": .string(row.address.description), "alloc_type": .int(row.kind), "created": .string(row.updated.isoText),
                    "updated": .string(row.updated.isoText),
                ]
                if let machine = row.machine {
                    object["user"] = .string(machine.owner ?? "")
                    object["node_summary"] = [
                        "system_id": .string(machine.id.description), "node_type": 0, "fqdn": .string("\(machine.hostname).\(APIRenderer.domain)"),
                        "hostname": .string(machine.hostname), "is_container": false, "via": .string(row.via),
                    ]
                }
                return .object(object)
            }
        }
        return .json(.array(objects))
    }
}
