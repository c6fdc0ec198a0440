// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Lifecycle
import Testing

@Suite struct LifecycleTests {
    private let rules = LifecycleRules()
    private let start = Timestamp(microseconds: 1_000_000_000)

    private func machine(_ status: NodeStatus = .ready, power: PowerType = .ipmi) throws -> Machine {
        let id = try #require(SystemID("abc346"))
        var machine = Machine(id: id, hostname: "web", architecture: "amd64/generic", powerType: power, created: self.start)
        machine.status = status
        machine.cpuCount = 2
        return machine
    }

    private func after(_ seconds: Int) -> Timestamp { self.start.advanced(by: .seconds(seconds)) }

    private static let requests: [MachineRequest] = [
        .commission(options: [:]), .allocate(owner: "ann", agentName: ""), .deploy(owner: "ann", osystem: "debian", distroSeries: "12", options: [:]),
        .release(erase: nil, options: [:]), .release(erase: .full, options: [:]), .abort, .power(.on), .power(.off),
        .markBroken(comment: "smoke"), .markFixed, .lock, .unlock,
    ]

    @Test(arguments: NodeStatus.allCases)
    func `every request on every state either follows the table of transitions or changes nothing`(status: NodeStatus) throws {
        for request in Self.requests {
            let before = try self.machine(status)
            var machine = before
            do {
                let events = try self.rules.apply(request, to: &machine, by: "ann", now: self.start)
                #expect(StatusTransitions.allows(status, to: machine.status) || machine.status == .deploying)
                #expect(!events.isEmpty)
            } catch {
                #expect(machine == before)
                #expect(!error.message.isEmpty)
            }
        }
    }

    @Test(arguments: [
        ("commission", [NodeStatus.new, .failedCommissioning, .ready, .broken, .failedTesting]), ("allocate", [.ready]),
        ("deploy", [.ready, .allocated, .failedDeployment]),
        ("release", [.allocated, .deployed, .deploying, .failedDeployment, .releasingFailed, .failedDiskErasing, .reserved, .broken]),
    ])
    func `a request is taken in exactly these states`(name: String, states: [NodeStatus]) throws {
        let requests: [String: MachineRequest] = [
            "commission": .commission(options: [:]), "allocate": .allocate(owner: "ann", agentName: ""),
            "deploy": .deploy(owner: "ann", osystem: "debian", distroSeries: "12", options: [:]), "release": .release(erase: nil, options: [:]),
        ]
        let request = try #require(requests[name])
        for status in NodeStatus.allCases {
            var machine = try self.machine(status)
            let taken = (try? self.rules.apply(request, to: &machine, by: "ann", now: self.start)) != nil
            #expect(taken == states.contains(status), "\(name) in \(status)")
        }
    }

    @Test func `a machine is commissioned, deployed, released with erasure, and is ready again`() throws {
        var machine = try self.machine(.new)
        _ = try self.rules.apply(.commission(options: [:]), to: &machine, by: "ann", now: self.start)
        guard case .power(.cycle, .network, _) = Planner.step(for: machine, now: self.start) else { Issue.record("no power step"); return }
        let inventory = MachineInventory(
            architecture: nil, firmware: .uefi, cpuCount: 8, cpuSpeed: 0, memoryMiB: 1024, hardware: .init(), interfaces: [], blockDevices: []
        )
        self.see(&machine, .power(.on), .contact, .inventory(inventory), .scriptsFinished(kind: .commissioning, failed: [], error: ""))
        #expect(machine.status == .commissioning)
        self.see(&machine, .power(.off))
        #expect(machine.status == .ready)
        #expect(machine.operation == nil)
        #expect(machine.cpuCount == 8)

        _ = try self.rules.apply(.allocate(owner: "ann", agentName: ""), to: &machine, by: "ann", now: self.start)
        _ = try self.rules.apply(
            .deploy(owner: "ann", osystem: "debian", distroSeries: "12", options: [:]), to: &machine, by: "ann", now: self.start
        )
        #expect(LifecycleRules.bootPurpose(of: machine) == .xinstall)
        self.see(&machine, .power(.on), .contact, .userDataFetched)
        #expect(machine.status == .deploying, "the ephemeral OS asking for user data is not the end")
        self.see(&machine, .netbootOff)
        #expect(LifecycleRules.bootPurpose(of: machine) == .local)
        self.see(&machine, .userDataFetched)
        #expect(machine.status == .deployed)
        #expect(machine.owner == "ann")

        _ = try self.rules.apply(.release(erase: .full, options: [:]), to: &machine, by: "ann", now: self.start)
        #expect(machine.status == .diskErasing)
        self.see(&machine, .power(.on), .contact, .eraseFinished(failed: []), .power(.off))
        #expect(machine.status == .ready)
        #expect(machine.owner == nil)
    }

    private func see(_ machine: inout Machine, _ observations: MachineObservation...) {
        for observation in observations { _ = self.rules.observe(observation, of: &machine, now: self.start) }
    }

