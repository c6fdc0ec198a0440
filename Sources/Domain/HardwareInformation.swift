// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What the firmware says of a machine; the keys are those of MAAS's `hardware_info`.
public struct HardwareInformation: Sendable, Hashable, Codable {
    /// Such as `system_vendor`, `cpu_model`, `mainboard_firmware_version`; missing keys read as `Unknown`.
    public var values: [String: String]
    /// SMBIOS's UUID of the system.
    public var uuid: String?

    public init(values: [String: String] = [:], uuid: String? = nil) {
        self.values = values
        self.uuid = uuid
    }

    /// Every key of `hardware_info`, in MAAS's order.
    public static let keys = [
        "system_vendor", "system_product", "system_family", "system_version", "system_sku", "system_serial", "cpu_model",
        "mainboard_vendor", "mainboard_product", "mainboard_serial", "mainboard_version", "mainboard_firmware_vendor",
        "mainboard_firmware_date", "mainboard_firmware_version", "chassis_vendor", "chassis_type", "chassis_serial", "chassis_version",
    ]
}
