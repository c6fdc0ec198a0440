// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import PostgresStorage

struct NetworkTests {
    private func refusal(_ test: TestStore, _ body: @Sendable (StoreTransaction) async throws -> Void) async -> StoreError.Code? {
        await #expect(throws: StoreError.self) { try await test.store.transaction(body) }?.code
    }

    @Test func `networks come back as they were stored`() async throws {
        try await TestStore.with { test async throws in
            try await test.store.transaction { store in
                let space = try await store.insert(Space(id: 0, name: "dmz", description: "s"))
                let rack = Controller(
                    id: .sample(1), kind: .rack, hostname: "rack", softwareVersion: "1", interfaces: [], firstSeen: .sample(0),
                    lastSeen: .sample(0), connected: true
                )
                try await store.upsert(rack)
                let fabric = try await store.insert(Fabric(id: 0, name: "lab", description: "d", classType: "10g"))
                #expect(try await store.fabric(named: "lab") == fabric)
                let vlans = try await store.vlans(fabricID: fabric.id)
                #expect(vlans.map(\.vid) == [0])
                #expect(vlans.map(\.name) == ["untagged"])
                let vlan = try await store.insert(
                    VLAN(
                        id: 0, vid: 42, name: "v", description: "w", fabricID: fabric.id, mtu: 9000, dhcpOn: true, primaryRack: rack.id,
                        secondaryRack: nil, relayVLANID: nil, space: "dmz"
                    )
                )
                #expect(try await store.vlan(fabricID: fabric.id, vid: 42) == vlan)
                var subnet = try Subnet.sample("10.2.0.0/16", vlan: vlan.id)
                subnet.gateway = IPv4Address(10, 2, 0, 1)
                subnet.dnsServers = [IPv4Address(8, 8, 8, 8), IPv4Address(1, 1, 1, 1)]
                let stored = try await store.insert(subnet)
                #expect(stored.name == "10.2.0.0/16")
                for found in [
                    try await store.subnet(id: stored.id), try await store.subnet(network: subnet.network),
                    try await store.subnet(named: "10.2.0.0/16"), try await store.subnet(containing: IPv4Address(10, 2, 255, 255)),
                ] { #expect(found == stored) }
                #expect(try await store.subnet(containing: IPv4Address(10, 3, 0, 0)) == nil)
                try await store.insert(User.sample("alice"), passwordHash: nil)
                let range = try await store.insert(
                    IPRange(
                        id: 0, kind: .dynamic, start: IPv4Address(10, 2, 1, 0), end: IPv4Address(10, 2, 1, 255), subnetID: stored.id,
                        comment: "c", user: "alice"
                    )
                )
                #expect(try await store.ipRanges(subnetID: stored.id) == [range])
                #expect(try await store.ipRange(id: range.id) == range)
                try await store.deleteSpace(space.id)
                try await store.deleteController(rack.id)
                let bare = try #require(try await store.vlan(id: vlan.id))
                #expect(bare.space == nil)
                #expect(bare.primaryRack == nil)
            }
        }
    }

    @Test func `a fabric goes with its VLANs unless something uses it`() async throws {
        try await TestStore.with { test async throws in
            #expect(await self.refusal(test) { try await $0.deleteFabric(0) } == .invalid(field: "__all__"))
            let (fabric, vlan) = try await test.store.transaction { store in
                let fabric = try await store.insert(Fabric(id: 0, name: "lab", description: "", classType: nil))
                return (fabric, try await store.vlans(fabricID: fabric.id)[0])
            }
            let subnet = try await test.store.transaction { try await $0.insert(try Subnet.sample("10.0.0.0/24", vlan: vlan.id)) }
            #expect(await self.refusal(test) { try await $0.deleteFabric(fabric.id) } == .invalid(field: "__all__"))
            try await test.store.transaction { try await $0.deleteSubnet(subnet.id) }
            var machine = try await test.addMachines(0..<1)[0]
            machine.interfaces[0].vlanID = vlan.id
            machine = try await test.store.transaction { [machine] in try await $0.update(machine) }
            #expect(await self.refusal(test) { try await $0.deleteFabric(fabric.id) } == .invalid(field: "__all__"))
            try await test.store.transaction { store in
                try await store.deleteMachine(.sample(0))
                try await store.deleteFabric(fabric.id)
                #expect(try await store.vlan(id: vlan.id) == nil)
            }
            #expect(await self.refusal(test) { try await $0.deleteFabric(fabric.id) } == .notFound)
        }
    }

    @Test func `a VLAN goes unless it is the default one or has subnets, and interfaces go to the default one`() async throws {
        try await TestStore.with { test async throws in
            #expect(await self.refusal(test) { try await $0.deleteVLAN(1) } == .invalid(field: "__all__"))
            let template = VLAN(
                id: 0, vid: 7, name: "", description: "", fabricID: 0, mtu: 1500, dhcpOn: false, primaryRack: nil, secondaryRack: nil,
                relayVLANID: nil, space: nil
            )
            let vlan = try await test.store.transaction { try await $0.insert(template) }
            let subnet = try await test.store.transaction { try await $0.insert(try Subnet.sample("10.0.0.0/24", vlan: vlan.id)) }
            #expect(await self.refusal(test) { try await $0.deleteVLAN(vlan.id) } == .invalid(field: "__all__"))
            var machine = try await test.addMachines(0..<1)[0]
            machine.interfaces[0].vlanID = vlan.id
            machine = try await test.store.transaction { [machine] in try await $0.update(machine) }
            try await test.store.transaction { store in
                try await store.deleteSubnet(subnet.id)
                try await store.deleteVLAN(vlan.id)
            }
            let read = try #require(try await test.store.read { try await $0.machine(machine.id) })
            #expect(read.interfaces[0].vlanID == 1)
            #expect(read.version == machine.version + 1)
        }
    }

    @Test func `bad VLANs are refused by their field`() async throws {
        try await TestStore.with { test async throws in
            func code(_ change: (inout VLAN) -> Void) async -> StoreError.Code? {
                var vlan = VLAN(
                    id: 0, vid: 7, name: "", description: "", fabricID: 0, mtu: 1500, dhcpOn: false, primaryRack: nil,
                    secondaryRack: nil, relayVLANID: nil, space: nil
                )
                change(&vlan)
                return await self.refusal(test) { [vlan] in try await $0.insert(vlan) }
            }
            #expect(await code { $0.vid = 0 } == .conflict(field: "vid"))
            #expect(await code { $0.vid = 4095 } == .invalid(field: "vid"))
            #expect(await code { $0.mtu = 100 } == .invalid(field: "mtu"))
            #expect(await code { $0.fabricID = 9 } == .invalid(field: "fabric"))
            #expect(await code { $0.primaryRack = .sample(3) } == .invalid(field: "primary_rack"))
            #expect(await code { $0.space = "none" } == .invalid(field: "space"))
            #expect(await code { $0.relayVLANID = 99 } == .invalid(field: "relay_vlan"))
            #expect(await code { vlan in (vlan.relayVLANID, vlan.dhcpOn) = (1, true) } == .invalid(field: "dhcp_on"))
        }
    }

    @Test func `subnets never overlap, and changes leave nothing outside`() async throws {
        try await TestStore.with { test async throws in
            var subnet = try await test.store.transaction { try await $0.insert(try Subnet.sample("10.0.0.0/24", vlan: 1)) }
            for network in ["10.0.0.0/24", "10.0.0.128/25", "10.0.0.0/8"] {
                let code = await self.refusal(test) { try await $0.insert(try Subnet.sample(network, vlan: 1)) }
                #expect(code == .conflict(field: "cidr"))
            }
            #expect(await self.refusal(test) { try await $0.insert(try Subnet.sample("10.0.1.0/24", vlan: 9)) } == .invalid(field: "vlan"))
            subnet.gateway = IPv4Address(10, 0, 1, 1)
            var code = await self.refusal(test) { [subnet] in try await $0.update(subnet) }
            #expect(code == .invalid(field: "gateway_ip"))
            subnet.gateway = nil
            let range = IPRange(
                id: 0, kind: .reserved, start: IPv4Address(10, 0, 0, 200), end: IPv4Address(10, 0, 0, 210), subnetID: subnet.id,
                comment: "", user: nil
            )
            try await test.store.transaction { try await $0.insert(range) }
            subnet.network = try required(IPv4Network("10.0.0.0/25"))
            code = await self.refusal(test) { [subnet] in try await $0.update(subnet) }
            #expect(code == .invalid(field: "cidr"))
            subnet.network = try required(IPv4Network("10.0.0.0/23"))
            try await test.store.transaction { [subnet] store in
                try await store.update(subnet)
                #expect(try await store.subnet(id: subnet.id) == subnet)
            }
        }
    }

    @Test func `ranges are in their subnet and never overlap`() async throws {
        try await TestStore.with { test async throws in
            let subnet = try await test.store.transaction { try await $0.insert(try Subnet.sample("10.0.0.0/24", vlan: 1)) }
            @Sendable func range(_ start: UInt32, _ end: UInt32, _ kind: IPRange.Kind = .dynamic) -> IPRange {
                let base = subnet.network.address.rawValue
                return IPRange(
                    id: 0, kind: kind, start: IPv4Address(rawValue: base + start), end: IPv4Address(rawValue: base + end),
                    subnetID: subnet.id, comment: "", user: nil
                )
            }
            var first = try await test.store.transaction { try await $0.insert(range(100, 199)) }
            #expect(await self.refusal(test) { try await $0.insert(range(199, 200, .reserved)) } == .conflict(field: "__all__"))
            #expect(await self.refusal(test) { try await $0.insert(range(1, 254)) } == .conflict(field: "__all__"))
            #expect(await self.refusal(test) { try await $0.insert(range(20, 10)) } == .invalid(field: "end_ip"))
            #expect(await self.refusal(test) { try await $0.insert(range(250, 300)) } == .invalid(field: "end_ip"))
            #expect(await self.refusal(test) { try await $0.insert(range(300, 310)) } == .invalid(field: "start_ip"))
            // Touching is not overlapping, and a range does not overlap itself.
            try await test.store.transaction { try await $0.insert(range(200, 210)) }
            first.comment = "changed"
            try await test.store.transaction { [first] store in
                try await store.update(first)
                #expect(try await store.ipRange(id: first.id) == first)
            }
            var machine = try await test.addMachines(0..<1)[0]
            machine.interfaces[0].links = [InterfaceLink(id: 0, mode: .static, subnetID: subnet.id, address: IPv4Address(10, 0, 0, 50))]
            try await test.store.transaction { [machine] in try await $0.update(machine) }
            #expect(await self.refusal(test) { try await $0.insert(range(40, 60)) } == .conflict(field: "__all__"))
            try await test.store.transaction { try await $0.insert(range(40, 60, .reserved)) }
        }
    }

    @Test func `a subnet in use stays, one that is only wished for goes`() async throws {
        try await TestStore.with { test async throws in
            let subnet = try await test.store.transaction { try await $0.insert(try Subnet.sample("10.0.0.0/24", vlan: 1)) }
            var machine = try await test.addMachines(0..<2)[0]
            machine.interfaces[0].links = [InterfaceLink(id: 0, mode: .static, subnetID: subnet.id, address: IPv4Address(10, 0, 0, 5))]
            machine = try await test.store.transaction { [machine] in try await $0.update(machine) }
            #expect(await self.refusal(test) { try await $0.deleteSubnet(subnet.id) } == .invalid(field: "__all__"))
            let other = try required(try await test.store.read { try await $0.machine(.sample(1)) })
            let code = await self.refusal(test) { [machine] store in
                var thief = other
                thief.interfaces[0].links = machine.interfaces[0].links
                thief.interfaces[0].links[0].id = 0
                try await store.update(thief)
            }
            #expect(code == .conflict(field: "ip_address"))
            machine.interfaces[0].links = [InterfaceLink(id: 0, mode: .auto, subnetID: subnet.id, address: nil)]
            machine = try await test.store.transaction { [machine] in try await $0.update(machine) }
            try await test.store.transaction { try await $0.deleteSubnet(subnet.id) }
            let read = try #require(try await test.store.read { try await $0.machine(machine.id) })
            #expect(read.interfaces[0].links == [])
            #expect(read.version == machine.version + 1)
        }
    }

    @Test func `every rack has a number of its own, which it keeps, and which no other rack ever gets`() async throws {
        try await TestStore.with { test async throws in
            let ids = try ["rack34", "rack44", "rack46"].map { try #require(SystemID($0)) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in ids { group.addTask { try await test.store.transaction { try await $0.numberRack(id) } } }
                try await group.waitForAll()
            }
            let numbers = try await test.store.read { try await $0.rackNumbers() }
            #expect(Set(numbers.keys) == Set(ids) && Set(numbers.values) == [1, 2, 3])
            try await test.store.transaction { try await $0.numberRack(ids[1]) }
            #expect(try await test.store.read { try await $0.rackNumbers() } == numbers)
        }
    }
}
