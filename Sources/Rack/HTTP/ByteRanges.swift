// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What parts of a file a `Range` header asks for (RFC 9110, section 14).
enum ByteRanges: Hashable {
    /// No range, or one that is not understood: the whole file is a proper answer to it.
    case whole
    /// One or more, in the order in which they were asked for.
    case parts([Range<UInt64>])
    /// All ranges begin behind the end.
    case unsatisfiable
    /// More than anybody needs, or the same octets again and again (RFC 9110, section 14.2, allows to refuse both).
    case refused

    /// The most ranges of one request. Clients that go on with a download ask for one, zsync-like ones for some tens.
    static let maximumCount = 32
    /// Pairs of neighbours, in the order of their places, that may overlap.
    static let maximumOverlaps = 2
    /// The longest header that is read: the most ranges with numbers of 20 digits.
    private static let maximumLength = 6 + 43 * Self.maximumCount

    /// - Parameter header: The header's value, nil when there is none.
    init(header: String?, size: UInt64) {
        self = .whole
        guard let header, header.utf8.prefix(6).elementsEqual("bytes=".utf8, by: { $0 | 0x20 == $1 | 0x20 }) else { return }
        guard header.utf8.count <= Self.maximumLength else {
            self = .refused
            return
        }
        var parts: [Range<UInt64>] = []
        var count = 0
        for text in header.dropFirst(6).split(separator: ",") {
            let spec = text.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
            guard let part = Self.part(spec, size: size) else { return }
            count += 1
            if !part.isEmpty { parts.append(part) }
        }
        guard count > 0 else { return }
        guard count <= Self.maximumCount, Self.overlaps(parts) <= Self.maximumOverlaps else {
            self = .refused
            return
        }
        self = parts.isEmpty ? .unsatisfiable : .parts(parts)
    }

    /// One range; empty when it begins behind the end, nil when it is none.
    private static func part(_ spec: Substring, size: UInt64) -> Range<UInt64>? {
        let bounds = spec.split(separator: "-", omittingEmptySubsequences: false)
        guard bounds.count == 2 else { return nil }
        switch (Self.number(bounds[0]), Self.number(bounds[1])) {
        case (let first?, let last?):
            guard first <= last else { return nil }
            return first < size ? first..<min(last, size - 1) + 1 : 0..<0
        case (let first?, nil) where bounds[1].isEmpty:
            return first < size ? first..<size : 0..<0
        case (nil, let count?) where bounds[0].isEmpty:
            return size - min(count, size)..<size
        default:
            return nil
        }
    }

    private static func number(_ text: Substring) -> UInt64? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return UInt64(text)
    }

    private static func overlaps(_ parts: [Range<UInt64>]) -> Int {
        var (count, end): (Int, UInt64) = (0, 0)
        for part in parts.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if part.lowerBound < end { count += 1 }
            end = max(end, part.upperBound)
        }
        return count
    }
}
