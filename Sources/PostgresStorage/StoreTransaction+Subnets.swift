// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    private func subnets(where condition: PostgresQuery) async throws -> [Subnet] {
        let rows = try await self.rows(
            """
            SELECT id, name, description, vlan_id, network, host(gateway) AS gateway, dns_servers, rdns_mode, allow_dns, allow_proxy, \
            active_discovery, managed FROM subnet WHERE family(network) = 4\(condition)
            """
        )
        return try rows.map { row in
            Subnet(
                id: try row["id"], name: try row["name"], description: try row["description"], vlanID: try row["vlan_id"],
                network: try row["network"], gateway: try row["gateway"],
                dnsServers: try row.decode([String].self, "dns_servers").compactMap { IPv4Address($0) },
                rdnsMode: try row["rdns_mode"], allowDNS: try row["allow_dns"], allowProxy: try row["allow_proxy"],
                activeDiscovery: try row["active_discovery"], managed: try row["managed"]
            )
        }
    }

    /// All subnets, or those of one VLAN, in order of their networks.
    public func subnets(vlanID: Int? = nil) async throws -> [Subnet] {
        guard let vlanID else { return try await self.subnets(where: " ORDER BY network") }
        return try await self.subnets(where: " AND vlan_id = \(vlanID) ORDER BY network")
    }

    /// The subnet with this id.
    public func subnet(id: Int) async throws -> Subnet? {
        try await self.subnets(where: " AND id = \(id)").first
    }

    /// The subnet with exactly this network.
    public func subnet(network: IPv4Network) async throws -> Subnet? {
        try await self.subnets(where: " AND network = \(network)::cidr").first
    }

    /// The first subnet of this name: names of subnets need not be unique.
    public func subnet(named name: String) async throws -> Subnet? {
        try await self.subnets(where: " AND name = \(name) ORDER BY id LIMIT 1").first
    }

    /// The subnet that the address is in: as subnets do not overlap, there is at most one.
    public func subnet(containing address: IPv4Address) async throws -> Subnet? {
        try await self.subnets(where: " AND network >>= \(address)::inet").first
    }

    /// Adds a subnet. Without a name it has that of its network.
    ///
    /// - Throws: ``StoreError`` for the field `cidr` when it overlaps another subnet, `gateway_ip` when the gateway is outside.
    @discardableResult public func insert(_ subnet: Subnet) async throws -> Subnet {
        var subnet = subnet
        if subnet.name.isEmpty { subnet.name = subnet.network.description }
        try await self.checkOverlap(of: subnet)
        subnet.id = try await self.onlyRow(
            """
            INSERT INTO subnet (name, description, vlan_id, network, gateway, dns_servers, rdns_mode, allow_dns, allow_proxy, \
            active_discovery, managed) VALUES (\(subnet.name), \(subnet.description), \(subnet.vlanID), \(subnet.network), \
            \(subnet.gateway), \(subnet.dnsServers.map(\.description))::inet[], \(subnet.rdnsMode), \(subnet.allowDNS), \
            \(subnet.allowProxy), \(subnet.activeDiscovery), \(subnet.managed)) RETURNING id
            """
        )["id"]
        return subnet
    }

    /// - Throws: as when inserting, and for the field `cidr` when ranges or addresses of interfaces would be outside.
    public func update(_ subnet: Subnet) async throws {
        try await self.lock("subnet", id: subnet.id, "subnet \(subnet.id)")
        try await self.checkOverlap(of: subnet)
        let outside = try await self.row(
            """
            SELECT host(start_ip) AS address FROM ip_range WHERE subnet_id = \(subnet.id) \
            AND NOT (start_ip <<= \(subnet.network)::cidr AND end_ip <<= \(subnet.network)::cidr) \
            UNION ALL SELECT host(address) FROM interface_link WHERE subnet_id = \(subnet.id) \
            AND NOT address <<= \(subnet.network)::cidr LIMIT 1
            """
        )
        if let outside {
            let address: String = try outside["address"]
            throw StoreError.invalid(field: "cidr", message: "The address \(address) is in use and would be outside of the subnet.")
        }
        try await self.execute(
            """
            UPDATE subnet SET name = \(subnet.name), description = \(subnet.description), vlan_id = \(subnet.vlanID), \
            network = \(subnet.network), gateway = \(subnet.gateway), dns_servers = \(subnet.dnsServers.map(\.description))::inet[], \
            rdns_mode = \(subnet.rdnsMode), allow_dns = \(subnet.allowDNS), allow_proxy = \(subnet.allowProxy), \
            active_discovery = \(subnet.activeDiscovery), managed = \(subnet.managed) WHERE id = \(subnet.id)
            """
        )
    }

    /// Deletes a subnet with its ranges; interfaces that were to get an address there are without it.
    ///
    /// - Throws: ``StoreError`` refused while an interface has an address there, and while DHCP serves a range of it.
    public func deleteSubnet(_ id: Int) async throws {
        try await self.lock("subnet", id: id, "subnet \(id)")
        let uses = try await self.onlyRow(
            """
            SELECT (SELECT count(*) FROM interface_link WHERE subnet_id = \(id) AND address IS NOT NULL) AS addresses, \
            (SELECT count(*) FROM ip_range JOIN subnet ON subnet.id = subnet_id JOIN vlan ON vlan.id = vlan_id \
            WHERE subnet_id = \(id) AND kind = 'dynamic' AND dhcp_on) AS ranges
            """
        )
        let (addresses, ranges): (Int, Int) = (try uses["addresses"], try uses["ranges"])
        guard addresses == 0 else {
            throw StoreError.refused("The subnet can't be deleted: \(addresses) addresses of it belong to machines.")
        }
        guard ranges == 0 else { throw StoreError.refused("The subnet can't be deleted: DHCP serves a range of it.") }
        try await self.raiseVersions(
            """
            id IN (SELECT machine_id FROM machine_interface JOIN interface_link ON interface_id = machine_interface.id \
            WHERE subnet_id = \(id))
            """
        )
        try await self.execute("DELETE FROM subnet WHERE id = \(id)")
    }

    /// Finds out which subnet is overlapped, which the violated constraint would not tell.
    private func checkOverlap(of subnet: Subnet) async throws {
        let other = try await self.row(
            "SELECT network FROM subnet WHERE network && \(subnet.network)::cidr AND id <> \(subnet.id) ORDER BY network LIMIT 1"
        )
        guard let other else { return }
        let network: String = try other["network"]
        guard network != subnet.network.description else {
            throw StoreError.conflict(field: "cidr", message: "The subnet \(network) exists already.")
        }
        throw StoreError.conflict(field: "cidr", message: "The network \(subnet.network) overlaps the subnet \(network).")
    }
}