    @Test(arguments: [
        (NodeStatus.new, MachineRequest.commission(options: [:]), NodeStatus.failedCommissioning),
        (.allocated, .deploy(owner: "ann", osystem: "debian", distroSeries: "12", options: [:]), .failedDeployment),
        (.deployed, .release(erase: .full, options: [:]), .failedDiskErasing),
    ])
    func `a failure names its reason and switches the machine off`(status: NodeStatus, request: MachineRequest, failed: NodeStatus) throws {
        var machine = try self.machine(status)
        _ = try self.rules.apply(request, to: &machine, by: "ann", now: self.start)
        self.see(&machine, .power(.on), .contact, .workFailed(message: "step format-root: no space"))
        #expect(machine.status == failed)
        #expect(machine.errorDescription == "step format-root: no space")
        guard case .power(.off, nil, _) = Planner.step(for: machine, now: self.start) else { Issue.record("not switched off"); return }
        self.see(&machine, .power(.off))
        #expect(machine.status == failed)
        #expect(machine.operation == nil)
    }

    @Test func `a BMC that does not answer is tried again with growing waits, then the operation fails`() throws {
        var machine = try self.machine(.new)
        _ = try self.rules.apply(.commission(options: [:]), to: &machine, by: "ann", now: self.start)
        var now = self.start
        for wait in self.rules.limits.powerBackoffSeconds {
            _ = self.rules.observe(.powerFailed(message: "unreachable", transient: true), of: &machine, now: now)
            #expect(machine.status == .commissioning)
            #expect(Planner.step(for: machine, now: now) == .wait(until: now.advanced(by: .seconds(wait))))
            now = now.advanced(by: .seconds(wait))
        }
        _ = self.rules.observe(.powerFailed(message: "unreachable", transient: true), of: &machine, now: now)
        #expect(machine.status == .failedCommissioning)
        #expect(machine.errorDescription.contains("unreachable"))
    }

    @Test func `a wrong password is not tried again`() throws {
        var machine = try self.machine(.new)
        _ = try self.rules.apply(.commission(options: [:]), to: &machine, by: "ann", now: self.start)
        self.see(&machine, .powerFailed(message: "wrong password", transient: false))
        #expect(machine.status == .failedCommissioning)
    }

    @Test func `a machine that falls silent fails after the limit, and each sign of life puts the limit off`() throws {
        var machine = try self.machine(.new)
        _ = try self.rules.apply(.commission(options: [:]), to: &machine, by: "ann", now: self.start)
        self.see(&machine, .power(.on))
        _ = self.rules.observe(.contact, of: &machine, now: self.after(1000))
        #expect(Planner.step(for: machine, now: self.after(2000)) == .wait(until: self.after(2800)))
        #expect(Planner.step(for: machine, now: self.after(2800)) == .expire)
        _ = self.rules.observe(.expired, of: &machine, now: self.after(2800))
        #expect(machine.status == .failedCommissioning)
    }

    @Test func `observations of work that is over change nothing`() throws {
        for status in [NodeStatus.ready, .deployed, .allocated, .new] {
            let before = try self.machine(status)
            var machine = before
            self.see(
                &machine, .netbootOff, .userDataFetched, .workFailed(message: "late"), .eraseFinished(failed: []), .expired,
                .scriptsFinished(kind: .commissioning, failed: ["x"], error: "")
            )
            #expect(machine == before)
        }
    }

    @Test func `aborting goes back to where the machine was, and switches it off`() throws {
        var machine = try self.machine(.ready)
        _ = try self.rules.apply(.commission(options: [:]), to: &machine, by: "ann", now: self.start)
        _ = try self.rules.apply(.abort, to: &machine, by: "ann", now: self.start)
        #expect(machine.status == .ready)
        guard case .power(.off, nil, _) = Planner.step(for: machine, now: self.start) else { Issue.record("not switched off"); return }
    }

    @Test func `a machine without a BMC goes on by the operator's hand`() throws {
        var machine = try self.machine(.new, power: .manual)
        _ = try self.rules.apply(.commission(options: [:]), to: &machine, by: "ann", now: self.start)
        #expect(Planner.step(for: machine, now: self.start) == .assume(.on))
        #expect(throws: LifecycleRefusal.self) { try self.rules.apply(.power(.on), to: &machine, by: "ann", now: self.start) }
    }

    @Test func `a locked machine refuses everything but to be unlocked`() throws {
        var machine = try self.machine(.deployed)
        _ = try self.rules.apply(.lock, to: &machine, by: "ann", now: self.start)
        #expect(throws: LifecycleRefusal.self) { try self.rules.apply(.release(erase: nil, options: [:]), to: &machine, by: "ann", now: self.start) }
        _ = try self.rules.apply(.unlock, to: &machine, by: "ann", now: self.start)
        _ = try self.rules.apply(.release(erase: nil, options: [:]), to: &machine, by: "ann", now: self.start)
        #expect(machine.status == .releasing)
    }

    @Test func `a machine that enlists is commissioned in the same boot`() throws {
        var machine = try self.machine(.new)
        _ = self.rules.enlist(&machine, now: self.start)
        #expect(machine.status == .commissioning)
        #expect(machine.operation?.phase == .running)
        self.see(&machine, .scriptsFinished(kind: .commissioning, failed: [], error: ""), .power(.off))
        #expect(machine.status == .ready)
    }
}
