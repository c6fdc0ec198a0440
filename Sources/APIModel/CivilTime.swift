// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// A moment in UTC as a calendar shows it (proleptic Gregorian).
struct CivilTime: Hashable {
    var year: Int
    /// 1 to 12.
    var month: Int
    /// 1 to 31.
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int
    var microsecond: Int
    /// 0 is Sunday.
    var weekday: Int

    init(_ timestamp: Timestamp) {
        let (seconds, microsecond) = Self.floorDivide(Int(timestamp.microseconds), 1_000_000)
        let (days, secondOfDay) = Self.floorDivide(seconds, 86400)
        self.microsecond = microsecond
        self.hour = secondOfDay / 3600
        self.minute = secondOfDay % 3600 / 60
        self.second = secondOfDay % 60
        self.weekday = Self.floorDivide(days + 4, 7).remainder
        // Days since 0000-03-01, in eras of 400 years: a year that starts in March has its leap day at the end.
        let (era, dayOfEra) = Self.floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        self.day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        self.month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        self.year = yearOfEra + era * 400 + (self.month <= 2 ? 1 : 0)
    }

    private static func floorDivide(_ value: Int, _ divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    /// A number with leading zeros.
    static func padded(_ value: Int, _ width: Int = 2) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    var clock: String { "\(Self.padded(self.hour)):\(Self.padded(self.minute)):\(Self.padded(self.second))" }
    var monthName: String { Self.months[self.month - 1] }
    var weekdayName: String { Self.weekdays[self.weekday] }
}
