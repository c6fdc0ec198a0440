// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain

/// The addresses that operators have given to interfaces of machines.
struct StaticAddresses: Sendable {
    private let machines: [Machine]
    private let subnets: [Subnet]

    init(machines: [Machine], subnets: [Subnet]) {
        self.machines = machines
        self.subnets = subnets
    }

    /// Those in the subnets of a VLAN, in the order of machines and interfaces. What DHCP may hand out of them, the lease authority says.
    func reservations(vlanID: Int) -> [AddressReservation] {
        let networks = self.subnets.filter { $0.vlanID == vlanID }.map(\.network)
        return self.machines.flatMap { machine in
            machine.interfaces.flatMap { interface in
                interface.links.filter { $0.mode == .static }.compactMap(\.address).filter { address in networks.contains { $0.contains(address) } }
                    .map { AddressReservation(macAddress: interface.macAddress, address: $0, hostname: machine.hostname) }
            }
        }
    }
}
