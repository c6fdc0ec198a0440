// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Ephemeral
internal import JSON

/// `maas-scripts`: the scripts that a machine is to run, with an index that says how.
enum ScriptArchive {
    static let bmcScript = "30-maas-01-bmc-config"

    /// - Parameters:
    ///   - set: the results to fill in; scripts that have ended are left out.
    ///   - options: of the operation.
    static func make(for set: ScriptResultSet, options: [String: String]) -> [UInt8] {
        var archive = TarArchive()
        var entries: [JSONValue] = []
        for script in EphemeralAgent.commissioningScripts {
            if script.name == Self.bmcScript, options["skip_bmc_config"] == "true" { continue }
            guard let result = set.results.first(where: { $0.name == script.name }), !result.status.isFinal else { continue }
            let path = "commissioning_scripts/\(script.name)"
            archive.add(path, script.content)
            entries.append(Self.entry(script, result, path: path))
        }
        let index: JSONValue = [
            "1.0": ["commissioning_scripts": .array(entries), "testing_scripts": [], "release_scripts": [], "deployment_scripts": []]
        ]
        archive.add("index.json", index.bytes, mode: 0o644)
        return archive.finished()
    }

    private static func entry(_ script: BuiltinScript, _ result: ScriptResult, path: String) -> JSONValue {
        [
            "name": .string(script.name), "path": .string(path), "script_result_id": .int(result.id), "script_version_id": nil,
            "timeout_seconds": .int(script.timeoutSeconds), "parallel": .int(script.parallel), "hardware_type": .int(script.hardwareType),
            "parameters": [:], "packages": [:], "for_hardware": [], "apply_configured_networking": false,
            "has_started": .bool(result.status != .pending), "has_finished": false, "default": true, "tags": [],
        ]
    }
}
