// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain
internal import OpenSSL

/// The keys of a segment's pulses: one an hour, derived, so that every region hands out the same.
enum PulseKeySchedule {
    private static let hour: Int64 = 3_600_000_000

    /// The key to write with, and those of the hours before and after it: racks are told at slightly different times.
    static func keys(secret: [UInt8], now: Timestamp) -> [PulseKey] {
        let current = now.microseconds / Self.hour
        return [current, current + 1, current - 1].map { hour in
            let id = UInt32(truncatingIfNeeded: hour)
            let message = (0..<8).map { UInt8(truncatingIfNeeded: hour >> (56 - 8 * Int64($0))) }
            let key = HMAC.sha256(Array("gantry pulse".utf8) + message, key: secret)
            return PulseKey(id: id, secret: Hexadecimal.encode(key))
        }
    }
}
