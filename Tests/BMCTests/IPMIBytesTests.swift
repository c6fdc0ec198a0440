// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import BMC

struct IPMIBytesTests {
    @Test func `boot flags are valid for one boot and say legacy or EFI`() {
        #expect(BootFlags.request(device: .network, efi: false) == [0x08, 0x05, 0x80, 0x04, 0, 0, 0])
        #expect(BootFlags.request(device: .network, efi: true) == [0x08, 0x05, 0xA0, 0x04, 0, 0, 0])
        #expect(BootFlags.request(device: .disk, efi: false) == [0x08, 0x05, 0x80, 0x08, 0, 0, 0])
    }

    @Test func `auto follows the firmware and the others do not`() {
        #expect(BootFlags.isEFI(bootType: .auto, firmware: .uefi))
        #expect(!BootFlags.isEFI(bootType: .auto, firmware: .bios))
        #expect(!BootFlags.isEFI(bootType: .auto, firmware: nil))
        #expect(!BootFlags.isEFI(bootType: .legacy, firmware: .uefi))
        #expect(BootFlags.isEFI(bootType: .efi, firmware: .bios))
    }

    @Test func `the knock's checksums are right`() {
        let request = IPMIKnock.request
        #expect(request.count == 23)
        #expect(Int(request[13]) == request.count - 14)
        #expect(request[14...16].reduce(0, &+) == 0)
        #expect(request[17...22].reduce(0, &+) == 0)
    }

    @Test func `only RMCP packets of class IPMI answer a knock`() {
        let answer: [UInt8] = [0x06, 0, 0xFF, 0x07] + [UInt8](repeating: 0, count: 20)
        #expect(IPMIKnock.isAnswer(answer[...]))
        for length in 0..<14 { #expect(!IPMIKnock.isAnswer(answer[..<length])) }
        #expect(!IPMIKnock.isAnswer([UInt8](repeating: 0, count: 24)[...]))
        #expect(!IPMIKnock.isAnswer(([0x06, 0, 0xFF, 0x06] + [UInt8](repeating: 0, count: 20))[...]))
    }

    @Test func `every completion code but zero is an error`() throws {
        let address = try BMCAddress("10.0.0.1")
        #expect(CompletionCode.error(0, command: "chassis status", address: address) == nil)
        for code in UInt8(1)...255 {
            let error = try #require(CompletionCode.error(code, command: "chassis status", address: address))
            #expect(error.outcome != .succeeded)
        }
        #expect(CompletionCode.error(0xC0, command: "c", address: address)?.outcome == .busy)
        #expect(CompletionCode.error(0xD4, command: "c", address: address)?.outcome == .unsupported)
        #expect(CompletionCode.error(0x05, command: "c", address: address)?.message.contains("0x05") == true)
    }

    @Test func `durations become milliseconds without overflow`() {
        #expect(Duration.seconds(-1).milliseconds == 0)
        #expect(Duration.nanoseconds(1).milliseconds == 1)
        #expect(Duration.milliseconds(1500).milliseconds == 1500)
        #expect(Duration.seconds(Int64.max).milliseconds == 2_000_000_000)
    }
}
