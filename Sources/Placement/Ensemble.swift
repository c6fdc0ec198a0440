// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The racks that may answer a segment, in the order in which they do.
public enum Ensemble {
    /// The most racks that share a segment: more say the same thing more often.
    public static let maximumRacks = 5

    /// The operator's primary and secondary rack first, then the others that reach one of the segment's networks, by a hash that spreads
    /// segments evenly. A VLAN without a secondary rack is served by its primary rack alone, as MAAS has it.
    ///
    /// - Parameter score: a rack's rendezvous score on this segment.
    public static func racks(of vlan: VLAN, subnets: [Subnet], controllers: [Controller], score: (SystemID) -> UInt64) -> [SystemID] {
        guard let primary = vlan.primaryRack else { return [] }
        guard let secondary = vlan.secondaryRack else { return [primary] }
        let networks = subnets.filter { $0.vlanID == vlan.id }.map(\.network)
        let reaching = controllers.filter { controller in
            controller.kind == .rack && controller.id != primary && controller.id != secondary
                && controller.interfaces.contains { $0.addresses.contains { address in networks.contains { $0.contains(address) } } }
        }
        let others = reaching.map(\.id).sorted { (score($0), $0) > (score($1), $1) }
        return [primary, secondary] + others.prefix(Self.maximumRacks - 2)
    }
}
