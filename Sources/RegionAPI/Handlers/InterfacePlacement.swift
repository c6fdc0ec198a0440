// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import PostgresStorage

/// Puts interfaces on the networks that they were seen on.
enum InterfacePlacement {
    /// Gives interfaces without a VLAN the one whose DHCP they were seen on, with a link that gets its address the same way.
    static func place(_ machine: inout Machine, in transaction: StoreTransaction) async throws {
        let missing = machine.interfaces.filter { $0.vlanID == nil }.map(\.macAddress)
        guard !missing.isEmpty else { return }
        let leases = try await transaction.leases(of: missing).sorted { $0.updated > $1.updated }
        for index in machine.interfaces.indices where machine.interfaces[index].vlanID == nil {
            guard let lease = leases.first(where: { $0.macAddress == machine.interfaces[index].macAddress }) else { continue }
            machine.interfaces[index].vlanID = lease.vlanID
            guard machine.interfaces[index].links.isEmpty else { continue }
            let subnet = try await transaction.subnets(vlanID: lease.vlanID).first { $0.network.contains(lease.address) }
            machine.interfaces[index].links = [InterfaceLink(id: 0, mode: .dhcp, subnetID: subnet?.id, address: nil)]
        }
    }
}
