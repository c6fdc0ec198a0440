// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What part of a file a `Range` header asks for (RFC 9110, section 14).
enum ByteRange: Hashable {
    /// No range, or one that is not understood: the whole file is a proper answer to it. So it is for several ranges.
    case whole
    case part(Range<UInt64>)
    /// The range begins behind the end.
    case unsatisfiable

    /// - Parameter header: The header's value, nil when there is none.
    init(header: String?, size: UInt64) {
        self = .whole
        guard let header, header.utf8.count <= 64 else { return }
        let parts = header.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].lowercased() == "bytes" else { return }
        let bounds = parts[1].split(separator: "-", omittingEmptySubsequences: false)
        guard bounds.count == 2 else { return }
        let (first, last) = (Self.number(bounds[0]), Self.number(bounds[1]))
        switch (bounds[0].isEmpty, bounds[1].isEmpty) {
        case (false, false):
            guard let first, let last, first <= last else { return }
            self = first < size ? .part(first..<min(last, size - 1) + 1) : .unsatisfiable
        case (false, true):
            guard let first else { return }
            self = first < size ? .part(first..<size) : .unsatisfiable
        case (true, false):
            guard let count = last else { return }
            self = count == 0 || size == 0 ? .unsatisfiable : .part(size - min(count, size)..<size)
        case (true, true):
            return
        }
    }

    private static func number(_ text: Substring) -> UInt64? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return UInt64(text)
    }
}
