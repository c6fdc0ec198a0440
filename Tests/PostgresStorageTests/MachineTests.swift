// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import JSON
import Postgres
import Testing

@testable import PostgresStorage

struct MachineTests {
    @Test func `a machine comes back with every field as it was stored`() async throws {
        try await TestStore.with { test async throws in
            let inserted = try await test.store.transaction { store in
                try await Self.addSurroundings(store)
                return try await store.insert(.sample(1), power: .sample)
            }
            #expect(inserted.version == 1)
            let full = try await Self.filled(inserted, store: test.store)
            let updated = try await test.store.transaction { try await $0.update(full) }
            #expect(updated.version == 2)
            #expect(updated.updated > full.created)
            let read = try await test.store.read { try await $0.machine(inserted.id) }
            #expect(read == updated)
            var expected = full
            expected.version = updated.version
            expected.updated = updated.updated
            expected.interfaces = updated.interfaces
            expected.tags = ["a-tag", "virtual"]
            #expect(updated == expected)
            for (index, interface) in updated.interfaces.enumerated() {
                #expect(interface.id > 0)
                #expect(interface.links.map(\.mode) == full.interfaces[index].links.map(\.mode))
                #expect(interface.links.allSatisfy { $0.id > 0 })
            }
        }
    }

    private static func addSurroundings(_ store: StoreTransaction) async throws {
        try await store.insert(User.sample("alice"), passwordHash: nil)
        try await store.insert(Zone(id: 0, name: "east", description: ""))
        try await store.insert(ResourcePool(id: 0, name: "gold", description: ""))
        try await store.insert(Tag(name: "virtual", comment: "", definition: "", kernelOptions: ""))
        try await store.insert(Tag(name: "a-tag", comment: "", definition: "", kernelOptions: ""))
        try await store.insert(try Subnet.sample("10.1.0.0/16", vlan: 1))
    }

    private static func filled(_ inserted: Machine, store: Store) async throws -> Machine {
        var machine = inserted
        let sets = try await store.transaction { store in
            var ids: [Int] = []
            for kind in [ScriptResultSet.Kind.commissioning, .testing, .installation] {
                ids.append(try await store.createResultSet(machine: inserted.id, kind: kind, scripts: ["one"]).id)
            }
            return ids
        }
        machine.hostname = "Renamed"
        machine.description = "it's \"the\" machine \\ ünïcode 🚀"
        machine.status = .deploying
        machine.previousStatus = .allocated
        machine.statusMessage = "writing"
        machine.errorDescription = "none"
        machine.owner = "alice"
        machine.agentName = "juju"
        machine.ownerData = ["key": "value", "quoted": "\"\\\n\t\u{1}", "": "empty"]
        machine.architecture = "arm64/generic"
        machine.firmware = .uefi
        machine.zone = "east"
        machine.pool = "gold"
        machine.tags = ["virtual", "a-tag", "virtual"]
        machine.cpuCount = 64
        machine.cpuSpeed = 2400
        machine.memoryMiB = 1_048_576
        machine.swapSizeBytes = 0
        machine.hardware = HardwareInformation(values: ["system_vendor": "QEMU", "cpu_model": "x"], uuid: "a-b-c")
        machine.powerState = .on
        machine.powerStateUpdated = .sample(1)
        machine.osystem = "debian"
        machine.distroSeries = "bookworm"
        machine.minHWEKernel = "ga-22.04"
        machine.netboot = false
        machine.locked = true
        var operation = MachineOperation(
            generation: 7, kind: .deploy, phase: .running, powerAction: .cycle, bootDevice: .network, startedAt: .sample(2),
            deadline: .sample(3), options: ["comment": "a b"]
        )
        operation.attempts = 3
        operation.failure = "it failed"
        machine.operation = operation
        machine.generation = 7
        (machine.commissioningResultID, machine.testingResultID, machine.installationResultID) = (sets[0], sets[1], sets[2])
        machine.lastContact = .sample(4)
        machine.blockDevices[0].tags = ["ssd", "a,b", "{\"}"]
        machine.bootInterfaceID = machine.interfaces[0].id
        machine.bootDiskID = machine.blockDevices[0].id
        machine.interfaces[0] = try await Self.filled(machine.interfaces[0], store: store)
        var bridge = machine.interfaces[0]
        bridge.id = 0
        bridge.name = "br0"
        bridge.kind = .bridge
        bridge.links = []
        machine.interfaces.append(bridge)
        return machine
    }

