// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Glibc
import Logging
import Testing

@testable import BMC

/// Against real `ipmi_sim` processes.
struct PowerServiceTests {
    private let service = PowerService(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })

    private func operation(
        _ bmc: SimulatedBMC, _ action: PowerAction, id: String = "\(UInt64.random(in: 0 ... .max))", bootDevice: BootDevice? = nil,
        changing changes: [String: String] = [:], deadline: Duration = .seconds(60)
    ) -> PowerOperation {
        PowerOperation(
            id: id, type: "ipmi", parameters: bmc.parameters.merging(changes) { $1 }, action: action, bootDevice: bootDevice,
            deadline: deadline)
    }

    @Test func `a machine is switched on from the network and off, and the BMC's state follows`() async throws {
        let bmc = try await SimulatedBMC()
        var result = await self.service.perform(self.operation(bmc, .status))
        #expect(result == PowerResult(outcome: .succeeded, state: .off, message: "power is off"))
        result = await self.service.perform(self.operation(bmc, .on, bootDevice: .network))
        #expect(result == PowerResult(outcome: .succeeded, state: .on, message: "power is on"))
        #expect(bmc.changes == ["set boot pxe", "set power 1"])
        #expect(bmc.power == "1")
        result = await self.service.perform(self.operation(bmc, .on, bootDevice: .disk))
        #expect(result.outcome == .succeeded)
        #expect(bmc.changes.count == 2, "a machine that is on is left alone")
        result = await self.service.perform(self.operation(bmc, .off))
        #expect(result == PowerResult(outcome: .succeeded, state: .off, message: "power is off"))
        #expect(bmc.changes == ["set boot pxe", "set power 1", "set power 0"])
        result = await self.service.perform(self.operation(bmc, .off))
        #expect(result.outcome == .succeeded)
        #expect(bmc.changes.count == 3)
    }

    @Test func `cycle switches on what is off and cycles what is on`() async throws {
        let bmc = try await SimulatedBMC()
        var result = await self.service.perform(self.operation(bmc, .cycle, bootDevice: .disk))
        #expect(result.outcome == .succeeded && result.state == .on, "\(result)")
        #expect(bmc.changes == ["set boot default", "set power 1"])
        result = await self.service.perform(self.operation(bmc, .cycle, bootDevice: .network))
        #expect(result.outcome == .succeeded && result.state == .on, "\(result)")
        #expect(bmc.changes == ["set boot default", "set power 1", "set boot pxe", "set power 0", "set power 1"])
    }

    @Test func `soft off asks the operating system`() async throws {
        let bmc = try await SimulatedBMC()
        try bmc.setPower("1")
        var result = await self.service.perform(self.operation(bmc, .softOff))
        #expect(result.outcome == .succeeded, "\(result)")
        #expect(bmc.changes == ["set shutdown 1"])
        try bmc.setPower("1")
        result = await self.service.perform(self.operation(bmc, .off, changing: ["power_off_mode": "soft"]))
        #expect(result.outcome == .succeeded && result.state == .off, "\(result)")
        #expect(bmc.changes == ["set shutdown 1", "set shutdown 1"])
    }

    @Test func `IPMI 1_5 works as well`() async throws {
        let bmc = try await SimulatedBMC()
        let result = await self.service.perform(
            self.operation(bmc, .on, changing: ["power_driver": "LAN", "power_pass": "correct-horse", "workaround_flags": "none"]))
        #expect(result.outcome == .succeeded && result.state == .on, "\(result)")
    }

    @Test(arguments: [["power_pass": "wrong"], ["power_pass": ""], ["power_user": "nobody"]])
    func `a wrong password or user is told apart from everything else`(changes: [String: String]) async throws {
        let bmc = try await SimulatedBMC()
        let result = await self.service.perform(self.operation(bmc, .status, changing: changes))
        #expect(result.outcome == .wrongPassword, "\(result)")
        #expect(result.state == nil)
        #expect(!result.message.contains("correct-horse"))
    }

    @Test func `what the BMC or the user may not do is refused with a hint`() async throws {
        let bmc = try await SimulatedBMC()
        var result = await self.service.perform(self.operation(bmc, .status, changing: ["cipher_suite_id": "17"]))
        #expect(result.outcome == .protocolError && result.message.contains("cipher_suite_id"), "\(result)")
        result = await self.service.perform(
            self.operation(bmc, .on, changing: ["power_user": "watcher", "power_pass": "eyes", "privilege_level": "USER"]))
        #expect(result.outcome == .unsupported, "\(result)")
        #expect(bmc.changes.isEmpty)
    }

    @Test func `a closed port is unreachable at once`() async throws {
        let start = ContinuousClock.now
        let result = await self.service.perform(
            PowerOperation(
                id: "closed", type: "ipmi", parameters: ["power_address": SimulatedBMC.freshHost(249) + ":6231"], action: .status))
        #expect(result.outcome == .unreachable, "\(result)")
        #expect(start.duration(to: .now) < .seconds(30), "less than the deadline")
    }

    @Test func `a name without an address is unreachable`() async {
        let result = await self.service.perform(
            PowerOperation(id: "name", type: "ipmi", parameters: ["power_address": "bmc.invalid"], action: .status))
        #expect(result.outcome == .unreachable, "\(result)")
    }

    @Test func `a socket that never answers is a timeout at the deadline`() async throws {
        let silent = try SilentSocket()
        let start = ContinuousClock.now
        let result = await self.service.perform(
            PowerOperation(
                id: "silent", type: "ipmi", parameters: ["power_address": "127.0.0.1:\(silent.port)"], action: .on, deadline: .seconds(2)))
        let elapsed = start.duration(to: .now)
        #expect(result.outcome == .timeout, "\(result)")
        #expect(elapsed >= .seconds(1) && elapsed < .seconds(30), "\(elapsed)")
    }

    @Test func `a stopped BMC is a timeout, and answers again when it runs on`() async throws {
        let bmc = try await SimulatedBMC()
        var result = await self.service.perform(self.operation(bmc, .status))
        #expect(result.outcome == .succeeded, "\(result)")
        bmc.signal(SIGSTOP)
        result = await self.service.perform(self.operation(bmc, .on, deadline: .seconds(2)))
        #expect(result.outcome == .timeout, "\(result)")
        bmc.signal(SIGCONT)
        result = await self.service.perform(self.operation(bmc, .on))
        #expect(result.outcome == .succeeded && result.state == .on, "\(result)")
    }

    @Test func `a chassis that ignores the BMC is a timeout with the state as it is`() async throws {
        let bmc = try await SimulatedBMC(slowness: "0; exit")
        let result = await self.service.perform(self.operation(bmc, .on, deadline: .seconds(6)))
        #expect(result.outcome == .timeout, "\(result)")
        #expect(result.state == .off)
        #expect(bmc.changes == ["set power 1"])
    }

    @Test func `operations on one BMC come one after the other`() async throws {
        let bmc = try await SimulatedBMC(slowness: "0.2")
        let operations = (0..<6).map { _ in self.operation(bmc, .on) }
        let outcomes = await withTaskGroup(of: PowerOutcome.self) { group in
            for operation in operations { group.addTask { await self.service.perform(operation).outcome } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes == Array(repeating: .succeeded, count: 6))
        // Interleaved, others would read "off" before the first has switched on, and switch on again.
        let log = bmc.chassisLog
        #expect(log.prefix(3) == ["get power", "set power 1", "get power"], "\(log)")
        #expect(bmc.changes == ["set power 1"], "\(log)")
    }

    @Test func `an operation that gets no turn before its deadline is busy`() async throws {
        let silent = try SilentSocket()
        let parameters = ["power_address": "127.0.0.1:\(silent.port)"]
        async let first = self.service.perform(
            PowerOperation(id: "first", type: "ipmi", parameters: parameters, action: .status, deadline: .seconds(6)))
        try await silent.waitForPacket()
        let second = await self.service.perform(
            PowerOperation(id: "second", type: "ipmi", parameters: parameters, action: .status, deadline: .milliseconds(200)))
        #expect(second.outcome == .busy, "\(second)")
        #expect(await first.outcome == .timeout)
    }

    @Test func `a repeated id gets the first result and does nothing`() async throws {
        let bmc = try await SimulatedBMC(slowness: "0.3")
        async let first = self.service.perform(self.operation(bmc, .on, id: "same"))
        async let second = self.service.perform(self.operation(bmc, .on, id: "same"))
        let results = await [first, second]
        #expect(results[0] == results[1])
        #expect(results[0].outcome == .succeeded, "\(results)")
        try bmc.setPower("0")
        #expect(await self.service.perform(self.operation(bmc, .on, id: "same")) == results[0])
        #expect(bmc.changes == ["set power 1"])
    }

    @Test func `twenty BMCs in parallel, one of them dead, are all switched on`() async throws {
        var bmcs: [SimulatedBMC] = []
        for _ in 0..<20 { bmcs.append(try await SimulatedBMC()) }
        bmcs[7].stop()
        let results = await withTaskGroup(of: (Int, PowerResult).self, returning: [Int: PowerResult].self) { group in
            for (index, bmc) in bmcs.enumerated() {
                let operation = self.operation(bmc, .on, bootDevice: .network)
                group.addTask { (index, await self.service.perform(operation)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for (index, bmc) in bmcs.enumerated() {
            let expected: PowerOutcome = index == 7 ? .unreachable : .succeeded
            #expect(results[index]?.outcome == expected, "\(index): \(String(describing: results[index]))")
            #expect(bmc.changes == (index == 7 ? [] : ["set boot pxe", "set power 1"]))
        }
    }

    @Test func `manual power is refused in words and unknown types by name`() async {
        func perform(_ type: String, _ action: PowerAction) async -> PowerResult {
            await self.service.perform(PowerOperation(id: type + action.rawValue, type: type, parameters: [:], action: action))
        }
        #expect(await perform("manual", .status).state == .unknown)
        #expect(await perform("manual", .on).outcome == .unsupported)
        #expect(await perform("manual", .off).message.contains("operator"))
        #expect(await perform("virsh", .on).message.contains("virsh"))
        #expect(await perform("ipmi", .on).outcome == .invalidParameters)
    }
}
