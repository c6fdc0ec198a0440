// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON

extension ScriptResultSet {
    /// The state of a set of runs; as `status`, for results that were loaded by themselves.
    static func status(of states: [ScriptStatus]) -> ScriptStatus {
        if states.isEmpty { return .passed }
        if states.allSatisfy({ $0 == .pending }) { return .pending }
        if let unfinished = states.first(where: { !$0.isFinal && $0 != .pending }) { return unfinished }
        if states.contains(.pending) { return .running }
        return states.first { !$0.isSuccess } ?? .passed
    }
}

extension APIRenderer {
    /// The scripts of one operation on a machine, with their results.
    ///
    /// - Parameter encoded: renders output as base64, as `include_output` asks; nil leaves it out.
    public static func resultSet(_ set: ScriptResultSet, encoded: (([UInt8]) -> String)? = nil) -> JSONValue {
        let started = set.results.compactMap(\.started).min()
        let ended = set.results.allSatisfy { $0.status.isFinal } ? set.results.compactMap(\.ended).max() : nil
        return [
            "id": .int(set.id), "system_id": .string(set.machineID.description), "type": .int(set.kind.rawValue),
            "type_name": .string(set.kind.name), "last_ping": .optional(set.lastPing?.mailText), "status": .int(set.status.rawValue),
            "status_name": .string(set.status.name), "started": .optional(started?.mailText), "ended": .optional(ended?.mailText),
            "runtime": .string(Self.runtime(started, ended)), "results": .array(set.results.map { Self.result($0, of: set, encoded: encoded) }),
            "resource_uri": .string(APIPath.results(set.id, of: set.machineID)),
        ]
    }

    static func result(_ result: ScriptResult, of set: ScriptResultSet, encoded: (([UInt8]) -> String)?) -> JSONValue {
        var object: JSONObject = [
            "id": .int(result.id), "created": .string(set.created.mailText),
            "updated": .string((result.ended ?? result.started ?? set.created).mailText),
            "name": .string(result.name), "status": .int(result.status.rawValue), "status_name": .string(result.status.name),
            "exit_status": .optional(result.exitStatus), "started": .optional(result.started?.mailText),
            "ended": .optional(result.ended?.mailText), "runtime": .string(Self.runtime(result.started, result.ended)),
            "starttime": .optional(result.started?.mailText), "endtime": .optional(result.ended?.mailText), "estimated_runtime": "Unknown",
            "parameters": [:], "script_id": nil, "script_revision_id": nil, "suppressed": false,
        ]
        if let encoded {
            object["output"] = .string(encoded(result.output))
            object["stdout"] = .string(encoded(result.stdout))
            object["stderr"] = .string(encoded(result.stderr))
            object["result"] = .string(encoded(result.result))
        }
        return .object(object)
    }

    /// `H:MM:SS` between two moments, empty while one is missing.
    static func runtime(_ started: Timestamp?, _ ended: Timestamp?) -> String {
        guard let started, let ended, ended >= started else { return "" }
        let seconds = Int(ended.since(started).components.seconds)
        return "\(seconds / 3600):\(CivilTime.padded(seconds % 3600 / 60)):\(CivilTime.padded(seconds % 60))"
    }

    /// One result as `commissioning-results/` lists it.
    public static func commissioningResult(_ result: ScriptResult, of set: ScriptResultSet, data: String) -> JSONValue {
        [
            "name": .string(result.name), "script_result": .int(result.exitStatus ?? (result.status.isSuccess ? 0 : -1)),
            "result_type": .int(set.kind.rawValue), "node": ["system_id": .string(set.machineID.description)],
            "created": .string(set.created.mailText), "updated": .string((result.ended ?? set.created).mailText), "data": .string(data),
        ]
    }

    /// An event of the timeline.
    public static func event(_ event: Event) -> JSONValue {
        [
            "username": .string(event.user), "node": .string(event.machineID?.description ?? ""), "hostname": .string(event.hostname),
            "id": .int(event.id), "level": .string(event.level.name), "created": .string(event.created.eventText),
            "type": .string(event.type), "description": .string(event.description), "source": .string(event.source.rawValue),
            "occurred": .string(event.occurred.isoText),
        ]
    }

    /// The proof that a disk was erased.
    ///
    /// - Parameter report: what the agent said besides; members that it does not have are null, or empty.
    public static func eraseCertificate(_ certificate: EraseCertificate, report: JSONValue = [:]) -> JSONValue {
        [
            "id": .int(certificate.id), "system_id": .string(certificate.machineID.description), "generation": .int(certificate.generation),
            "disk": .string(certificate.disk), "serial": .string(certificate.serial), "model": .string(certificate.model),
            "size": .int(certificate.sizeBytes), "method": .string(certificate.method), "verified": .bool(certificate.verified),
            "verified_bytes": .int(certificate.verifiedBytes), "duration_seconds": .double(certificate.durationSeconds),
            "created": .string(certificate.created.isoText), "standard": report["standard"] ?? .null, "mode": report["mode"] ?? .null,
            "verification": report["verification"] ?? .null, "not_used": report["not_used"] ?? [], "started": report["started"] ?? .null,
            "finished": report["finished"] ?? .null, "agent_version": report["agent_version"] ?? .null,
        ]
    }
}
