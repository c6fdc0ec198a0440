// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain
internal import Lifecycle
internal import PostgresStorage

/// Turns what racks saw of machines' boots into the machines' timelines.
struct ObservationIntake: Sendable {
    var store: Store
    var rules: LifecycleRules

    func take(_ report: RackObservations) async throws {
        let addresses = Set(report.observations.filter { $0.macAddress == nil }.compactMap(\.address))
        try await self.store.transaction { transaction in
            var holders: [IPv4Address: MACAddress] = [:]
            for address in addresses.sorted() { holders[address] = try await transaction.lease(address: address)?.macAddress }
            let observations = report.observations.map { observation in
                var observation = observation
                observation.macAddress = observation.macAddress ?? observation.address.flatMap { holders[$0] }
                return observation
            }
            var filter = MachineFilter()
            filter.macAddresses = Set(observations.compactMap(\.macAddress)).sorted()
            var machines: [MACAddress: Machine] = [:]
            for machine in try await transaction.machines(matching: filter) {
                for interface in machine.interfaces { machines[interface.macAddress] = machine }
            }
            try await transaction.append(observations.map { self.event($0, machines) })
            for observation in observations where observation.purpose != nil || observation.firmware != nil {
                guard let address = observation.macAddress, let id = machines[address]?.id else { continue }
                try await self.bootSeen(observation, of: id, at: address, transaction)
            }
        }
    }

    private static func level(of observation: RackObservation) -> EventLevel {
        if observation.type == RackObservation.foreignServerType { return .warning }
        return observation.source == .dhcp ? .debug : .info
    }

    private func event(_ observation: RackObservation, _ machines: [MACAddress: Machine]) -> Event {
        let machine = observation.macAddress.flatMap { machines[$0] }
        var event = Event(
            machineID: machine?.id, hostname: machine?.hostname ?? "", level: Self.level(of: observation),
            source: observation.source, type: observation.type, description: observation.description, occurred: observation.occurred
        )
        event.macAddress = observation.macAddress
        return event
    }

    private func bootSeen(
        _ observation: RackObservation, of id: SystemID, at address: MACAddress, _ transaction: StoreTransaction
    ) async throws {
        guard var machine = try await transaction.lockMachine(id) else { return }
        let before = machine
        machine.bootInterfaceID = machine.interfaces.first { $0.macAddress == address }?.id ?? machine.bootInterfaceID
        machine.firmware = observation.firmware ?? machine.firmware
        var events: [Event] = []
        if let purpose = observation.purpose {
            events = self.rules.observe(.bootRequested(purpose: purpose), of: &machine, now: WallClock.now)
        }
        guard machine != before else { return }
        try await transaction.update(machine)
        try await transaction.append(events)
    }
}