    private static func filled(_ interface: NetworkInterface, store: Store) async throws -> NetworkInterface {
        let subnet = try await store.read { try await $0.subnets()[0] }
        var interface = interface
        interface.vlanID = 1
        interface.links = [
            InterfaceLink(id: 0, mode: .auto, subnetID: subnet.id, address: IPv4Address(10, 1, 0, 5)),
            InterfaceLink(id: 0, mode: .dhcp, subnetID: subnet.id, address: nil),
            InterfaceLink(id: 0, mode: .linkUp, subnetID: nil, address: nil),
        ]
        interface.tags = ["sriov"]
        interface.enabled = false
        interface.mtu = 9000
        interface.vendor = "Red Hat"
        interface.product = "Virtio"
        interface.firmwareVersion = "1.0"
        interface.linkConnected = false
        interface.linkSpeed = 1000
        interface.interfaceSpeed = 10_000
        return interface
    }

    @Test func `changing parts keeps the ids of those that stay`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<1)[0]
            let (interface, disk) = (machine.interfaces[0].id, machine.blockDevices[0].id)
            var changed = machine
            changed.interfaces[0].name = "ens3"
            changed.interfaces[0].links = [InterfaceLink(id: 0, mode: .linkUp, subnetID: nil, address: nil)]
            changed.interfaces.append(NetworkInterface(id: 0, name: "eth0", macAddress: .sample(1000)))
            changed.blockDevices.append(.sample("vdb"))
            changed = try await test.store.transaction { [changed] in try await $0.update(changed) }
            #expect(changed.interfaces.map(\.name) == ["ens3", "eth0"])
            #expect(changed.interfaces[0].id == interface)
            #expect(changed.blockDevices[0].id == disk)
            let link = changed.interfaces[0].links[0].id

            // Both swap their names and addresses, in one step.
            (changed.interfaces[0].name, changed.interfaces[1].name) = ("eth0", "ens3")
            (changed.interfaces[0].macAddress, changed.interfaces[1].macAddress) = (.sample(1000), .sample(0))
            changed.blockDevices.removeFirst()
            changed = try await test.store.transaction { [changed] in try await $0.update(changed) }
            #expect(changed.interfaces[0].macAddress == .sample(1000))
            #expect(changed.interfaces[0].links.map(\.id) == [link])
            #expect(changed.blockDevices.map(\.name) == ["vdb"])

            changed.interfaces.removeFirst()
            changed = try await test.store.transaction { [changed] in try await $0.update(changed) }
            #expect(changed == (try await test.store.read { try await $0.machine(machine.id) }))
        }
    }

    @Test func `a removed boot interface or disk is no longer the chosen one`() async throws {
        try await TestStore.with { test async throws in
            var machine = try await test.addMachines(0..<1)[0]
            machine.bootInterfaceID = machine.interfaces[0].id
            machine.bootDiskID = machine.blockDevices[0].id
            machine = try await test.store.transaction { [machine] in try await $0.update(machine) }
            machine.interfaces = []
            machine.blockDevices = []
            machine = try await test.store.transaction { [machine] in try await $0.update(machine) }
            #expect(machine.bootInterfaceID == nil)
            #expect(machine.bootDiskID == nil)
            #expect(machine == (try await test.store.read { try await $0.machine(machine.id) }))
        }
    }

    @Test func `parts of another machine can't be taken`() async throws {
        try await TestStore.with { test async throws in
            let machines = try await test.addMachines(0..<2)
            let results = try await test.store.transaction {
                try await $0.createResultSet(machine: machines[1].id, kind: .commissioning, scripts: [])
            }
            await #expect(throws: StoreError.invalid(field: "id", message: "")) {
                try await test.store.transaction { store in
                    var thief = machines[0]
                    thief.blockDevices = machines[1].blockDevices
                    try await store.update(thief)
                }
            }
            await #expect(throws: StoreError.invalid(field: "__all__", message: "")) {
                try await test.store.transaction { store in
                    var thief = machines[0]
                    thief.commissioningResultID = results.id
                    try await store.update(thief)
                }
            }
        }
    }

    @Test func `a MAC address that is in use names the machine that has it`() async throws {
        try await TestStore.with { test async throws in
            try await test.addMachines(0..<1)
            let error = await #expect(throws: StoreError.self) {
                try await test.store.transaction { store in
                    var other = Machine.sample(1)
                    other.interfaces[0].macAddress = .sample(0)
                    try await store.insert(other, power: .sample)
                }
            }
            #expect(error?.code == .conflict(field: "mac_addresses"))
            #expect(error?.fields?["mac_addresses"]?.first?.contains("52:54:00:00:00:00") == true)
            #expect(error?.message.contains("node-0") == true)
            #expect(error?.message.contains(SystemID.sample(0).description) == true)
            #expect(try await test.store.read { try await $0.machineCount() } == 1)
        }
    }

    @Test func `two transactions that take the same MAC address at once don't both get it`() async throws {
        try await TestStore.with { test async throws in
            let second = try await test.addMachines(0..<1)[0]
            await #expect(throws: StoreError.conflict(field: "mac_addresses", message: "")) {
                try await test.store.transaction { store in
                    // Beside the check that looks for the other machine: the constraint alone has to hold.
                    try await store.execute(
                        """
                        INSERT INTO machine_interface SELECT id + 1000, machine_id, 'eth9', kind, mac_address, vlan_id, tags, enabled, \
                        mtu, vendor, product, firmware_version, link_connected, link_speed, interface_speed \
                        FROM machine_interface WHERE machine_id = \(second.id)
                        """
                    )
                }
            }
        }
    }

    @Test func `a hostname is taken in any case`() async throws {
        try await TestStore.with { test async throws in
            try await test.addMachines(0..<1)
            let error = await #expect(throws: StoreError.self) {
                try await test.store.transaction { store in
                    var other = Machine.sample(1)
                    other.hostname = "NODE-0"
                    try await store.insert(other, power: .sample)
                }
            }
            #expect(error?.code == .conflict(field: "hostname"))
            try await test.store.read { store async throws in
                #expect(try await store.takenHostnames(among: ["Node-0", "node-9"]) == ["Node-0"])
                #expect(try await store.machine(hostname: "NoDe-0")?.id == .sample(0))
                #expect(try await store.machine(mac: .sample(0))?.id == .sample(0))
                #expect(try await store.machine(mac: .sample(5)) == nil)
            }
        }
    }

    @Test func `unknown names are refused by their field`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<1)[0]
            func refusal(_ change: @Sendable (inout Machine) -> Void) async -> StoreError? {
                await #expect(throws: StoreError.self) {
                    try await test.store.transaction { store in
                        var changed = machine
                        change(&changed)
                        try await store.update(changed)
                    }
                }
            }
            #expect(await refusal { $0.zone = "nowhere" }?.code == .invalid(field: "zone"))
            #expect(await refusal { $0.pool = "nowhere" }?.code == .invalid(field: "pool"))
            #expect(await refusal { $0.owner = "nobody" }?.code == .invalid(field: "owner"))
            #expect(await refusal { $0.tags = ["none"] }?.code == .invalid(field: "tags"))
            #expect(await refusal { $0.hostname = "-bad-" }?.code == .invalid(field: "hostname"))
            #expect(await refusal { $0.cpuCount = -1 }?.code == .invalid(field: "cpu_count"))
            #expect(await refusal { $0.cpuCount = .max }?.code == .invalid(field: "__all__"))
            #expect(await refusal { $0.interfaces[0].vlanID = 99 }?.code == .invalid(field: "vlan"))
            #expect(try await test.store.read { try await $0.machine(machine.id) } == machine)
        }
    }

    @Test func `text that machines send with NUL characters is stored without them`() async throws {
        try await TestStore.with { test async throws in
            var machine = Machine.sample(0)
            machine.blockDevices[0].serial = "S\u{0}123\u{0}"
            machine.hardware.values = ["system_vendor": "QEMU\u{0}"]
            machine.statusMessage = "done\u{0}"
            let stored = try await test.store.transaction { [machine] in try await $0.insert(machine, power: .sample) }
            let read = try #require(try await test.store.read { try await $0.machine(stored.id) })
            #expect(read.blockDevices[0].serial == "S123")
            #expect(read.hardware.values == ["system_vendor": "QEMU"])
            #expect(read.statusMessage == "done")
        }
    }

    @Test func `a stale copy is refused`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<1)[0]
            var first = machine
            first.statusMessage = "first"
            let written = try await test.store.transaction { [first] in try await $0.update(first) }
            await #expect(throws: StoreError(.staleVersion, "")) { try await test.store.transaction { try await $0.update(machine) } }
            #expect(try await test.store.read { try await $0.machine(machine.id) }?.statusMessage == "first")
            try await test.store.transaction { try await $0.deleteMachine(machine.id) }
            await #expect(throws: StoreError.notFound("")) { try await test.store.transaction { try await $0.update(written) } }
            await #expect(throws: StoreError.notFound("")) { try await test.store.transaction { try await $0.deleteMachine(machine.id) } }
        }
    }

    @Test func `deleting a machine leaves its events and certificates, and nothing else of it`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<2)[0]
            try await test.store.transaction { store in
                _ = try await store.machineToken(machine.id)
                try await store.setUserData([1, 2, 3], of: machine.id)
                _ = try await store.createResultSet(machine: machine.id, kind: .testing, scripts: ["a"])
                try await store.append([
                    Event(machineID: machine.id, hostname: "node-0", source: .lifecycle, type: "Deleted", description: "", occurred: .sample(0))
                ])
                try await store.insert(
                    EraseCertificate(
                        id: 0, machineID: machine.id, generation: 3, disk: "vda", serial: "s", model: "m", sizeBytes: 10,
                        method: "overwrite", verifiedBytes: 10, verified: true, durationSeconds: 1.5, created: .sample(9)
                    ), report: ["standard": "Clear"]
                )
                try await store.setStorageLayout(["kind": "flat"], of: machine.id)
                try await store.setStorageLayout(["kind": "lvm"], of: machine.id)
                #expect(try await store.storageLayouts(of: [machine.id]) == [machine.id: ["kind": "lvm"]])
                try await store.deleteMachine(machine.id)
            }
            try await test.store.read { store async throws in
                var query = EventQuery()
                query.machineIDs = [machine.id]
                #expect(try await store.events(query).map(\.machineID) == [machine.id])
                let certificates = try await store.eraseCertificates(of: machine.id)
                #expect(certificates.map(\.durationSeconds) == [1.5])
                #expect(certificates.first?.created == .sample(9))
                #expect(try await store.eraseReports(of: machine.id).values.map { $0["standard"] } == ["Clear"])
                #expect(try await store.storageLayouts(of: [machine.id]).isEmpty)
                #expect(try await store.resultSets(of: machine.id) == [])
                #expect(try await store.power(of: machine.id) == nil)
                #expect(try await store.existingMachineToken(machine.id) == nil)
                #expect(try await store.machine(.sample(1)) != nil)
            }
            for table in ["machine_interface", "block_device", "machine_secret", "storage_layout"] {
                let rows = try await test.pool.query("SELECT * FROM \(identifier: table) WHERE machine_id = \(machine.id.description)")
                #expect(rows.isEmpty)
            }
        }
    }
}
