// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension BMCParameters {
    /// Cipher suites that FreeIPMI speaks, without suite 0, which authenticates nothing.
    static let cipherSuites: [UInt8] = [1, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17]

    /// The parameters of other scopes that MAAS keeps beside these.
    private static let ignoredKeys: Set<String> = ["mac_address"]

    /// Reads MAAS's names. An absent or empty parameter has MAAS's default; an unknown name is refused, because it is most likely misspelt.
    ///
    /// - `power_address` (required): address or name, with an optional `:port` (623).
    /// - `power_user`, `power_pass`: at most 16 and 20 bytes (16 with `LAN`).
    /// - `k_g`: at most 20 bytes of text, or `0x` and hexadecimal digits.
    /// - `power_driver`: `LAN` or `LAN_2_0` (default).
    /// - `cipher_suite_id`: 3 (default), 17, 8, 12 …
    /// - `privilege_level`: `USER`, `OPERATOR` (default) or `ADMIN`.
    /// - `workaround_flags`: FreeIPMI's names separated by commas, or `none`; default `opensesspriv`.
    /// - `power_boot_type`: `auto` (default), `legacy` or `efi`.
    /// - `power_off_mode`: `hard` (default) or `soft`.
    public init(_ values: [String: String]) throws(BMCParameterError) {
        // Sorted, so that the same input always gets the same complaint.
        for key in values.keys.sorted() where !Self.knownKeys.contains(key) && !Self.ignoredKeys.contains(key) {
            throw BMCParameterError(key, "", expected: "a parameter of power type ipmi (\(Self.knownKeys.sorted().joined(separator: ", ")))")
        }
        func value(_ key: String) -> String? { values[key].flatMap { $0.isEmpty ? nil : $0 } }

        guard let address = value("power_address") else {
            throw BMCParameterError("power_address", "", expected: "the address of a BMC, which is required")
        }
        self.address = try BMCAddress(address)

        self.driver = try Self.choice("power_driver", value("power_driver"), default: .ipmi20)
        self.bootType = try Self.choice("power_boot_type", value("power_boot_type"), default: .auto)
        self.offMode = try Self.choice("power_off_mode", value("power_off_mode"), default: .hard)

        self.user = value("power_user") ?? ""
        guard self.user.utf8.count <= 16, !self.user.utf8.contains(0) else {
            throw BMCParameterError("power_user", self.user, expected: "at most 16 bytes")
        }
        self.password = value("power_pass") ?? ""
        let longest = self.driver == .ipmi20 ? 20 : 16
        guard self.password.utf8.count <= longest, !self.password.utf8.contains(0) else {
            let given = "\(self.password.utf8.count) bytes"
            throw BMCParameterError("power_pass", given, expected: "at most \(longest) bytes with \(self.driver.rawValue)")
        }
        self.bmcKey = try Self.bmcKey(value("k_g") ?? "")
        self.cipherSuite = try Self.cipherSuite(value("cipher_suite_id") ?? "3")
        self.privilegeLevel = try Self.privilegeLevel(value("privilege_level") ?? "OPERATOR")
        self.workaroundFlags = try Self.workaroundFlags(value("workaround_flags") ?? "opensesspriv")
    }

    private static let knownKeys: Set<String> = [
        "power_address", "power_user", "power_pass", "power_driver", "cipher_suite_id", "privilege_level", "workaround_flags", "k_g",
        "power_boot_type", "power_off_mode",
    ]

    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, _ value: String?, default standard: Choice
    ) throws(BMCParameterError) -> Choice {
        guard let value else { return standard }
        guard let choice = Choice(rawValue: value) else {
            throw BMCParameterError(key, value, expected: "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return choice
    }

    private static func bmcKey(_ text: String) throws(BMCParameterError) -> [UInt8] {
        let bytes = Array(text.utf8)
        let refused = BMCParameterError(
            "k_g", "\(bytes.count) characters", expected: "at most 20 bytes of text, or 0x and an even number of at most 40 hexadecimal digits")
        guard text.hasPrefix("0x") else {
            guard bytes.count <= 20 else { throw refused }
            return bytes
        }
        let digits = bytes.dropFirst(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue.map(UInt8.init) }
        guard digits.count == bytes.count - 2, digits.count <= 40, digits.count.isMultiple(of: 2) else { throw refused }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private static func cipherSuite(_ text: String) throws(BMCParameterError) -> UInt8 {
        guard let number = UInt8(text), self.cipherSuites.contains(number) else {
            let list = self.cipherSuites.map(String.init).joined(separator: ", ")
            throw BMCParameterError("cipher_suite_id", text, expected: "one of \(list)")
        }
        return number
    }

    private static func privilegeLevel(_ text: String) throws(BMCParameterError) -> PrivilegeLevel {
        switch text {
        case "USER": .user
        case "OPERATOR": .operator
        case "ADMIN": .administrator
        default: throw BMCParameterError("privilege_level", text, expected: "one of USER, OPERATOR, ADMIN")
        }
    }

    private static func workaroundFlags(_ text: String) throws(BMCParameterError) -> Set<WorkaroundFlag> {
        guard text != "none" else { return [] }
        var flags: Set<WorkaroundFlag> = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            let name = String(name.drop { $0 == " " })
            guard let flag = WorkaroundFlag(rawValue: name) else {
                let names = WorkaroundFlag.allCases.map(\.rawValue).joined(separator: ", ")
                throw BMCParameterError("workaround_flags", name, expected: "none, or names separated by commas of: \(names)")
            }
            flags.insert(flag)
        }
        return flags
    }
}
