// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    private func ipRanges(where condition: PostgresQuery) async throws -> [IPRange] {
        let rows = try await self.rows(
            """
            SELECT ip_range.id, kind, host(start_ip) AS start_ip, host(end_ip) AS end_ip, subnet_id, comment, username \
            FROM ip_range LEFT JOIN app_user ON app_user.id = user_id\(condition)
            """
        )
        return try rows.map {
            IPRange(
                id: try $0["id"], kind: try $0["kind"], start: try $0["start_ip"], end: try $0["end_ip"],
                subnetID: try $0["subnet_id"], comment: try $0["comment"], user: try $0["username"]
            )
        }
    }

    /// All ranges, or those of one subnet, in order of their addresses.
    public func ipRanges(subnetID: Int? = nil) async throws -> [IPRange] {
        guard let subnetID else { return try await self.ipRanges(where: " ORDER BY ip_range.start_ip") }
        return try await self.ipRanges(where: " WHERE subnet_id = \(subnetID) ORDER BY ip_range.start_ip")
    }

    /// The range with this id.
    public func ipRange(id: Int) async throws -> IPRange? {
        try await self.ipRanges(where: " WHERE ip_range.id = \(id)").first
    }

    /// - Throws: ``StoreError`` for the fields `subnet`, `start_ip`, `end_ip`, and for `__all__` when it overlaps another range, or
    ///   (a dynamic range) the address of a machine's interface.
    @discardableResult public func insert(_ range: IPRange) async throws -> IPRange {
        try await self.check(range)
        let userID = try await self.userID(range.user)
        var range = range
        range.id = try await self.onlyRow(
            """
            INSERT INTO ip_range (subnet_id, kind, start_ip, end_ip, comment, user_id) VALUES (\(range.subnetID), \(range.kind), \
            \(range.start), \(range.end), \(range.comment), \(userID)) RETURNING id
            """
        )["id"]
        return range
    }

    /// - Throws: as when inserting.
    public func update(_ range: IPRange) async throws {
        try await self.lock("ip_range", id: range.id, "IP range \(range.id)")
        try await self.check(range)
        let userID = try await self.userID(range.user)
        try await self.execute(
            """
            UPDATE ip_range SET subnet_id = \(range.subnetID), kind = \(range.kind), start_ip = \(range.start), end_ip = \(range.end), \
            comment = \(range.comment), user_id = \(userID) WHERE id = \(range.id)
            """
        )
    }

    /// Deletes a range; its addresses are free for any use then.
    public func deleteIPRange(_ id: Int) async throws {
        try await self.executeOne("IP range \(id)", "DELETE FROM ip_range WHERE id = \(id)")
    }

    private func check(_ range: IPRange) async throws {
        guard range.start <= range.end else {
            throw StoreError.invalid(field: "end_ip", message: "The range ends at \(range.end), before it starts at \(range.start).")
        }
        // The lock keeps the network from changing meanwhile.
        guard let row = try await self.row("SELECT network FROM subnet WHERE id = \(range.subnetID) FOR SHARE") else {
            throw StoreError.invalid(field: "subnet", message: "There is no subnet \(range.subnetID).")
        }
        let network: IPv4Network = try row["network"]
        for (field, address) in [("start_ip", range.start), ("end_ip", range.end)] where !network.contains(address) {
            throw StoreError.invalid(field: field, message: "The address \(address) is not in the subnet \(network).")
        }
        let other = try await self.row(
            """
            SELECT host(start_ip) AS start_ip, host(end_ip) AS end_ip FROM ip_range \
            WHERE start_ip <= \(range.end) AND end_ip >= \(range.start) AND id <> \(range.id) ORDER BY ip_range.start_ip LIMIT 1
            """
        )
        if let other {
            let (start, end): (String, String) = (try other["start_ip"], try other["end_ip"])
            throw StoreError.conflict(field: "__all__", message: "The range overlaps the range from \(start) to \(end).")
        }
        guard range.kind == .dynamic else { return }
        let taken = try await self.row(
            "SELECT host(address) AS address FROM interface_link WHERE address BETWEEN \(range.start) AND \(range.end) LIMIT 1"
        )
        if let taken {
            let address: String = try taken["address"]
            throw StoreError.conflict(field: "__all__", message: "The range contains \(address), which belongs to a machine.")
        }
    }
}
