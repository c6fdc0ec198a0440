// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import Testing

@Suite struct KernelCommandLineTests {
    static func line(_ intent: BootIntent, _ loader: BootLoader = .pxelinux) throws(BootConfigurationError) -> KernelCommandLine {
        try KernelCommandLine(intent: intent, environment: Samples.environment, loader: loader)
    }

    @Test func `the words are MAAS's`() throws {
        let line = try Self.line(Samples.intent(options: ["quiet  splash", "dyndbg=\"file a.c +p\" x"]))
        #expect(line.ownWords.joined(separator: " ") == Samples.words)
        #expect(line.optionWords == ["quiet", "splash", "dyndbg=\"file a.c +p\"", "x"])
    }

    @Test(arguments: ["a\nb", "a\rb", "a\r\nb", "a\0b", "a\tb", "a\u{7F}b", "\n"])
    func `line breaks and control characters are refused`(option: String) {
        #expect(throws: BootConfigurationError.controlCharacter(option: 1)) { try Self.line(Samples.intent(options: ["ok", option])) }
    }

    @Test func `an open quote is refused, because it would take in what follows`() {
        #expect(throws: BootConfigurationError.openQuote(option: 0)) { try Self.line(Samples.intent(options: ["a=\"b c"])) }
    }

    @Test(arguments: ["a ; reboot", "a && b", "a || b", "#x", "a=${net0/mac}", "x=\"a ; b\""])
    func `words that iPXE would run are refused for iPXE only`(option: String) throws {
        #expect(throws: BootConfigurationError.notExpressible(option: 0, loader: .ipxe)) {
            try Self.line(Samples.intent(options: [option]), .ipxe)
        }
        _ = try Self.line(Samples.intent(options: [option]), .grub)
        _ = try Self.line(Samples.intent(options: ["a;b", "c#d", "---"]), .ipxe)
    }

    @Test(arguments: ["a b", "a'b", "a\"b", "a\\b", "a${x}", "a\nb", "a#b", "ä"])
    func `a preseed path must be a path and query`(path: String) {
        #expect(throws: BootConfigurationError.self) { try Self.line(Samples.intent(preseed: path)) }
    }

    @Test func `a host name that is none is left out`() throws {
        for hostname in ["a b", "a:b", "", "x;reboot", "ä", String(repeating: "a", count: 64)] {
            #expect(try Self.line(Samples.intent(hostname: hostname)).ownWords.contains("ip=::::gantry:BOOTIF:dhcp"), "\(hostname)")
        }
    }

    @Test func `images and their digests must be there`() {
        #expect(throws: BootConfigurationError.missingImage(purpose: "xinstall")) { try Self.line(Samples.intent(.xinstall, image: nil)) }
        var image = Samples.image
        image.initrd = "../../etc/passwd"
        #expect(throws: BootConfigurationError.invalidDigest(file: "boot-initrd")) { try Self.line(Samples.intent(image: image)) }
    }

    @Test func `a line that a kernel would cut is refused`() {
        #expect(throws: BootConfigurationError.self) {
            try Self.line(Samples.intent(options: [String(repeating: "x", count: KernelCommandLine.maximumLength)]))
        }
    }

    @Test func `random options never add a line to a configuration`() {
        var generator = SeededGenerator(seed: 11)
        let alphabet = Array("ab =\"'`$;#|&{}\\\n\r\0\u{85}\u{2028}\t*?")
        for _ in 0..<3000 {
            let option = String((0..<Int.random(in: 0...12, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? "a" })
            let intent = Samples.intent(options: [option])
            let plain = Samples.intent()
            do {
                #expect(
                    try PXELinuxConfiguration.text(for: intent, environment: Samples.environment, transport: .http).utf8.count { $0 == 10 }
                        == (try PXELinuxConfiguration.text(for: plain, environment: Samples.environment, transport: .http).utf8.count { $0 == 10 }))
                #expect(
                    try GRUBConfiguration.text(for: intent, macAddress: nil, environment: Samples.environment).utf8.count { $0 == 10 }
                        == (try GRUBConfiguration.text(for: plain, macAddress: nil, environment: Samples.environment).utf8.count { $0 == 10 }))
                #expect(
                    try IPXEScript.text(for: intent, macAddress: nil, environment: Samples.environment).utf8.count { $0 == 10 }
                        == (try IPXEScript.text(for: plain, macAddress: nil, environment: Samples.environment).utf8.count { $0 == 10 }))
            } catch {
                #expect(!"\(error)".contains(option) || option.utf8.count < 3)
            }
        }
    }
}
