// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a member says of itself and of its subjects. Only its owner makes new versions; all others pass them on.
///
/// All accusations of an observer are one record and the newest record wins, so nothing piles up and the order of arrival does not matter.
public struct MemberRecord: Sendable, Hashable {
    public enum Status: UInt8, Sendable, Hashable {
        case alive = 1
        /// Went by its own wish.
        case left = 2
    }

    public struct Charge: Sendable, Hashable {
        public var subject: SystemID
        /// The life that is meant: a later incarnation is not accused.
        public var incarnation: UInt64

        public init(subject: SystemID, incarnation: UInt64) {
            self.subject = subject
            self.incarnation = incarnation
        }
    }

    /// More than any member has subjects.
    public static let maximumCharges = 32

    public var id: SystemID
    public var status: Status
    /// Raised by its owner to refute accusations.
    public var incarnation: UInt64
    /// Raised by its owner with each change.
    public var version: UInt64
    /// Whom the owner does not reach.
    public var charges: [Charge]

    public init(id: SystemID, status: Status = .alive, incarnation: UInt64 = 1, version: UInt64 = 1, charges: [Charge] = []) {
        self.id = id
        self.status = status
        self.incarnation = incarnation
        self.version = version
        self.charges = charges
    }
}
