// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres

/// The database's schema, as the steps that lead to it. Steps that have been released are never changed: a change is one more step.
///
/// Needs PostgreSQL 15 (`ON DELETE SET NULL` of one column of a key).
enum Schema {
    static let migrations = [
        Migration(number: 1, name: "users", statements: Self.users),
        Migration(number: 2, name: "zones, pools and tags", statements: Self.grouping),
        Migration(number: 3, name: "controllers and networks", statements: Self.networks),
        Migration(number: 4, name: "machines", statements: Self.machines),
        Migration(number: 5, name: "events, results and certificates", statements: Self.records),
        Migration(number: 6, name: "leases", statements: Self.leases),
        Migration(number: 7, name: "images and settings", statements: Self.images),
        Migration(number: 8, name: "notifications", statements: Self.notifications),
        Migration(number: 9, name: "storage layouts, reports of erasures", statements: Self.storage),
        Migration(number: 10, name: "shared segments", statements: Self.segments),
        Migration(number: 11, name: "IPv6 subnets", statements: Self.ipv6),
    ]

    /// The zone that every machine is in unless it was put elsewhere; can't be renamed or deleted.
    static let defaultZoneID = 1
    /// The pool that every machine is in unless it was put elsewhere; can't be renamed or deleted.
    static let defaultPoolID = 0
    /// The fabric that exists from the start; can't be deleted.
    static let defaultFabricID = 0

    /// What a system id looks like; see `SystemID`.
    static let systemIDPattern = "^[34678abcdefghkmnpqrstwxy]{6}$"
    /// Names that appear in URLs and in lists that are separated by commas.
    static let namePattern = "^\\w[ \\w-]{0,255}$"
}
