// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON
import Postgres

extension StoreTransaction {
    /// The layouts that were chosen for machines' disks, by machine. A machine that has none takes the setting's.
    public func storageLayouts(of machines: [SystemID]) async throws -> [SystemID: JSONValue] {
        var layouts: [SystemID: JSONValue] = [:]
        for row in try await self.rows("SELECT machine_id, layout FROM storage_layout WHERE machine_id = ANY(\(machines.map(\.description)))") {
            layouts[try row["machine_id"]] = try readJSON(try row["layout"], column: "layout")
        }
        return layouts
    }

    /// Chooses the layout of a machine's disks; nil leaves it to the setting.
    public func setStorageLayout(_ layout: JSONValue?, of machine: SystemID) async throws {
        guard let layout else {
            try await self.execute("DELETE FROM storage_layout WHERE machine_id = \(machine)")
            return
        }
        try await self.execute(
            """
            INSERT INTO storage_layout (machine_id, layout) VALUES (\(machine), \(PostgresJSON(layout.text))) \
            ON CONFLICT (machine_id) DO UPDATE SET layout = excluded.layout
            """
        )
    }
}
