// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Placement
import Testing

@Suite struct PlacementTests {
    private func machine(_ id: String, cpus: Int = 2, memory: Int = 2048, _ change: (inout Machine) -> Void = { _ in }) throws -> Machine {
        let systemID = try #require(SystemID(id))
        var machine = Machine(
            id: systemID, hostname: "host-\(id)", architecture: "amd64/generic", powerType: .ipmi, created: Timestamp(microseconds: 0)
        )
        machine.status = .ready
        machine.cpuCount = cpus
        machine.memoryMiB = memory
        change(&machine)
        return machine
    }

    @Test func `the cheapest machine that fits is chosen, then the one with the lowest id`() throws {
        let machines = [
            try self.machine("ddd444", cpus: 8), try self.machine("bbb444", cpus: 4), try self.machine("aaa444", cpus: 4),
            try self.machine("ccc444", cpus: 2),
        ]
        let constraints = try Constraints(parsing: ["cpu_count": ["3.0"]])
        #expect(Placement.choose(constraints, among: machines)?.id.description == "aaa444")
    }

    @Test(arguments: [
        ("name", "host-aaa444"), ("name", "host-aaa444.maas"), ("system_id", "aaa444"), ("arch", "amd64"), ("arch", "arm64,amd64/generic"),
        ("cpu_count", "2"), ("mem", "2048"), ("tags", "fast,big"), ("tags", "fast big"), ("not_tags", "slow"), ("zone", "east"),
        ("not_in_zone", "west"), ("pool", "lab"), ("not_in_pool", "office"), ("tags", ""),
    ])
    func `a machine that fits is found`(field: String, value: String) throws {
        let machine = try self.machine("aaa444") {
            $0.tags = ["big", "fast"]
            $0.zone = "east"
            $0.pool = "lab"
        }
        #expect(Placement.choose(try Constraints(parsing: [field: [value]]), among: [machine]) != nil)
    }

    @Test(arguments: [
        ("name", "host"), ("system_id", "bbb444"), ("arch", "arm64"), ("arch", "amd64/hwe"), ("cpu_count", "3"), ("mem", "2049"),
        ("tags", "fast,missing"), ("not_tags", "big"), ("zone", "west"), ("not_in_zone", "east,west"), ("pool", "office"), ("not_in_pool", "lab"),
    ])
    func `a machine that does not fit is not found`(field: String, value: String) throws {
        let machine = try self.machine("aaa444") {
            $0.tags = ["big", "fast"]
            $0.zone = "east"
            $0.pool = "lab"
        }
        #expect(Placement.choose(try Constraints(parsing: [field: [value]]), among: [machine]) == nil)
    }

    @Test(arguments: NodeStatus.allCases.filter { $0 != .ready })
    func `only ready machines are free`(status: NodeStatus) throws {
        let machine = try self.machine("aaa444") { $0.status = status }
        #expect(Placement.choose(Constraints(), among: [machine]) == nil)
    }

    @Test(arguments: [("cpu_count", "many"), ("mem", "-1"), ("mem", "nan"), ("mem", "1e300"), ("system_id", "x")])
    func `a constraint that cannot be read is named`(field: String, value: String) {
        #expect(throws: ConstraintError.self) { try Constraints(parsing: [field: [value]]) }
        do {
            _ = try Constraints(parsing: [field: [value]])
        } catch {
            #expect(error.field == field)
            #expect(error.message.contains(value))
        }
    }
}
