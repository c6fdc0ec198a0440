// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterMessages
import Domain
import Lifecycle
import Logging
import PostgresStorage
import TestSupport
import Testing

@testable import Region

@Suite struct MachineReconcilerTests {
    private func withReconciler(_ body: (TestRack, SystemID) async throws -> Void) async throws {
        let rack = try await TestRack(try #require(SystemID("rack34")))
        try await rack.hello()
        let id = try #require(SystemID("abc346"))
        var machine = Machine(id: id, hostname: "web", architecture: "amd64/generic", powerType: .ipmi, created: WallClock.now)
        machine.interfaces = [NetworkInterface(id: 0, name: "ens3", macAddress: try #require(MACAddress("52:54:00:00:00:01")))]
        let created = machine
        _ = try await rack.store.transaction { transaction in
            try await transaction.insert(
                created, power: PowerConfiguration(type: .ipmi, parameters: ["power_address": "10.0.0.9", "power_pass": "secret"]))
        }
        let reconciler = MachineReconciler(
            store: rack.store, power: PowerGateway(store: rack.store, racks: rack.racks), rules: LifecycleRules(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let work = Task { await reconciler.run() }
        do {
            try await body(rack, id)
        } catch {
            work.cancel()
            await rack.close()
            throw error
        }
        work.cancel()
        await rack.close()
    }

    private func request(_ request: MachineRequest, _ rack: TestRack, _ id: SystemID) async throws {
        try await rack.store.transaction { transaction in
            guard var machine = try await transaction.lockMachine(id) else { return }
            let events = try LifecycleRules().apply(request, to: &machine, by: "ann", now: WallClock.now)
            try await transaction.update(machine)
            try await transaction.append(events)
        }
    }

    private func machine(_ rack: TestRack, _ id: SystemID) async throws -> Machine {
        try #require(try await rack.store.read { try await $0.machine(id) })
    }

    @Test func `a request is carried out by the rack: the BMC is told to boot from the network, with the machine's own parameters`() async throws {
        try await self.withReconciler { rack, id in
            try await self.request(.commission(options: [:]), rack, id)
            try await eventually("the machine boots") { try await self.machine(rack, id).operation?.phase == .booting }
            let command = try #require(rack.commands.first)
            #expect(command.action == .cycle)
            #expect(command.bootDevice == .network)
            #expect(command.parameters["power_pass"] == "secret")
            #expect(rack.commands.count == 1)
            #expect(try await self.machine(rack, id).powerState == .on)
        }
    }

    @Test func `a BMC that refuses the password ends the operation with its words`() async throws {
        try await self.withReconciler { rack, id in
            rack.answer(with: [PowerReport(outcome: "wrongPassword", state: nil, message: "the BMC refuses the password")])
            try await self.request(.commission(options: [:]), rack, id)
            try await eventually("commissioning fails") { try await self.machine(rack, id).status == .failedCommissioning }
            #expect(try await self.machine(rack, id).errorDescription.contains("refuses the password"))
            #expect(rack.commands.count == 1)
        }
    }

    @Test func `a busy BMC is told again`() async throws {
        try await self.withReconciler { rack, id in
            rack.answer(with: [PowerReport(outcome: "busy", state: nil, message: "busy")])
            try await self.request(.commission(options: [:]), rack, id)
            try await eventually("the machine boots") { try await self.machine(rack, id).operation?.phase == .booting }
            #expect(rack.commands.count == 2)
            #expect(Set(rack.commands.map(\.operationID)).count == 2)
        }
    }

    @Test func `two reconcilers at once tell the BMC once`() async throws {
        try await self.withReconciler { rack, id in
            let second = MachineReconciler(
                store: rack.store, power: PowerGateway(store: rack.store, racks: rack.racks), rules: LifecycleRules(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let work = Task { await second.run() }
            defer { work.cancel() }
            try await self.request(.power(.on), rack, id)
            try await eventually("the operation is over") { try await self.machine(rack, id).operation == nil }
            #expect(rack.commands.count == 1)
        }
    }

    @Test func `what a rack saw becomes the machine's timeline, also from before the machine was known`() async throws {
        let rack = try await TestRack(try #require(SystemID("rack44")))
        let intake = ObservationIntake(store: rack.store, rules: LifecycleRules())
        let address = try #require(MACAddress("52:54:00:00:00:07"))
        let seen = RackObservation(
            source: .dhcp, macAddress: address, address: nil, type: "DHCP DISCOVER", description: "BIOS", occurred: WallClock.now)
        try await intake.take(RackObservations(observations: [seen], lost: 0))
        let id = try #require(SystemID("abc347"))
        var machine = Machine(id: id, hostname: "late", architecture: "amd64/generic", powerType: .manual, created: WallClock.now)
        machine.interfaces = [NetworkInterface(id: 0, name: "ens3", macAddress: address)]
        let created = machine
        _ = try await rack.store.transaction { try await $0.insert(created, power: PowerConfiguration(type: .manual, parameters: [:])) }
        var boot = seen
        boot.firmware = .uefi
        boot.purpose = .commissioning
        try await intake.take(RackObservations(observations: [boot], lost: 0))
        var query = EventQuery()
        query.machineIDs = [id]
        let events = try await rack.store.read { try await $0.events(query) }
        #expect(events.count == 2)
        let known = try #require(try await rack.store.read { try await $0.machine(id) })
        #expect(known.firmware == .uefi)
        #expect(known.bootInterfaceID == known.interfaces.first?.id)
        await rack.close()
    }

    @Test func `a rack's networks become subnets once, and a hello in another rack's name is refused`() async throws {
        let rack = try await TestRack(try #require(SystemID("rack64")))
        let network = try #require(IPv4Network("10.77.0.0/24"))
        let interface = ControllerInterface(name: "eth0", macAddress: nil, addresses: [try #require(IPv4Address("10.77.0.1"))], networks: [network])
        try await rack.hello(interfaces: [interface])
        try await rack.hello(interfaces: [interface])
        let subnets = try await rack.store.read { try await $0.subnets() }
        #expect(subnets.map(\.network) == [network])
        #expect(rack.racks.all.map(\.hello.rack) == [rack.rack])
        await rack.close()
    }
}
