// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
public import Logging

/// Does power operations: one at a time for each BMC, each once for each id, each within its deadline.
public actor PowerService {
    /// MAAS's power types that `perform` knows.
    public static let powerTypes = ["ipmi", "manual"]

    private let configuration: PowerServiceConfiguration
    private let pool: BMCThreadPool
    private let logger: Logger
    private let clock = ContinuousClock()

    private var remembered: RememberedResults
    /// Operations on their way, with the calls that asked for the same id and wait for its result.
    private var running: [String: [CheckedContinuation<PowerResult, Never>]] = [:]
    private var turns: PowerTurns
    /// Operations that wait for their turn. The answer may come before the continuation does.
    private var waiting: [UInt64: Waiting] = [:]

    private enum Waiting {
        case decided(Bool)
        case suspended(CheckedContinuation<Bool, Never>)
    }

    public init(configuration: PowerServiceConfiguration = PowerServiceConfiguration(), logger: Logger) {
        self.configuration = configuration
        self.pool = BMCThreadPool(threads: configuration.threads, queueLimit: configuration.waitingOperations)
        self.logger = logger
        self.remembered = RememberedResults(limit: configuration.rememberedResults)
        self.turns = PowerTurns(limit: configuration.waitingPerBMC)
    }

    /// Does the operation, or gives the result of the first one with the same id.
    ///
    /// `busy` is the only result that is not kept: then nothing was done, and the same id may try again. `on` for a machine that is on does
    /// nothing and leaves the boot device alone: to boot it anew, ask for `cycle`. `softOff` succeeds when the BMC passed the request on.
    /// An operation may end up to five seconds after its deadline, when a BMC falls silent in the middle of a session.
    public func perform(_ operation: PowerOperation) async -> PowerResult {
        if let result = self.remembered[operation.id] { return result }
        if let others = self.running[operation.id] {
            guard others.count < self.configuration.waitingPerBMC else {
                return PowerResult(outcome: .busy, state: nil, message: "\(others.count) calls already wait for this operation's result")
            }
            return await withCheckedContinuation { self.running[operation.id]?.append($0) }
        }
        self.running[operation.id] = []
        let result = await self.execute(operation)
        if result.outcome != .busy { self.remembered.remember(result, id: operation.id) }
        for other in self.running.removeValue(forKey: operation.id) ?? [] { other.resume(returning: result) }
        return result
    }

    private func execute(_ operation: PowerOperation) async -> PowerResult {
        let deadline = self.clock.now + max(.zero, min(operation.deadline, self.configuration.longestDeadline))
        switch operation.type {
        case "manual": return ManualDriver.perform(operation.action)
        case "ipmi": break
        default:
            let known = Self.powerTypes.joined(separator: ", ")
            return PowerResult(outcome: .unsupported, state: nil, message: "power type '\(operation.type.prefix(40))' is not one of \(known)")
        }
        let parameters: BMCParameters
        do {
            parameters = try BMCParameters(operation.parameters)
        } catch {
            return PowerResult(outcome: .invalidParameters, state: nil, message: error.description)
        }

        let key = parameters.address.description
        let start = self.clock.now
        guard await self.takeTurn(key, deadline: deadline) else {
            return PowerResult(outcome: .busy, state: nil, message: "\(key) is busy with earlier operations")
        }
        let result = await self.drive(IPMIDriver(parameters: parameters), operation, deadline: deadline)
        self.endTurn(key)
        self.logger.debug(
            "power operation ended",
            metadata: [
                "power.operation": "\(operation.id)", "power.address": "\(key)", "power.action": "\(operation.action.rawValue)",
                "power.outcome": "\(result.outcome.rawValue)", "power.state": "\(result.state?.rawValue ?? "-")",
                "power.duration": "\(start.duration(to: self.clock.now))", "power.message": "\(result.message)",
            ])
        return result
    }

    /// Tells the BMC, repeating what may be repeated, then watches until the goal is reached.
    private func drive(_ driver: IPMIDriver, _ operation: PowerOperation, deadline: ContinuousClock.Instant) async -> PowerResult {
        var pause = Duration.seconds(1)
        while true {
            do throws(BMCError) {
                let progress = try await self.pool.run { () throws(BMCError) in
                    try driver.begin(
                        operation.action, bootDevice: operation.bootDevice, firmware: operation.firmware, deadline: deadline)
                }
                guard let goal = progress.goal else {
                    return PowerResult(outcome: .succeeded, state: progress.state, message: "power is \(progress.state.rawValue)")
                }
                return await self.watch(driver, for: goal, from: progress.state, deadline: deadline)
            } catch {
                let mayRepeat = error.outcome == .busy || error.outcome == .timeout
                guard mayRepeat, self.clock.now + pause < deadline, (try? await self.clock.sleep(for: pause)) != nil else {
                    return PowerResult(outcome: error.outcome, state: nil, message: error.message)
                }
                pause = min(pause * 2, .seconds(8))
            }
        }
    }

    private func watch(
        _ driver: IPMIDriver, for goal: PowerState, from first: PowerState, deadline: ContinuousClock.Instant
    ) async -> PowerResult {
        var state = first
        var trouble = ""
        var pause = Duration.milliseconds(100)
        repeat {
            do throws(BMCError) {
                state = try await self.pool.run { () throws(BMCError) in try driver.powerState(deadline: deadline) }
                trouble = ""
                if state == goal { return PowerResult(outcome: .succeeded, state: state, message: "power is \(state.rawValue)") }
            } catch {
                // A BMC may fall silent while the machine's power changes: only time tells.
                guard error.outcome != .wrongPassword else {
                    return PowerResult(outcome: error.outcome, state: state, message: error.message)
                }
                trouble = "; last trouble: \(error.message)"
            }
            pause = min(pause * 2, .seconds(2))
            guard self.clock.now + pause < deadline else { break }
        } while (try? await self.clock.sleep(for: pause)) != nil
        let message = "the BMC accepted, but power is \(state.rawValue) and not \(goal.rawValue) at the deadline\(trouble)"
        return PowerResult(outcome: .timeout, state: state, message: message)
    }
}

