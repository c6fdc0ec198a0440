// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The forms in which MAAS writes moments; all in UTC.
extension Timestamp {
    /// As in events: `Mon, 01 Jan. 2024 00:00:00`.
    public var eventText: String {
        let time = CivilTime(self)
        return "\(time.weekdayName), \(CivilTime.padded(time.day)) \(time.monthName). \(CivilTime.padded(time.year, 4)) \(time.clock)"
    }

    /// As in script results (RFC 2822): `Wed, 04 Jan 2017 17:32:04 -0000`.
    public var mailText: String {
        let time = CivilTime(self)
        return "\(time.weekdayName), \(CivilTime.padded(time.day)) \(time.monthName) \(CivilTime.padded(time.year, 4)) \(time.clock) -0000"
    }

    /// As in the `Date` header (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
    public var httpText: String {
        let time = CivilTime(self)
        return "\(time.weekdayName), \(CivilTime.padded(time.day)) \(time.monthName) \(CivilTime.padded(time.year, 4)) \(time.clock) GMT"
    }

    /// As in boot sources: `2024-01-01T00:00:00.000`, without a zone.
    public var isoText: String {
        let time = CivilTime(self)
        let date = "\(CivilTime.padded(time.year, 4))-\(CivilTime.padded(time.month))-\(CivilTime.padded(time.day))"
        return "\(date)T\(time.clock).\(CivilTime.padded(time.microsecond / 1000, 3))"
    }
}
