// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain
internal import PostgresStorage

/// Keeps what racks say of the segments that they share, for operators.
struct SegmentIntake: Sendable {
    var store: Store

    /// The most segments that one report may name.
    private static let maximumSegments = 1_024

    func take(_ report: SegmentStatusReport, from rack: SystemID) async throws {
        let now = WallClock.now
        try await self.store.transaction { transaction in
            for segment in report.segments.prefix(Self.maximumSegments) {
                try await transaction.upsert(
                    SegmentReport(
                        vlanID: segment.segmentID, rack: rack, role: String(segment.role.prefix(32)), since: now, term: Int(clamping: segment.term),
                        active: segment.active, standbys: segment.standbys, leases: segment.leases,
                        reason: segment.lastReason.map { String($0.prefix(32)) }, gapMilliseconds: segment.lastGapMilliseconds, updated: now))
            }
        }
    }
}