extension PowerService {
    /// Waits until no other operation talks to the BMC. False: the line is full, the deadline came, or the caller's task was cancelled.
    private func takeTurn(_ key: String, deadline: ContinuousClock.Instant) async -> Bool {
        switch self.turns.enter(key) {
        case .go: return true
        case .full: return false
        case .wait(let ticket):
            let clock = self.clock
            return await withTaskGroup(of: Bool?.self) { group in
                group.addTask { await self.turn(ticket) }
                group.addTask {
                    // Cut short when the turn came, or when the caller was cancelled: giving up is right both times.
                    try? await clock.sleep(until: deadline)
                    await self.giveUp(ticket, key)
                    return nil
                }
                var hasTurn = false
                for await answer in group {
                    guard let answer else { continue }
                    hasTurn = answer
                    group.cancelAll()
                }
                return hasTurn
            }
        }
    }

    private func turn(_ ticket: UInt64) async -> Bool {
        if case .decided(let answer) = self.waiting.removeValue(forKey: ticket) { return answer }
        return await withCheckedContinuation { self.waiting[ticket] = .suspended($0) }
    }

    private func giveUp(_ ticket: UInt64, _ key: String) {
        if self.turns.giveUp(ticket, key) { self.decide(ticket, false) }
    }

    private func endTurn(_ key: String) {
        if let next = self.turns.leave(key) { self.decide(next, true) }
    }

    private func decide(_ ticket: UInt64, _ answer: Bool) {
        if case .suspended(let continuation) = self.waiting.removeValue(forKey: ticket) {
            continuation.resume(returning: answer)
        } else {
            self.waiting[ticket] = .decided(answer)
        }
    }
}
