// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain

/// Checks of names that clients give.
enum Names {
    /// A name of a zone, pool, tag, fabric and the like: letters, digits, blanks, and `_ . -` inside.
    static func checked(_ text: String, field: String) throws -> String {
        let name = text.trimmed
        guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }) else {
            throw APIFailure.field(field, "'\(text.prefix(80))' can't be a name: expected 1 to 255 bytes without '/' and control characters.")
        }
        return name
    }

    /// A host name: one label of RFC 1123; the domain after it is cut off when it is ours.
    static func hostname(_ text: String, field: String = "hostname") throws -> String {
        var name = text.trimmed.lowercased()
        if name.hasSuffix(".\(APIRenderer.domain)") { name = String(name.dropLast(APIRenderer.domain.utf8.count + 1)) }
        let isLabel = (1...63).contains(name.utf8.count) && name.first != "-" && name.last != "-"
        let isPlain = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
        }
        guard isLabel, isPlain else {
            throw APIFailure.field(
                field, "'\(text.prefix(80))' is no host name: expected 1 to 63 letters, digits and '-' (domain: \(APIRenderer.domain)).")
        }
        return name
    }

    /// An architecture such as `amd64/generic`.
    static func architecture(_ text: String, subarchitecture: String? = nil) throws -> String {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let known = ["amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x"]
        let subarchitecture = parts.count == 2 ? parts[1] : subarchitecture ?? "generic"
        guard (1...2).contains(parts.count), known.contains(parts[0]), (1...64).contains(subarchitecture.utf8.count),
            subarchitecture.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") })
        else {
            throw APIFailure.field(
                "architecture", "'\(text.prefix(80))' is not a valid architecture. It should be one of: 'amd64/generic', 'arm64/generic'.")
        }
        return "\(parts[0])/\(subarchitecture)"
    }

    static func macAddress(_ text: String, field: String = "mac_addresses") throws -> MACAddress {
        guard let address = MACAddress(text) else { throw APIFailure.field(field, "'\(text.prefix(40))' is not a valid MAC address.") }
        return address
    }
}
