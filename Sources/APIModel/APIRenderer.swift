// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Installation
internal import JSON

/// Renders values as MAAS's JSON objects. It holds what the objects refer to, loaded once for a whole list.
public struct APIRenderer: Sendable {
    /// The one DNS domain there is.
    public static let domain = "maas"

    let zones: [String: JSONValue]
    let pools: [String: JSONValue]
    let vlans: [Int: VLAN]
    let fabrics: [Int: Fabric]
    let subnets: [Int: Subnet]
    let vlanObjects: [Int: JSONValue]
    let subnetObjects: [Int: JSONValue]
    let leases: [MACAddress: [Lease]]
    let results: [Int: [ScriptResult]]
    let layouts: [SystemID: StorageLayout]
    let defaultLayout: StorageLayout

    /// - Parameters:
    ///   - leases: of the machines to be rendered; they show as discovered addresses.
    ///   - results: by result set, without output; for the `…_status` fields.
    ///   - layouts: those that were chosen; other machines have `defaultLayout`.
    public init(
        zones: [Zone] = [], pools: [ResourcePool] = [], fabrics: [Fabric] = [], vlans: [VLAN] = [], subnets: [Subnet] = [],
        leases: [Lease] = [], results: [Int: [ScriptResult]] = [:], layouts: [SystemID: StorageLayout] = [:],
        defaultLayout: StorageLayout = StorageLayout()
    ) {
        self.zones = Dictionary(zones.map { ($0.name, Self.zone($0)) }) { first, _ in first }
        self.pools = Dictionary(pools.map { ($0.name, Self.pool($0)) }) { first, _ in first }
        let fabricsByID = Dictionary(fabrics.map { ($0.id, $0) }) { first, _ in first }
        let vlansByID = Dictionary(vlans.map { ($0.id, $0) }) { first, _ in first }
        self.fabrics = fabricsByID
        self.vlans = vlansByID
        self.subnets = Dictionary(subnets.map { ($0.id, $0) }) { first, _ in first }
        let vlanObjects = vlansByID.mapValues { vlan in
            let relay = vlan.relayVLANID.flatMap { vlansByID[$0] }.map { Self.vlan($0, fabrics: fabricsByID, relay: .null) }
            return Self.vlan(vlan, fabrics: fabricsByID, relay: relay ?? .null)
        }
        self.vlanObjects = vlanObjects
        self.subnetObjects = Dictionary(
            subnets.map { ($0.id, Self.subnet($0, vlan: vlanObjects[$0.vlanID] ?? .null, space: vlansByID[$0.vlanID]?.space)) }
        ) { first, _ in first }
        self.leases = Dictionary(grouping: leases, by: \.macAddress)
        self.results = results
        self.layouts = layouts
        self.defaultLayout = defaultLayout
    }
}
