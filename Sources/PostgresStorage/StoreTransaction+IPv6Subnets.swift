// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    private func ipv6Subnets(where condition: PostgresQuery) async throws -> [IPv6Subnet] {
        let rows = try await self.rows(
            """
            SELECT id, name, description, vlan_id, network, host(gateway) AS gateway, dns_servers, rdns_mode, allow_dns, allow_proxy, \
            active_discovery, managed, router_advertisements FROM subnet WHERE family(network) = 6\(condition) ORDER BY network
            """
        )
        return try rows.map { row in
            IPv6Subnet(
                id: try row["id"], name: try row["name"], description: try row["description"], vlanID: try row["vlan_id"],
                network: try row["network"], gateway: try row["gateway"],
                dnsServers: try row.decode([String].self, "dns_servers").compactMap { IPv6Address($0) },
                rdnsMode: try row["rdns_mode"], allowDNS: try row["allow_dns"], allowProxy: try row["allow_proxy"],
                activeDiscovery: try row["active_discovery"], managed: try row["managed"],
                routerAdvertisements: try row["router_advertisements"]
            )
        }
    }

    /// All IPv6 subnets, in order of their networks.
    public func ipv6Subnets() async throws -> [IPv6Subnet] {
        try await self.ipv6Subnets(where: "")
    }

    /// The IPv6 subnet with this id.
    public func ipv6Subnet(id: Int) async throws -> IPv6Subnet? {
        try await self.ipv6Subnets(where: " AND id = \(id)").first
    }

    /// The IPv6 subnet with exactly this network.
    public func ipv6Subnet(network: IPv6Network) async throws -> IPv6Subnet? {
        try await self.ipv6Subnets(where: " AND network = \(network)::cidr").first
    }

    /// The first IPv6 subnet of this name.
    public func ipv6Subnet(named name: String) async throws -> IPv6Subnet? {
        try await self.ipv6Subnets(where: " AND name = \(name)").first
    }

    /// Adds a subnet. Without a name it has that of its network. ``StoreTransaction/deleteSubnet(_:)`` deletes it.
    ///
    /// - Throws: ``StoreError`` for the field `cidr` when it overlaps another subnet, `gateway_ip` when the gateway is outside.
    @discardableResult public func insert(_ subnet: IPv6Subnet) async throws -> IPv6Subnet {
        var subnet = subnet
        if subnet.name.isEmpty { subnet.name = subnet.network.description }
        subnet.id = try await self.onlyRow(
            """
            INSERT INTO subnet (name, description, vlan_id, network, gateway, dns_servers, rdns_mode, allow_dns, allow_proxy, \
            active_discovery, managed, router_advertisements) VALUES (\(subnet.name), \(subnet.description), \(subnet.vlanID), \
            \(subnet.network), \(subnet.gateway), \(subnet.dnsServers.map(\.description))::inet[], \(subnet.rdnsMode), \
            \(subnet.allowDNS), \(subnet.allowProxy), \(subnet.activeDiscovery), \(subnet.managed), \
            \(subnet.routerAdvertisements)) RETURNING id
            """
        )["id"]
        return subnet
    }

    /// - Throws: as when inserting.
    public func update(_ subnet: IPv6Subnet) async throws {
        try await self.executeOne(
            "subnet \(subnet.id)",
            """
            UPDATE subnet SET name = \(subnet.name), description = \(subnet.description), vlan_id = \(subnet.vlanID), \
            network = \(subnet.network), gateway = \(subnet.gateway), dns_servers = \(subnet.dnsServers.map(\.description))::inet[], \
            rdns_mode = \(subnet.rdnsMode), allow_dns = \(subnet.allowDNS), allow_proxy = \(subnet.allowProxy), \
            active_discovery = \(subnet.activeDiscovery), managed = \(subnet.managed), \
            router_advertisements = \(subnet.routerAdvertisements) WHERE id = \(subnet.id)
            """
        )
    }

    // MARK: Racks' numbers

    /// Gives a rack its number, once and for all. Does nothing when all 65,535 are given.
    public func numberRack(_ rack: SystemID) async throws {
        let known = try await self.row("SELECT number FROM rack_number WHERE rack = \(rack)")
        guard known == nil else { return }
        // Two regions must not give one number to two racks, nor fail each other.
        try await self.execute("LOCK TABLE rack_number IN SHARE ROW EXCLUSIVE MODE")
        try await self.execute(
            """
            INSERT INTO rack_number (rack, number) SELECT \(rack), coalesce(max(number), 0) + 1 FROM rack_number \
            HAVING coalesce(max(number), 0) < 65535 ON CONFLICT (rack) DO NOTHING
            """
        )
    }

    /// The racks' numbers: what tells apart the IPv6 addresses that they give out.
    public func rackNumbers() async throws -> [SystemID: UInt16] {
        let rows = try await self.rows("SELECT rack, number FROM rack_number")
        let pairs: [(SystemID, UInt16)] = try rows.map { (try $0["rack"], UInt16(clamping: try $0["number"] as Int)) }
        return Dictionary(pairs) { first, _ in first }
    }
}
