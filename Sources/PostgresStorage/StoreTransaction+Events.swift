// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import JSON
import Postgres

extension StoreTransaction {
    /// A description is cut off here: it is for people.
    private static let maximumDescription = 4096
    private static let maximumName = 255

    /// Records events in the order given. Their ids and the time of recording are given by the store. Too long texts are cut off.
    public func append(_ events: [Event]) async throws {
        guard !events.isEmpty else { return }
        var records = Records()
        for (place, event) in events.enumerated() {
            records.append([
                "place": .int(place), "machine_id": .optional(event.machineID?.description),
                "mac_address": .optional(event.macAddress?.description),
                "hostname": .string(storable(event.hostname, atMost: Self.maximumName)), "level": .int(event.level.rawValue),
                "source": .string(event.source.rawValue), "type": .string(storable(event.type, atMost: Self.maximumName)),
                "description": .string(storable(event.description, atMost: Self.maximumDescription)),
                "user_name": .string(storable(event.user, atMost: Self.maximumName)), "occurred": .moment(event.occurred),
            ])
        }
        try await self.execute(
            """
            INSERT INTO event (machine_id, mac_address, hostname, level, source, type, description, user_name, occurred) \
            SELECT machine_id, mac_address::macaddr, hostname, level, source, type, description, user_name, \(PostgresQuery.moment("occurred")) \
            FROM jsonb_to_recordset(\(records.json)) AS new (place integer, machine_id text, mac_address text, hostname text, level smallint, \
            source text, type text, description text, user_name text, occurred bigint) ORDER BY place
            """
        )
    }

    /// The events asked for, newest first. With `after` and without `before` it is the oldest ones after that id: the next page for who
    /// reads forward.
    public func events(_ query: EventQuery = EventQuery()) async throws -> [Event] {
        var conditions = query.conditions
        if let before = query.before { conditions.append("id < \(before)") }
        if let after = query.after { conditions.append("id > \(after)") }
        let isForward = query.after != nil && query.before == nil
        let limit = min(max(query.limit, 1), EventQuery.maximumLimit)
        let order: PostgresQuery = isForward ? "ORDER BY id" : "ORDER BY id DESC"
        let events = try await self.rows(
            """
            SELECT id, machine_id, mac_address::text AS mac_address, hostname, level, source, type, description, user_name, occurred, created FROM event\
            \(PostgresQuery.conditions(conditions)) \(order) LIMIT \(limit)
            """
        ).map { try Event(row: $0) }
        return isForward ? events.reversed() : events
    }

    /// Gives a new machine what was seen of its interfaces in the last hour, before anybody knew whose they are: the boot that it enlisted in.
    func adoptEvents(of machine: Machine) async throws {
        let addresses = machine.interfaces.map(\.macAddress.description)
        try await self.execute(
            """
            UPDATE event SET machine_id = \(machine.id), hostname = \(machine.hostname) WHERE machine_id IS NULL \
            AND mac_address = ANY(\(addresses)::macaddr[]) AND created > clock_timestamp() - interval '1 hour'
            """
        )
    }

    /// How many events match, whatever `before`, `after` and `limit` say.
    public func eventCount(_ query: EventQuery = EventQuery()) async throws -> Int {
        try await self.onlyRow("SELECT count(*) AS count FROM event\(PostgresQuery.conditions(query.conditions))")["count"]
    }

    /// Deletes the oldest of the events that were recorded before a moment.
    ///
    /// - Returns: how many were deleted; less than `limit` when none are left.
    public func pruneEvents(before moment: Timestamp, limit: Int = 10_000) async throws -> Int {
        try await self.execute(
            "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE created < \(moment) ORDER BY id LIMIT \(max(0, limit)))"
        )
    }
}

extension Event {
    fileprivate init(row: PostgresRow) throws {
        self.init(
            machineID: try row["machine_id"], hostname: try row["hostname"], level: try row["level"], source: try row["source"],
            type: try row["type"], description: try row["description"], user: try row["user_name"], occurred: try row["occurred"]
        )
        self.id = try row["id"]
        self.created = try row["created"]
        let address: String? = try row["mac_address"]
        self.macAddress = address.flatMap { MACAddress($0) }
    }
}
