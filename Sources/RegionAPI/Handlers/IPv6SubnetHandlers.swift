// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import JSON
internal import PostgresStorage

/// The IPv6 half of `subnets/`.
enum IPv6SubnetHandlers {
    /// The subnet of the path, by id, CIDR or name; nil when there is no IPv6 subnet like that.
    static func subnet(_ call: APICall, in transaction: StoreTransaction) async throws -> IPv6Subnet? {
        let text = SubnetHandlers.pathText(call)
        let plain = text.hasPrefix("cidr:") || text.hasPrefix("name:") ? String(text.dropFirst(5)) : text
        if let id = Int(plain) { return try await transaction.ipv6Subnet(id: id) }
        if let network = IPv6Network(plain), let subnet = try await transaction.ipv6Subnet(network: network) { return subnet }
        return try await transaction.ipv6Subnet(named: plain)
    }

    /// MAAS's object, and whether racks send router advertisements.
    static func object(_ subnet: IPv6Subnet, _ renderer: APIRenderer) -> JSONValue {
        guard case .object(var object) = renderer.subnet(subnet) else { return .null }
        object["router_advertisements"] = .bool(subnet.routerAdvertisements)
        return .object(object)
    }

    static func create(_ call: APICall, _ cidr: String) async throws -> APIResponse {
        let network = try SubnetHandlers.network(cidr, of: IPv6Subnet.self)
        let object = try await call.store.transaction { transaction in
            var subnet = IPv6Subnet(
                id: 0, name: "", description: "", vlanID: try await SubnetHandlers.standardVLAN(in: transaction), network: network,
                gateway: nil, dnsServers: [], rdnsMode: 2, allowDNS: true, allowProxy: true, activeDiscovery: false, managed: true,
                routerAdvertisements: false
            )
            try await Self.apply(call, to: &subnet, in: transaction)
            return Self.object(try await transaction.insert(subnet), try await call.renderer(in: transaction))
        }
        return .json(object)
    }

    static func update(_ call: APICall, _ subnet: IPv6Subnet, in transaction: StoreTransaction) async throws -> JSONValue {
        var subnet = subnet
        try await Self.apply(call, to: &subnet, in: transaction)
        try await transaction.update(subnet)
        return Self.object(subnet, try await call.renderer(in: transaction))
    }

    private static func apply(_ call: APICall, to subnet: inout IPv6Subnet, in transaction: StoreTransaction) async throws {
        try await SubnetHandlers.apply(call, to: &subnet, in: transaction)
        if let value = try call.boolean("router_advertisements") { subnet.routerAdvertisements = value }
    }
}
