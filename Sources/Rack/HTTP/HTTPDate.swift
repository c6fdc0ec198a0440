// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The text form of moments in HTTP (RFC 9110, section 5.6.7). cloud-init sets its clock by it when its signatures are refused.
enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// - Parameter seconds: Since 1970-01-01T00:00:00 UTC; not negative.
    static func text(unixSeconds seconds: Int64) -> String {
        let day = max(0, seconds) / 86400
        let time = max(0, seconds) % 86400
        let (year, month, dayOfMonth) = Self.date(day: day)
        let clock = [time / 3600, time / 60 % 60, time % 60].map(Self.twoDigits).joined(separator: ":")
        return "\(Self.days[Int(day % 7)]), \(Self.twoDigits(dayOfMonth)) \(Self.months[Int(month) - 1]) \(year) \(clock) GMT"
    }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// The Gregorian date of a day since 1970-01-01, in years that begin in March, so that the leap day is the last one.
    private static func date(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfMonth)
    }
}
