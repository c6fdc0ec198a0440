// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
import Postgres

/// Which machines are asked for. What is nil asks for nothing; an empty list matches no machine.
public struct MachineFilter: Sendable, Hashable {
    /// Any of these.
    public var ids: [SystemID]?
    /// In any case.
    public var hostnames: [String]?
    /// Of physical interfaces.
    public var macAddresses: [MACAddress]?
    /// Names of zones.
    public var zones: [String]?
    /// Names of pools.
    public var pools: [String]?
    /// Any of these.
    public var statuses: [NodeStatus]?
    /// A machine has to have all of them.
    public var tags: [String]?
    /// What machines were allocated with.
    public var agentNames: [String]?
    /// User names.
    public var owners: [String]?
    /// Only machines with a greater id: for reading a list page by page.
    public var after: SystemID?
    /// At most so many.
    public var limit: Int?

    /// Every machine.
    public init() {}

    /// SQL for each of what is asked, over `machine`, `zone`, `resource_pool` and `app_user`.
    var conditions: [PostgresQuery] {
        var conditions: [PostgresQuery] = []
        if let ids = self.ids { conditions.append("machine.id = ANY(\(ids.map(\.description)))") }
        if let names = self.hostnames { conditions.append("lower(machine.hostname) = ANY(\(names.map { $0.lowercased() }))") }
        if let addresses = self.macAddresses {
            conditions.append(
                """
                machine.id IN (SELECT machine_id FROM machine_interface \
                WHERE kind = 'physical' AND mac_address = ANY(\(addresses.map(\.description))::macaddr[]))
                """
            )
        }
        if let zones = self.zones { conditions.append("zone.name = ANY(\(zones))") }
        if let pools = self.pools { conditions.append("resource_pool.name = ANY(\(pools))") }
        if let statuses = self.statuses { conditions.append("machine.status = ANY(\(statuses.map(\.rawValue)))") }
        if let tags = self.tags {
            let names = Set(tags).sorted()
            conditions.append(
                """
                \(!names.isEmpty) AND \(names.count) = (SELECT count(*) FROM machine_tag JOIN tag ON tag.id = tag_id \
                WHERE machine_id = machine.id AND tag.name = ANY(\(names)))
                """
            )
        }
        if let names = self.agentNames { conditions.append("machine.agent_name = ANY(\(names))") }
        if let owners = self.owners { conditions.append("app_user.username = ANY(\(owners))") }
        if let id = self.after { conditions.append("machine.id > \(id)") }
        return conditions
    }
}
