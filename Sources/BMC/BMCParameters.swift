// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// MAAS's power parameters of the type `ipmi`, checked.
public struct BMCParameters: Sendable, Hashable {
    /// MAAS's `power_driver`.
    public enum Driver: String, Sendable, CaseIterable {
        case ipmi15 = "LAN"
        case ipmi20 = "LAN_2_0"
    }

    /// MAAS's `privilege_level`; the raw values are IPMI's (IPMI 2.0, table 6-1).
    public enum PrivilegeLevel: UInt8, Sendable, CaseIterable {
        case user = 2
        case `operator` = 3
        case administrator = 4
    }

    /// MAAS's `power_boot_type`.
    public enum BootType: String, Sendable, CaseIterable {
        /// As the machine's firmware says.
        case auto
        case legacy
        case efi
    }

    /// MAAS's `power_off_mode`.
    public enum OffMode: String, Sendable, CaseIterable {
        case hard
        /// `off` asks the operating system, and fails when that does not listen before the deadline.
        case soft
    }

    public var address: BMCAddress
    public var user: String
    public var password: String
    /// The BMC's key, zero to 20 bytes (IPMI 2.0, section 13.33).
    public var bmcKey: [UInt8]
    public var driver: Driver
    public var cipherSuite: UInt8
    public var privilegeLevel: PrivilegeLevel
    public var workaroundFlags: Set<WorkaroundFlag>
    public var bootType: BootType
    public var offMode: OffMode
}

extension BMCParameters: CustomStringConvertible, CustomReflectable {
    /// Without the secrets.
    public var description: String { "\(self.user)@\(self.address) (\(self.driver.rawValue), cipher suite \(self.cipherSuite))" }

    /// Keeps the secrets out of `dump` and string interpolation.
    public var customMirror: Mirror { Mirror(self, children: ["description": self.description]) }
}
