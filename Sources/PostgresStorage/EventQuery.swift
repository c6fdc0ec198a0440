// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

/// Which events are asked for. What is nil asks for nothing; an empty list matches no event.
public struct EventQuery: Sendable, Hashable {
    /// The most that one answer holds.
    public static let maximumLimit = 1000

    /// Any of these.
    public var ids: [Int]?
    /// Also of machines that are gone.
    public var machineIDs: [SystemID]?
    /// The names that machines had at that time or have now, in any case.
    public var hostnames: [String]?
    /// Of physical interfaces of machines.
    public var macAddresses: [MACAddress]?
    /// Names of the zones that the machines are in now.
    public var zones: [String]?
    /// Of what the machines were allocated with.
    public var agentNames: [String]?
    /// This level and those above.
    public var minimumLevel: EventLevel?
    /// Names of the users who did it.
    public var owners: [String]?
    /// Where events were seen.
    public var sources: [Event.Source]?
    /// Only events with a smaller id.
    public var before: Int?
    /// Only events with a greater id.
    public var after: Int?
    /// At most so many, 1 to 1000; other values become the nearer of the two.
    public var limit: Int = 100

    /// The newest hundred events.
    public init() {}

    /// SQL for each of what is asked but `before`, `after` and `limit`, over `event`.
    var conditions: [PostgresQuery] {
        var conditions: [PostgresQuery] = []
        if let ids = self.ids { conditions.append("id = ANY(\(ids))") }
        if let machines = self.machineIDs { conditions.append("machine_id = ANY(\(machines.map(\.description)))") }
        if let names = self.hostnames?.map({ $0.lowercased() }) {
            conditions.append(
                """
                (lower(hostname) = ANY(\(names)) \
                OR machine_id = ANY(ARRAY(SELECT machine.id FROM machine WHERE lower(machine.hostname) = ANY(\(names)))))
                """
            )
        }
        if let addresses = self.macAddresses?.map(\.description) {
            conditions.append(
                """
                machine_id = ANY(ARRAY(SELECT machine_interface.machine_id FROM machine_interface \
                WHERE kind = 'physical' AND mac_address = ANY(\(addresses)::macaddr[])))
                """
            )
        }
        if let zones = self.zones {
            conditions.append(
                """
                machine_id = ANY(ARRAY(SELECT machine.id FROM machine JOIN zone ON zone.id = zone_id WHERE zone.name = ANY(\(zones))))
                """
            )
        }
        if let names = self.agentNames {
            conditions.append("machine_id = ANY(ARRAY(SELECT machine.id FROM machine WHERE agent_name = ANY(\(names))))")
        }
        if let level = self.minimumLevel { conditions.append("level >= \(level)") }
        if let owners = self.owners { conditions.append("user_name <> '' AND user_name = ANY(\(owners))") }
        if let sources = self.sources { conditions.append("source = ANY(\(sources.map(\.rawValue)))") }
        return conditions
    }
}
