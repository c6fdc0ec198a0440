// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The power drivers with their parameters, as `describe_power_types` shows them.
public enum PowerTypeDescription {
    public static let all: JSONValue = [Self.manual, Self.ipmi]

    private static let manual: JSONValue = [
        "driver_type": "power", "name": "manual", "description": "Manual", "chassis": false, "can_probe": false, "queryable": false,
        "missing_packages": [], "fields": [],
    ]

    private static let ipmi: JSONValue = [
        "driver_type": "power", "name": "ipmi", "description": "IPMI", "chassis": false, "can_probe": false, "queryable": true,
        "missing_packages": [],
        "fields": [
            Self.field("power_driver", "Power driver", choices: [("LAN", "LAN [IPMI 1.5]"), ("LAN_2_0", "LAN_2_0 [IPMI 2.0]")], initial: "LAN_2_0"),
            Self.field(
                "power_boot_type", "Power boot type",
                choices: [("auto", "Automatic"), ("legacy", "Legacy boot"), ("efi", "EFI boot")], initial: "auto", scope: "node"
            ),
            Self.field("power_address", "IP address", required: true),
            Self.field("power_user", "Power user"),
            Self.field("power_pass", "Power password", kind: "password", isSecret: true),
            Self.field("k_g", "K_g BMC key", kind: "password", isSecret: true),
            Self.field(
                "cipher_suite_id", "Cipher Suite ID",
                choices: [
                    ("17", "17 - HMAC-SHA256::HMAC_SHA256_128::AES-CBC-128"), ("3", "3 - HMAC-SHA1::HMAC-SHA1-96::AES-CBC-128"),
                    ("", "freeipmi-tools default"), ("8", "8 - HMAC-MD5::HMAC-MD5-128::AES-CBC-128"),
                    ("12", "12 - HMAC-MD5::MD5-128::AES-CBC-128"),
                ], initial: "3"
            ),
            Self.field(
                "privilege_level", "Privilege Level",
                choices: [("USER", "User"), ("OPERATOR", "Operator"), ("ADMIN", "Administrator")], initial: "OPERATOR"
            ),
            Self.field("workaround_flags", "Workaround flags"),
            Self.field("mac_address", "Power MAC", kind: "mac_address", scope: "node"),
        ],
    ]

    private static func field(
        _ name: String, _ label: String, kind: String = "string", required: Bool = false, choices: [(String, String)] = [],
        initial: String = "", scope: String = "bmc", isSecret: Bool = false
    ) -> JSONValue {
        [
            "name": .string(name), "label": .string(label), "required": .bool(required),
            "field_type": .string(choices.isEmpty ? kind : "choice"),
            "choices": .array(choices.map { [.string($0.0), .string($0.1)] }), "default": .string(initial), "scope": .string(scope),
            "secret": .bool(isSecret),
        ]
    }
}
