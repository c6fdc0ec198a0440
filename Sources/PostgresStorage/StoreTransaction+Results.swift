// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

extension StoreTransaction {
    /// How many sets of one kind a machine keeps.
    static let keptResultSets = 10

    /// Makes a set with a pending result for each script. Keeps the newest ten sets of the kind, and those that the machine refers to.
    ///
    /// - Throws: ``StoreError`` `notFound` for an unknown machine, `conflict` when a script is named twice.
    public func createResultSet(machine: SystemID, kind: ScriptResultSet.Kind, scripts: [String]) async throws -> ScriptResultSet {
        let row = try await self.onlyRow(
            """
            INSERT INTO script_result_set (machine_id, kind, created) VALUES (\(machine), \(kind), clock_timestamp()) \
            RETURNING id, created
            """
        )
        let id: Int = try row["id"]
        let ids = try await self.newIDs(scripts.count, of: "script_result")
        let names = scripts.map { storable($0) }
        try await self.execute(
            """
            INSERT INTO script_result (id, result_set_id, name, status) \
            SELECT new.id, \(id), new.name, \(ScriptStatus.pending) FROM unnest(\(ids), \(names)) AS new (id, name)
            """
        )
        try await self.execute(
            """
            DELETE FROM script_result_set WHERE machine_id = \(machine) AND kind = \(kind) AND id NOT IN (\
            SELECT id FROM script_result_set WHERE machine_id = \(machine) AND kind = \(kind) ORDER BY id DESC \
            LIMIT \(Self.keptResultSets)) AND id NOT IN (SELECT unnest(ARRAY[coalesce(commissioning_result_id, 0), \
            coalesce(testing_result_id, 0), coalesce(installation_result_id, 0)]) FROM machine WHERE id = \(machine))
            """
        )
        let results = zip(ids, names).map { ScriptResult(id: $0, name: $1, status: .pending) }
        return ScriptResultSet(id: id, machineID: machine, kind: kind, results: results, created: try row["created"])
    }

    /// - Parameter withOutput: without it, `output`, `stdout`, `stderr` and `result` stay empty.
    public func resultSet(_ id: Int, withOutput: Bool = true) async throws -> ScriptResultSet? {
        try await self.resultSets(where: " WHERE id = \(id)", withOutput: withOutput).first
    }

    /// The sets of a machine, newest first.
    public func resultSets(
        of machine: SystemID, kind: ScriptResultSet.Kind? = nil, withOutput: Bool = true
    ) async throws -> [ScriptResultSet] {
        var conditions: [PostgresQuery] = ["machine_id = \(machine)"]
        if let kind { conditions.append("kind = \(kind)") }
        return try await self.resultSets(where: "\(PostgresQuery.conditions(conditions)) ORDER BY id DESC", withOutput: withOutput)
    }

    /// The results, without output, in the sets that these machines refer to, by set.
    public func resultSummaries(of machines: [SystemID]) async throws -> [Int: [ScriptResult]] {
        let rows = try await self.rows(
            """
            SELECT \(ScriptResult.columns(withOutput: false)) FROM script_result WHERE result_set_id IN (\
            SELECT unnest(ARRAY[commissioning_result_id, testing_result_id, installation_result_id]) FROM machine \
            WHERE id = ANY(\(machines.map(\.description)))) ORDER BY id
            """
        )
        var results: [Int: [ScriptResult]] = [:]
        for row in rows { results[try row["result_set_id"], default: []].append(try ScriptResult(row: row)) }
        return results
    }

    /// One result, with its set and the machine that it belongs to.
    public func result(_ id: Int) async throws -> (machineID: SystemID, resultSetID: Int, result: ScriptResult)? {
        let row = try await self.row(
            """
            SELECT \(ScriptResult.columns(withOutput: true)), \
            (SELECT machine_id FROM script_result_set WHERE script_result_set.id = result_set_id) AS machine_id \
            FROM script_result WHERE id = \(id)
            """
        )
        return try row.map { (try $0["machine_id"], try $0["result_set_id"], try ScriptResult(row: $0)) }
    }

    /// Writes all of a result but its name.
    public func updateResult(_ result: ScriptResult) async throws {
        try await self.executeOne(
            "result \(result.id)",
            """
            UPDATE script_result SET status = \(result.status), exit_status = \(result.exitStatus), output = \(result.output), \
            stdout = \(result.stdout), stderr = \(result.stderr), result = \(result.result), started = \(result.started), \
            ended = \(result.ended) WHERE id = \(result.id)
            """
        )
    }

    /// Notes that the machine said that it still works on the set.
    public func touchResultSet(_ id: Int, now: Timestamp) async throws {
        try await self.executeOne("set of results \(id)", "UPDATE script_result_set SET last_ping = \(now) WHERE id = \(id)")
    }

    /// Deletes a set with its results; a machine that refers to it refers to none then.
    public func deleteResultSet(_ id: Int) async throws {
        try await self.executeOne("set of results \(id)", "DELETE FROM script_result_set WHERE id = \(id)")
    }

    private func resultSets(where condition: PostgresQuery, withOutput: Bool) async throws -> [ScriptResultSet] {
        var sets = try await self.rows("SELECT id, machine_id, kind, last_ping, created FROM script_result_set\(condition)").map { row in
            var set = ScriptResultSet(
                id: try row["id"], machineID: try row["machine_id"], kind: try row["kind"], results: [], created: try row["created"]
            )
            set.lastPing = try row["last_ping"]
            return set
        }
        guard !sets.isEmpty else { return [] }
        let rows = try await self.rows(
            """
            SELECT \(ScriptResult.columns(withOutput: withOutput)) FROM script_result \
            WHERE result_set_id = ANY(\(sets.map(\.id))) ORDER BY id
            """
        )
        var results: [Int: [ScriptResult]] = [:]
        for row in rows { results[try row["result_set_id"], default: []].append(try ScriptResult(row: row)) }
        for index in sets.indices { sets[index].results = results[sets[index].id] ?? [] }
        return sets
    }
}

extension ScriptResult {
    fileprivate static func columns(withOutput: Bool) -> PostgresQuery {
        let output = ["output", "stdout", "stderr", "result"].map { withOutput ? $0 : "''::bytea AS \($0)" }.joined(separator: ", ")
        return "id, result_set_id, name, status, exit_status, started, ended, \(unescaped: output)"
    }

    fileprivate init(row: PostgresRow) throws {
        self.init(id: try row["id"], name: try row["name"], status: try row["status"])
        self.exitStatus = try row["exit_status"]
        self.output = try row["output"]
        self.stdout = try row["stdout"]
        self.stderr = try row["stderr"]
        self.result = try row["result"]
        self.started = try row["started"]
        self.ended = try row["ended"]
    }
}
