// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Lifecycle
internal import PostgresStorage

/// `by-id/SYSTEM_ID/?op=get_preseed`: hands a booting machine its key.
///
/// There are no credentials at this point. The key is given only to the address that DHCP leased to one of the machine's interfaces, as
/// a rack vouches for, and only while the machine is meant to boot the ephemeral OS.
struct PreseedRequest: Sendable {
    /// After making itself known, a machine may fetch its key for so long.
    private static let enlistmentWindow = Duration.seconds(600)
    let region: RegionContext

    func respond(to request: APIRequest, machine id: SystemID) async throws -> APIResponse {
        let now = self.region.clock()
        let text = try await self.region.store.transaction { transaction -> String in
            guard let machine = try await transaction.machine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
            guard self.isExpected(machine, now: now) else {
                // What it boots for is to be switched off: that takes no key.
                if LifecycleRules.bootPurpose(of: machine) == .poweroff { return Preseed.idle(baseURL: request.baseURL) }
                throw APIFailure.notFound("\(id) is not expected to boot the ephemeral OS now.")
            }
            try await self.check(request, comesFrom: machine, in: transaction, now: now)
            let token = try await transaction.machineToken(id)
            try await transaction.append([
                Event(
                    machineID: id, hostname: machine.hostname, source: .metadata, type: "Preseed requested",
                    description: "by \(request.forwardedAddress.map { "\($0)" } ?? request.origin.peer)", occurred: now
                )
            ])
            return Preseed.machine(id, token: token, baseURL: request.baseURL)
        }
        return .text(text)
    }

    /// Whether the machine is in the middle of work in the ephemeral OS, or has just enlisted.
    private func isExpected(_ machine: Machine, now: Timestamp) -> Bool {
        if let operation = machine.operation, operation.kind != .release, operation.kind != .power {
            switch operation.phase {
            case .booting, .running, .rebooting: return true
            case .power, .poweringOff: break
            }
        }
        return machine.status == .new && now.since(machine.created) < Self.enlistmentWindow
    }

    /// - Throws: `APIFailure` 403 unless the request comes from an address that is leased to the machine.
    func check(_ request: APIRequest, comesFrom machine: Machine, in transaction: StoreTransaction, now: Timestamp) async throws {
        guard let address = request.forwardedAddress else {
            throw APIFailure.forbidden("Only machines that a rack controller forwards for get this.")
        }
        guard let lease = try await transaction.lease(address: address), lease.expires > now,
            machine.interfaces.contains(where: { $0.macAddress == lease.macAddress })
        else { throw APIFailure.forbidden("\(address) is not leased to \(machine.id).") }
    }
}
