// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterLink
internal import ClusterMessages
internal import Domain
internal import PostgresStorage

/// Has BMCs driven by the racks.
struct PowerGateway: Sendable {
    var store: Store
    var racks: RackDirectory

    /// Longer than any BMC takes to switch a machine off and on.
    static let deadlineSeconds = 60

    func perform(
        _ action: PowerAction, on machine: Machine, bootDevice: BootDevice?, operationID: String
    ) async throws -> PowerReport {
        guard let power = try await self.store.read({ try await $0.power(of: machine.id) }) else {
            return PowerReport(outcome: "invalidParameters", state: nil, message: "the machine has no power parameters")
        }
        let command = PowerCommand(
            operationID: operationID, powerType: power.type.rawValue, parameters: power.parameters, action: action, bootDevice: bootDevice,
            firmware: machine.firmware, deadlineSeconds: Self.deadlineSeconds
        )
        var message = "no rack controller is connected"
        for rack in self.racks.all {
            do {
                return try await rack.peer.send(command, deadline: .seconds(Self.deadlineSeconds + 10))
            } catch {
                message = "rack \(rack.hello.hostname): \(error)"
            }
        }
        return PowerReport(outcome: "unreachable", state: nil, message: message)
    }
}
