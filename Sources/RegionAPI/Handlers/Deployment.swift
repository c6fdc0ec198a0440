// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import Installation
internal import JSON
internal import Lifecycle
internal import PostgresStorage

/// `machines/{system_id}/?op=deploy`.
enum Deployment {
    /// As MAAS keeps it: 64 KiB would be usual, tools that pack archives need more.
    private static let maximumUserData = 512 << 10

    static func deploy(_ call: APICall) async throws -> APIResponse {
        let user = try call.user.username
        let userData = try Self.userData(call.form)
        for name in ["install_kvm", "register_vmhost", "ephemeral_deploy", "install_rackd", "vcenter_registration"]
        where try call.boolean(name) == true {
            throw APIFailure.field(name, "This kind of deployment is not supported.")
        }
        return try await call.change(.use) { machine, transaction in
            guard try await StorageLayouts.layout(of: machine.id, in: transaction).kind != .blank else {
                throw APIFailure.field("__all__", "Mount the root '/' filesystem to be able to deploy this node: its storage layout is blank.")
            }
            let image = try await Self.image(call, for: machine, in: transaction)
            var options: [String: String] = [:]
            if let comment = call.form.text("comment") { options["comment"] = String(comment.prefix(1024)) }
            // An administrator who deploys someone's machine deploys it for them.
            let owner = machine.owner ?? user
            let request = MachineRequest.deploy(owner: owner, osystem: image.osystem, distroSeries: image.release, options: options)
            let events = try call.region.lifecycle.apply(request, to: &machine, by: user, now: call.now)
            if let agent = call.form.text("agent_name") { machine.agentName = agent }
            if let kernel = call.form.text("hwe_kernel") { machine.minHWEKernel = kernel }
            let set = try await transaction.createResultSet(machine: machine.id, kind: .installation, scripts: [InstallationResult.name])
            machine.installationResultID = set.id
            _ = try await transaction.resetMachineToken(machine.id)
            try await transaction.setUserData(userData, of: machine.id)
            return events
        }
    }

    private static func userData(_ form: Form) throws -> [UInt8]? {
        guard let given = form.bytes("user_data"), !given.isEmpty else { return nil }
        // python-libmaas passes text as it is; what is no base64 is taken so.
        let bytes = Base64.decode(given) ?? given
        guard bytes.count <= Self.maximumUserData else {
            throw APIFailure.field("user_data", "User data of \(bytes.count) bytes is too long: expected at most \(Self.maximumUserData).")
        }
        return bytes
    }

    /// The image to install: what was asked for, else the setting's, else the only one there is.
    private static func image(_ call: APICall, for machine: Machine, in transaction: StoreTransaction) async throws -> BootAsset {
        let architecture = machine.architecture.split(separator: "/").first.map(String.init) ?? ""
        let images = try await transaction.bootAssets().filter { $0.kind == .rootTarball && $0.complete && $0.architecture == architecture }
        var osystem = call.form.text("osystem")
        var release = call.form.text("distro_series")
        if release == nil, osystem == nil {
            osystem = try await transaction.setting("default_osystem")?.stringValue
            release = try await transaction.setting("default_distro_series")?.stringValue
        }
        if let parts = release?.split(separator: "/", maxSplits: 1).map(String.init), parts.count == 2 { (osystem, release) = (parts[0], parts[1]) }
        let matching = images.filter { (osystem == nil || $0.osystem == osystem) && (release == nil || $0.release == release) }
        guard let newest = matching.max(by: { $0.version < $1.version }) else {
            let known = Set(images.map { "\($0.osystem)/\($0.release)" }).sorted().joined(separator: ", ")
            let asked = [osystem, release].compactMap(\.self).joined(separator: "/")
            throw APIFailure.field(
                "distro_series",
                "'\(asked.prefix(80))' is not a valid distro_series for \(architecture). It should be one of: \(known.isEmpty ? "(no image is imported)" : known)."
            )
        }
        return newest
    }
}
