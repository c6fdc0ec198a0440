// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Domains in which clients look names up: the value of option 119 (RFC 3397), as DNS writes names (RFC 1035, section 4.1.4).
public enum DomainSearchList {
    /// Encodes names one after another; the end of a name that was written before is a pointer to it.
    ///
    /// A name that DNS cannot hold (an empty label, one of more than 63 bytes, more than 253 in all) is left out.
    public static func encode(_ names: [String]) -> [UInt8] {
        var bytes: [UInt8] = []
        var offsets: [String: Int] = [:]
        for name in names {
            let text = name.hasSuffix(".") ? String(name.dropLast()) : name
            var labels = text.split(separator: ".", omittingEmptySubsequences: false)[...]
            guard text.utf8.count <= 253, labels.allSatisfy({ (1...63).contains($0.utf8.count) }) else { continue }
            while let label = labels.first {
                let suffix = labels.joined(separator: ".").lowercased()
                if let offset = offsets[suffix] {
                    bytes += [0xC0 | UInt8(truncatingIfNeeded: offset >> 8), UInt8(truncatingIfNeeded: offset)]
                    break
                }
                if bytes.count < 0x4000 { offsets[suffix] = bytes.count }
                bytes.append(UInt8(truncatingIfNeeded: label.utf8.count))
                bytes += label.utf8
                labels.removeFirst()
            }
            if labels.isEmpty { bytes.append(0) }
        }
        return bytes
    }
}
