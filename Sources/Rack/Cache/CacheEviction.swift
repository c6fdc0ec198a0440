// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Decides what a full image cache gives up: what was used longest ago, and never what machines are told to boot. Pure.
enum CacheEviction {
    struct Entry: Sendable, Hashable {
        var digest: String
        var bytes: Int64
        /// Greater is later; equal uses are told apart by the digest, so that the decision is the same everywhere.
        var lastUse: Int64
        /// Whether the region's configuration names it.
        var isWanted: Bool
    }

    /// - Parameters:
    ///   - incoming: the size of what is to be stored, in bytes.
    ///   - limit: the size of the cache, in bytes.
    /// - Returns: what to remove, in this order; nil when there would not be room even then, and nothing should be removed.
    static func victims(of entries: [Entry], incoming: Int64, limit: Int64) -> [String]? {
        let used = entries.reduce(into: Int64(0)) { $0 = $0.addingReportingOverflow($1.bytes).partialValue }
        var excess = used &+ max(0, incoming) &- limit
        guard excess > 0 else { return [] }
        var victims: [String] = []
        for entry in entries.filter({ !$0.isWanted }).sorted(by: { ($0.lastUse, $0.digest) < ($1.lastUse, $1.digest) }) {
            victims.append(entry.digest)
            excess &-= entry.bytes
            if excess <= 0 { return victims }
        }
        return nil
    }
}
