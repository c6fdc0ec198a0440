// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Ephemeral
internal import JSON
internal import Lifecycle
internal import PostgresStorage

/// `user-data`: the agent with its work for a machine in the ephemeral OS; the owner's data for an installed system, whose first request
/// says that it runs.
struct UserDataRequest: Sendable {
    let region: RegionContext

    func respond(to request: APIRequest, machine id: SystemID) async throws -> APIResponse {
        let now = self.region.clock()
        let data = try await self.region.store.transaction { transaction -> [UInt8]? in
            guard var machine = try await transaction.lockMachine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
            let isInstalled = machine.status == .deployed || (machine.status == .deploying && !machine.netboot)
            if isInstalled {
                if machine.status == .deploying {
                    var events = [Self.event(machine, "User data requested", "the installed system has started", now)]
                    events += self.region.lifecycle.observe(.userDataFetched, of: &machine, now: now)
                    try await transaction.update(machine)
                    try await transaction.append(events)
                }
                return try await transaction.userData(of: id)
            }
            let work = Self.work(of: machine)
            var events = self.region.lifecycle.observe(.contact, of: &machine, now: now)
            events.append(Self.event(machine, "Ephemeral OS started", "its work: \(work)", now))
            let configuration = try await self.configuration(of: machine, work: work, request, in: transaction)
            try await transaction.update(machine)
            try await transaction.append(events)
            return EphemeralAgent.userData(configuration: configuration.text)
        }
        guard let data else { throw APIFailure.notFound("There is no user data for \(id).") }
        return .bytes(data)
    }

    /// What the agent is to do.
    private static func work(of machine: Machine) -> String {
        guard let operation = machine.operation, operation.phase != .poweringOff else { return "poweroff" }
        return switch machine.status {
        case .commissioning, .testing: "commissioning"
        case .deploying: "install"
        case .diskErasing: "erase"
        default: "poweroff"
        }
    }

    private func configuration(
        of machine: Machine, work: String, _ request: APIRequest, in transaction: StoreTransaction
    ) async throws -> JSONValue {
        let token = try await transaction.machineToken(machine.id)
        var configuration: JSONObject = [
            "work": .string(work), "metadata_url": .string("\(request.baseURL)/MAAS/metadata/"),
            "api_url": .string("\(request.baseURL)/MAAS/api/2.0/"), "version": "2012-03-01", "system_id": .string(machine.id.description),
            "credentials": [
                "consumer_key": .string(token.consumerKey), "token_key": .string(token.tokenKey), "token_secret": .string(token.tokenSecret),
            ],
            "enable_ssh": .bool(machine.operation?.options["enable_ssh"] == "true"),
        ]
        // The BMC keeps the user that we know it by.
        if work == "commissioning", let power = try await transaction.power(of: machine.id), power.type == .ipmi,
            let user = power.parameters["power_user"], let password = power.parameters["power_pass"]
        {
            configuration["bmc"] = ["power_user": .string(user), "power_pass": .string(password)]
        }
        return .object(configuration)
    }

    private static func event(_ machine: Machine, _ type: String, _ description: String, _ now: Timestamp) -> Event {
        Event(machineID: machine.id, hostname: machine.hostname, source: .metadata, type: type, description: description, occurred: now)
    }
}
