// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Installation
internal import JSON
internal import PostgresStorage

/// `gantry/plan`: the steps that the agent carries out.
struct PlanRequest: Sendable {
    let region: RegionContext

    func respond(to request: APIRequest, machine id: SystemID) async throws -> APIResponse {
        let plan = try await self.region.store.transaction { transaction -> JSONValue in
            guard let machine = try await transaction.machine(id) else { throw APIFailure.notFound("There is no machine '\(id)'.") }
            guard let operation = machine.operation, operation.phase != .poweringOff else { throw APIFailure.conflict("\(id) has no work to do.") }
            do {
                switch machine.status {
                case .diskErasing: return try InstallationPlanner.erasePlan(machine: machine, mode: operation.options["erase"] ?? "full")
                case .deploying where machine.netboot: return try await Self.installation(of: machine, request, in: transaction)
                default: throw APIFailure.conflict("\(id) is \(machine.status.name.lowercased()): there is no plan for that.")
                }
            } catch let error as InstallationError {
                throw APIFailure.conflict(error.description)
            }
        }
        return .json(plan)
    }

    private static func installation(of machine: Machine, _ request: APIRequest, in transaction: StoreTransaction) async throws -> JSONValue {
        let architecture = machine.architecture.split(separator: "/").first.map(String.init) ?? ""
        let image = try await transaction.bootAssets().filter {
            $0.kind == .rootTarball && $0.complete && $0.osystem == machine.osystem && $0.release == machine.distroSeries
                && $0.architecture == architecture
        }.max { $0.version < $1.version }
        guard let image else { throw InstallationError("there is no image of \(machine.osystem)/\(machine.distroSeries) for \(architecture)") }
        let globalOptions = try await transaction.setting("kernel_opts")?.stringValue ?? ""
        let tagOptions = try await transaction.tags().filter { machine.tags.contains($0.name) && !$0.kernelOptions.isEmpty }.map(\.kernelOptions)
        return try InstallationPlanner.plan(
            InstallationRequest(
                machine: machine, image: image, imageURL: "\(request.baseURL)/images/\(image.sha256)/root.tar.zst",
                metadataURL: "\(request.baseURL)/MAAS/metadata/", credentials: try await transaction.machineToken(machine.id),
                subnets: try await transaction.subnets(), kernelOptions: ([globalOptions] + tagOptions).filter { !$0.isEmpty }.joined(separator: " "),
                layout: try await StorageLayouts.layout(of: machine.id, in: transaction)
            )
        )
    }
}
