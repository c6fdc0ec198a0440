// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a name that a loader asks for means, the same by TFTP and by HTTP.
public enum BootName: Sendable, Hashable {
    /// `pxelinux.cfg/01-<mac>`
    case pxelinux(MACAddress)
    /// `pxelinux.cfg/default`, or `default.<arch>` with more behind a dash
    case pxelinuxDefault(architecture: String)
    /// `grub/grub.cfg`
    case grubDispatcher
    /// `grub/grub.cfg-<mac>`
    case grub(MACAddress)
    /// `grub/grub.cfg-default-<arch>`
    case grubDefault(architecture: String)
    /// `ipxe.cfg`
    case ipxeDispatcher
    /// `ipxe.cfg-<mac>`
    case ipxe(MACAddress)
    /// `ipxe.cfg-default-<arch>`
    case ipxeDefault(architecture: String)
    /// `images/<sha256>/<any name>`
    case content(digest: String)
    /// A boot loader or one of its files, if the rack has it.
    case file(String)

    /// Reads a normalised path.
    public init(path: String) {
        self = Self.configuration(path) ?? Self.image(path) ?? .file(path)
    }

    private static func configuration(_ path: String) -> BootName? {
        if path == "grub/grub.cfg" { return .grubDispatcher }
        if path == "ipxe.cfg" { return .ipxeDispatcher }
        if let rest = Self.rest(of: path, after: "pxelinux.cfg/") {
            if let address = Self.rest(of: rest, after: "01-").flatMap({ MACAddress($0) }) { return .pxelinux(address) }
            if rest == "default" { return .pxelinuxDefault(architecture: "amd64") }
            if let architecture = Self.rest(of: rest, after: "default.") {
                return .pxelinuxDefault(architecture: Self.architecture(architecture))
            }
        }
        if let rest = Self.rest(of: path, after: "grub/grub.cfg-") {
            if let address = MACAddress(rest) { return .grub(address) }
            if let architecture = Self.rest(of: rest, after: "default-") {
                return .grubDefault(architecture: Self.architecture(architecture))
            }
        }
        if let rest = Self.rest(of: path, after: "ipxe.cfg-") {
            if let address = MACAddress(rest) { return .ipxe(address) }
            if rest == "default" { return .ipxeDefault(architecture: "amd64") }
            if let architecture = Self.rest(of: rest, after: "default-") {
                return .ipxeDefault(architecture: Self.architecture(architecture))
            }
        }
        return nil
    }

    private static func image(_ path: String) -> BootName? {
        guard let rest = Self.rest(of: path, after: "images/") else { return nil }
        let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let digest = parts.first.map(String.init), Self.isDigest(digest) else { return .file(rest) }
        return .content(digest: digest)
    }

    private static func rest(of text: String, after prefix: String) -> String? {
        text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
    }

    /// MAAS's name of an architecture, without the part behind a dash.
    private static func architecture(_ text: String) -> String {
        switch text.prefix(while: { $0 != "-" }) {
        case "amd64", "x86_64", "i386": "amd64"
        case "arm64", "aarch64": "arm64"
        case let other: String(other)
        }
    }

    /// The MAC address in the name.
    public var macAddress: MACAddress? {
        switch self {
        case .pxelinux(let address), .grub(let address), .ipxe(let address): address
        case .pxelinuxDefault, .grubDispatcher, .grubDefault, .ipxeDispatcher, .ipxeDefault, .content, .file: nil
        }
    }

    /// Whether loaders ask for the name only to see if it is there, so that its absence is worth no line in a machine's timeline:
    /// pxelinux' names made from the address, shim's optional lists.
    public var isProbe: Bool {
        guard case .file(let path) = self else { return false }
        return path.hasPrefix("pxelinux.cfg/") || path.hasPrefix("revocations_") || path.hasPrefix("shim_certificate_")
    }

    /// Whether the text is a SHA-256 in lower-case hexadecimal.
    public static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}
