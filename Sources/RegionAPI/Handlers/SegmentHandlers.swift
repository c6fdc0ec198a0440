// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import JSON
internal import PostgresStorage

/// `segments/`: the VLANs that racks share. Not in MAAS.
enum SegmentHandlers {
    static let resources = [
        Resource(
            name: "Segments", path: "segments/", text: "The networks that several rack controllers serve together.",
            actions: [
                Action("GET", "List shared segments: who answers each, who would take over, and why it moved last") { call in
                    .json(.array(try await call.store.read { try await Self.segments($0) }))
                }
            ]
        )
    ]

    private static func segments(_ transaction: StoreTransaction) async throws -> [JSONValue] {
        let vlans = Dictionary(try await transaction.vlans().map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let reports = Dictionary(grouping: try await transaction.segmentReports(), by: \.vlanID)
        let controllers = Dictionary(
            try await transaction.controllers(kind: .rack).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return try await transaction.segmentServices().map { service in
            let said = reports[service.vlanID] ?? []
            // Of several that say they are active the highest term is right; the others are about to hear of it.
            let active = said.filter { ($0.role == "active" || $0.role == "draining") && controllers[$0.rack]?.connected == true }
                .max { $0.term < $1.term }
            let takeover: JSONValue = active?.reason.map { ["reason": .string($0), "gap_ms": .optional(active?.gapMilliseconds)] } ?? nil
            return [
                "vlan_id": .int(service.vlanID), "name": .string(vlans[service.vlanID]?.name ?? ""),
                "service_address": .string("\(service.address)"), "order": .array(service.racks.map { .string("\($0)") }),
                "active": .optional(active.map { "\($0.rack)" }), "since": .optional(active?.since.isoText), "term": .int(active?.term ?? 0),
                "last_takeover": takeover, "racks": .array(said.map { Self.rack($0, controllers[$0.rack]) }),
            ]
        }
    }

    private static func rack(_ report: SegmentReport, _ controller: Controller?) -> JSONValue {
        [
            "system_id": .string("\(report.rack)"), "hostname": .string(controller?.hostname ?? ""),
            "connected": .bool(controller?.connected ?? false), "role": .string(report.role), "since": .string(report.since.isoText),
            "term": .int(report.term), "leases": .int(report.leases), "updated": .string(report.updated.isoText),
        ]
    }
}
