// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import BMC

struct BMCParametersTests {
    private let least = ["power_address": "10.0.0.9"]

    @Test func `an address alone gets MAAS's defaults`() throws {
        let parameters = try BMCParameters(["power_address": "10.0.0.9", "power_user": "maas", "cipher_suite_id": "", "mac_address": "x"])
        #expect(parameters.address.host == "10.0.0.9")
        #expect(parameters.address.port == 623)
        #expect(parameters.driver == .ipmi20)
        #expect(parameters.cipherSuite == 3)
        #expect(parameters.privilegeLevel == .operator)
        #expect(parameters.workaroundFlags == [.openSessionPrivilege])
        #expect(parameters.bootType == .auto)
        #expect(parameters.offMode == .hard)
        #expect(parameters.bmcKey.isEmpty)
    }

    @Test func `every parameter is read`() throws {
        let parameters = try BMCParameters([
            "power_address": "BMC7.example:6230", "power_user": "u", "power_pass": "p", "power_driver": "LAN", "cipher_suite_id": "17",
            "privilege_level": "ADMIN", "workaround_flags": "sun20, nochecksumcheck", "k_g": "0x00ffA1", "power_boot_type": "efi",
            "power_off_mode": "soft",
        ])
        #expect(parameters.address.description == "bmc7.example:6230")
        #expect(parameters.driver == .ipmi15)
        #expect(parameters.cipherSuite == 17)
        #expect(parameters.privilegeLevel == .administrator)
        #expect(parameters.workaroundFlags == [.sun20, .noChecksumCheck])
        #expect(parameters.bmcKey == [0x00, 0xFF, 0xA1])
        #expect(parameters.bootType == .efi)
        #expect(parameters.offMode == .soft)
        #expect(try BMCParameters(self.least.merging(["workaround_flags": "none"]) { $1 }).workaroundFlags.isEmpty)
    }

    @Test(arguments: [
        ("10.0.0.1", "10.0.0.1:623"), ("10.0.0.1:1", "10.0.0.1:1"), ("fd00::1", "[fd00::1]:623"), ("[FD00::1]:65535", "[fd00::1]:65535"),
        ("[fd00::1]", "[fd00::1]:623"), ("bmc", "bmc:623"),
    ])
    func `an address may carry a port`(text: String, expected: String) throws {
        #expect(try BMCAddress(text).description == expected)
    }

    @Test(arguments: [
        "", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:+1", "[fd00::1", "[fd00::1]x", "[bmc]:1", "a b", "-h", "a/b", ":623",
        String(repeating: "a", count: 254), "naïve",
    ])
    func `what is not an address is refused`(text: String) {
        let error = #expect(throws: BMCParameterError.self) { try BMCParameters(["power_address": text]) }
        #expect(error?.key == "power_address")
    }

    @Test(arguments: [
        ("power_driver", "lan"), ("cipher_suite_id", "0"), ("cipher_suite_id", "999"), ("privilege_level", "ROOT"),
        ("workaround_flags", "opensesspriv,,"), ("workaround_flags", "magic"), ("power_boot_type", "uefi"), ("power_off_mode", "gentle"),
        ("power_user", "seventeen letters"), ("pwer_pass", "x"),
    ])
    func `a wrong parameter is refused by name and value`(key: String, value: String) {
        let error = #expect(throws: BMCParameterError.self) { try BMCParameters(self.least.merging([key: value]) { $1 }) }
        #expect(error?.key == key)
        #expect(error?.expected.isEmpty == false)
    }

    @Test(arguments: [
        ("power_pass", "a password of more than twenty bytes"), ("k_g", "0x123"), ("k_g", "0xzz"), ("k_g", "a key of more than twenty bytes"),
    ])
    func `a wrong secret is refused without being told`(key: String, value: String) {
        let error = #expect(throws: BMCParameterError.self) { try BMCParameters(self.least.merging([key: value]) { $1 }) }
        #expect(error?.key == key)
        #expect(error?.description.contains(value) == false)
    }

    @Test func `secrets stay out of text made from parameters`() throws {
        let parameters = try BMCParameters(self.least.merging(["power_pass": "hunter2", "k_g": "hunter3"]) { $1 })
        var dumped = ""
        dump(parameters, to: &dumped)
        #expect(!"\(parameters) \(String(reflecting: parameters)) \(dumped)".contains("hunter"))
    }
}
