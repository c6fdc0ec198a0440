// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension PostgresTimestamp: PostgresDecodable {
    /// The ISO form of a session in UTC: `2026-11-22 22:57:12.123456+00`, with ` BC` behind it before the year 1.
    ///
    /// `infinity` and `-infinity` are not moments and fail.
    public static func decode(_ cell: PostgresCell) throws(PostgresDecodingFailure) -> PostgresTimestamp {
        let text = try cell.string()
        guard let microseconds = Self.parse(text) else {
            throw PostgresDecodingFailure("is \(text.prefix(40).debugDescription)")
        }
        return PostgresTimestamp(microseconds: microseconds)
    }

    private static func parse(_ text: String) -> Int64? {
        var parts = text.split(separator: " ", omittingEmptySubsequences: false)
        var isBeforeChrist = false
        if parts.last == "BC" {
            isBeforeChrist = true
            parts.removeLast()
        }
        guard parts.count == 2 else { return nil }
        let date = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        // Any other zone than +00 would mean that the session's settings were changed under us.
        guard date.count == 3, parts[1].hasSuffix("+00") else { return nil }
        let time = parts[1].dropLast(3).split(separator: ":", omittingEmptySubsequences: false)
        guard time.count == 3,
            let year = Self.digits(date[0], 1...6), let month = Self.digits(date[1], 2...2), let day = Self.digits(date[2], 2...2),
            let hour = Self.digits(time[0], 2...2), let minute = Self.digits(time[1], 2...2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60
        else { return nil }
        let second = time[2].split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = second.first.flatMap({ Self.digits($0, 2...2) }), whole < 60, second.count <= 2 else { return nil }
        var fraction: Int64 = 0
        if second.count == 2 {
            guard let digits = Self.digits(second[1], 1...6) else { return nil }
            fraction = digits
            for _ in second[1].utf8.count..<6 { fraction *= 10 }
        }
        let days = Self.daysFromUnixEpoch(year: isBeforeChrist ? 1 - year : year, month: month, day: day)
        // At most 294276 years: far inside Int64.
        return (days * 86_400 + hour * 3_600 + minute * 60 + whole) * 1_000_000 + fraction
    }

    private static func digits(_ text: Substring, _ count: ClosedRange<Int>) -> Int64? {
        guard count.contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }

    /// Days in the proleptic Gregorian calendar, counted in 400-year eras of years that begin in March, so that the leap day is a
    /// year's last.
    private static func daysFromUnixEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month > 2 ? year : year - 1
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        // 719468 days lie between 0000-03-01 and 1970-01-01.
        return era * 146_097 + dayOfEra - 719_468
    }
}
