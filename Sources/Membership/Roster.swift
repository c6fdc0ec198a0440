// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Who belongs to the cluster, by the region's word: nobody joins in any other way.
public struct Roster: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        /// The identity in the member's certificate.
        public var id: SystemID
        public var role: MemberRole
        /// The segments that the member is attached to: those who share one watch each other more closely.
        public var segments: Set<Int>

        public init(id: SystemID, role: MemberRole, segments: Set<Int> = []) {
            self.id = id
            self.role = role
            self.segments = segments
        }
    }

    /// Raised with each change.
    public let version: UInt64
    /// In the order of their identities, each once.
    public let members: [Member]

    public init(version: UInt64, members: [Member]) {
        self.version = version
        let distinct = Dictionary(members.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.members = distinct.values.sorted { $0.id < $1.id }
    }
}
