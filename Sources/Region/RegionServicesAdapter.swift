// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain
internal import OpenSSL
internal import PostgresStorage
internal import RegionAPI

/// What the API asks of the rest of the region.
struct RegionServicesAdapter: RegionServices {
    var store: Store
    var power: PowerGateway
    var images: ImageService

    var softwareVersion: String { RegionDaemon.softwareVersion }

    func queryPower(_ id: SystemID) async throws -> PowerState {
        guard let machine = try await self.store.read({ try await $0.machine(id) }) else { throw StoreError.notFound("machine \(id)") }
        if machine.powerType == .manual { return .unknown }
        let report = try await self.power.perform(
            .status, on: machine, bootDevice: nil, operationID: "\(id)-query-\(SecureRandom.token(length: 12))"
        )
        guard report.succeeded, let state = report.state else { throw PowerQueryError(description: report.message) }
        try await self.store.transaction { transaction in
            guard var machine = try await transaction.lockMachine(id), machine.powerState != state else { return }
            machine.powerState = state
            machine.powerStateUpdated = WallClock.now
            try await transaction.update(machine)
        }
        return state
    }

    func importImages() async { self.images.requestImport() }
    func stopImport() async { self.images.stopImport() }
    func isImporting() async -> Bool { self.images.isImporting }
    func importProgress() async -> ImportProgress? { self.images.progress }
    func imagePath(sha256: String) -> String? { self.images.path(sha256: sha256) }
}

/// Why a machine's BMC did not answer.
struct PowerQueryError: Error, CustomStringConvertible {
    let description: String
}
