// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// The words of the ephemeral OS's kernel command line, checked, before any loader's quoting.
///
/// They are MAAS's (`kernel_opts.py`): the initramfs fetches `root=squash:`, configures the interface that `BOOTIF` names, and cloud-init
/// takes that configuration over because of `ip=`. `cc:` is written without quotes, which YAML does not need here: GRUB would put
/// backslashes before them.
public struct KernelCommandLine: Sendable, Hashable {
    /// The most octets of our words together. x86 kernels cut at 2047; the rest is for what loaders add.
    public static let maximumLength = 1800

    /// Gantry's own words, without `BOOTIF`.
    public let ownWords: [String]
    /// The intent's words. Double quotes hold blanks together, as the kernel has it.
    public let optionWords: [String]

    /// Builds and checks the words.
    public init(intent: BootIntent, environment: BootEnvironment, loader: BootLoader) throws(BootConfigurationError) {
        let files = try BootFiles(intent: intent)
        try Self.check(preseedPath: intent.preseedPath)
        let own = [
            "nomodeset",
            "root=squash:\(environment.httpBase)/\(files.squashfs)",
            "ip=::::\(Self.hostname(intent)):BOOTIF:dhcp",
            "ip6=off",
            "ro",
            "overlayroot=tmpfs",
            "overlayroot_cfgdisk=disabled",
            "console=tty0",
            "console=ttyS0",
            "cc:{datasource_list:[MAAS]}end_cc",
            "cloud-config-url=\(environment.httpBase)/MAAS/\(intent.preseedPath)",
        ]
        var options: [String] = []
        for (index, option) in intent.kernelOptions.enumerated() {
            let words = try Self.words(of: option, index: index)
            guard words.allSatisfy({ Self.isExpressible($0, in: loader) }) else {
                throw .notExpressible(option: index, loader: loader)
            }
            options.append(contentsOf: words)
        }
        let count = (own + options).reduce(0) { $0 + $1.utf8.count + 1 }
        guard count <= Self.maximumLength else { throw .commandLineTooLong(count: count, limit: Self.maximumLength) }
        self.ownWords = own
        self.optionWords = options
    }

    /// The host's part of the machine's name, if it is made of letters, digits and dashes only.
    private static func hostname(_ intent: BootIntent) -> String {
        let label = intent.hostname.utf8.prefix { $0 != UInt8(ascii: ".") }
        let isPlain = label.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: $0 == UInt8(ascii: "-")
            }
        }
        guard isPlain, (1...63).contains(label.count) else { return "gantry" }
        return String(decoding: label, as: UTF8.self)
    }

    /// `BOOTIF` for a known boot interface; 01 is ARP's number of Ethernet.
    public static func bootInterface(_ address: MACAddress) -> String { "BOOTIF=01-\(address.dashed)" }

    private static func check(preseedPath: String) throws(BootConfigurationError) {
        for (offset, byte) in preseedPath.utf8.enumerated() where !Self.isURLOctet(byte) {
            throw .invalidPreseedPath(offset: offset)
        }
        // iPXE would take `${` for one of its settings; neither octet of it passes the test above.
    }

    private static func isURLOctet(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: Array("-._~/?=&%:+@,".utf8).contains(byte)
        }
    }

    /// Splits at blanks outside double quotes.
    private static func words(of option: String, index: Int) throws(BootConfigurationError) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        var isQuoted = false
        for byte in option.utf8 {
            guard byte >= 0x20, byte != 0x7F else { throw .controlCharacter(option: index) }
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if byte == UInt8(ascii: " "), !isQuoted {
                if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
            } else {
                word.append(byte)
            }
        }
        guard !isQuoted else { throw .openQuote(option: index) }
        if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }

    /// iPXE has no quoting: it splits at every blank and knows command separators, comments and `${settings}`.
    private static func isExpressible(_ word: String, in loader: BootLoader) -> Bool {
        guard loader == .ipxe else { return true }
        guard !word.utf8.contains(UInt8(ascii: "$")) else { return false }
        return word.split(separator: " ").allSatisfy { ![";", "||", "&&"].contains($0) && $0.utf8.first != UInt8(ascii: "#") }
    }
}
