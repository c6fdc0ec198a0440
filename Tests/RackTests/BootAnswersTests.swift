// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import Rack
import Testing

@Suite struct BootAnswersTests {
    static let client = IPAddress.v4(IPv4Address(rawValue: 0x0A63_0064))
    static let service = IPAddress.v4(IPv4Address(rawValue: 0x0A63_0001))

    static func ask(_ answers: BootAnswers, _ name: String, _ transport: BootTransport = .http) -> BootAnswer {
        answers.answer(BootRequest(name: name, client: Self.client, service: Self.service, transport: transport))
    }

    static func text(_ answer: BootAnswer) -> String {
        guard case .bytes(let bytes) = answer.content else { return "\(answer.content)" }
        return String(decoding: bytes, as: UTF8.self)
    }

    static let ownNames = ["pxelinux.cfg/01-52-54-00-ab-cd-ef", "/grub/grub.cfg-52:54:00:ab:cd:ef", "ipxe.cfg-52-54-00-ab-cd-ef"]
    static let defaultNames = ["pxelinux.cfg/default", "grub/grub.cfg-default-amd64", "boot/ipxe.cfg-default-x86_64"]

    @Test(arguments: ownNames) func `a known machine gets its own configuration, an unknown one nothing`(name: String) {
        let answers = BootAnswers()
        answers.setEnlistment(BootFixture.intent(.enlist, macs: [], id: nil))
        #expect(Self.ask(answers, name).content == .notFound)
        answers.put(BootFixture.intent(.commissioning))
        let answer = Self.ask(answers, name)
        #expect(Self.text(answer).contains("http://10.99.0.1:5248/images/"))
        #expect(answer.macAddress == BootFixture.mac && answer.purpose == .commissioning && answer.problem == nil)
        answers.put(BootFixture.intent(.local))
        #expect(Self.text(Self.ask(answers, name)).contains("local disk"))
        if let id = SystemID("abc346") { answers.remove(id) }
        #expect(Self.ask(answers, name).content == .notFound)
    }

    @Test(arguments: defaultNames) func `the default name enlists, or boots the disk while nothing can be enlisted`(name: String) {
        let answers = BootAnswers()
        #expect(Self.text(Self.ask(answers, name)).contains("local disk"))
        answers.setEnlistment(BootFixture.intent(.enlist, macs: [], id: nil))
        let answer = Self.ask(answers, name)
        #expect(Self.text(answer).contains("Gantry: enlist") && answer.purpose == .enlist)
    }

    @Test func `machines of another architecture are not sent an amd64 image`() {
        let answers = BootAnswers()
        answers.setEnlistment(BootFixture.intent(.enlist, macs: [], id: nil))
        #expect(Self.text(Self.ask(answers, "grub/grub.cfg-default-arm64")).contains("local disk"))
    }

    @Test func `loaders are found below every root that firmware uses`() {
        let answers = BootAnswers()
        let digest = String(repeating: "d", count: 64)
        answers.setLoaders(["/grubx64.efi": digest, "grub/x86_64-efi/http.mod": digest])
        for name in ["grubx64.efi", "//grubx64.efi", "images/grubx64.efi", "/boot/grubx64.efi", "grub\\x86_64-efi\\http.mod"] {
            #expect(Self.ask(answers, name).content == .file(digest: digest), "\(name)")
        }
        #expect(Self.ask(answers, "GRUBX64.EFI").content == .notFound)
        #expect(Self.ask(answers, "../etc/passwd").content == .refused)
        #expect(Self.ask(answers, "images/\(digest)/anything").content == .file(digest: digest))
        #expect(answers.digests == [digest])
    }

    @Test func `an intent that cannot be written is told to the machine and to the timeline`() {
        let answers = BootAnswers()
        answers.put(BootFixture.intent(.commissioning, options: ["a\nb"]))
        let answer = Self.ask(answers, "ipxe.cfg-52:54:00:ab:cd:ef")
        #expect(Self.text(answer).contains("kernel option 0 has a line break"))
        #expect(answer.problem == "kernel option 0 has a line break or control character")
    }

    @Test func `all interfaces of a machine get its configuration, and former ones lose it`() {
        let answers = BootAnswers()
        let other = MACAddress(rawValue: 7)
        answers.put(BootFixture.intent(.xinstall, macs: [BootFixture.mac, other]))
        #expect(answers.intent(of: other)?.purpose == .xinstall)
        answers.put(BootFixture.intent(.local))
        #expect(answers.intent(of: other) == nil && answers.intent(of: BootFixture.mac)?.purpose == .local)
        answers.replace(intents: [BootFixture.intent(.poweroff, macs: [other], id: "abc347")], enlistment: nil, loaders: [:])
        #expect(answers.intent(of: BootFixture.mac) == nil && answers.intent(of: other)?.purpose == .poweroff)
    }

    @Test func `a client's address tells whose request it is`() {
        let answers = BootAnswers()
        #expect(Self.ask(answers, "grubx64.efi").macAddress == nil)
        answers.note(client: Self.client, is: BootFixture.mac)
        #expect(Self.ask(answers, "grubx64.efi").macAddress == BootFixture.mac)
    }

    @Test func `GRUB's own checker accepts every configuration`() async throws {
        let answers = BootAnswers()
        answers.setEnlistment(BootFixture.intent(.enlist, macs: [], id: nil, options: ["a='b", "c=\"d e\" ${x} $(y) `z` ;&|<>"]))
        let own = MACAddress(rawValue: 9)
        answers.put(BootFixture.intent(.local))
        answers.put(BootFixture.intent(.xinstall, macs: [own], id: "abc347", options: ["x\ny"]))
        let directory = try DirectoryContent()
        for name in ["grub/grub.cfg", "grub/grub.cfg-default-amd64", "grub/grub.cfg-\(BootFixture.mac)", "grub/grub.cfg-\(own)"] {
            let path = "\(directory.directory)/grub.cfg"
            try DirectoryContent.write(Array(Self.text(Self.ask(answers, name)).utf8), to: path)
            let result = try await execute("grub-script-check", [path])
            #expect(result.status == "exited(0)", "\(name): \(result.error)")
        }
    }
}
