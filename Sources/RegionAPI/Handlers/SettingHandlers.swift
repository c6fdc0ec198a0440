// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// `maas/`: the settings.
enum SettingHandlers {
    private enum Kind {
        case text
        case flag
        case number(ClosedRange<Int>)
    }

    /// The settings with their defaults; other names are unknown.
    private static let settings: [String: (kind: Kind, initial: JSONValue)] = [
        "maas_name": (.text, "gantry"), "kernel_opts": (.text, ""), "default_osystem": (.text, "debian"),
        "default_distro_series": (.text, "bookworm"),
        "commissioning_distro_series": (.text, "bookworm"), "default_min_hwe_kernel": (.text, ""), "http_proxy": (.text, ""),
        "upstream_dns": (.text, ""),
        "ntp_servers": (.text, ""), "ntp_external_only": (.flag, false), "enable_disk_erasing_on_release": (.flag, false),
        "disk_erase_with_secure_erase": (.flag, false), "disk_erase_with_quick_erase": (.flag, false), "node_timeout": (.number(1...1440), 30),
        "completed_intro": (.flag, true), "enable_analytics": (.flag, false), "network_discovery": (.text, "disabled"),
        "default_storage_layout": (.text, "flat"), "boot_images_auto_import": (.flag, true), "dnssec_validation": (.text, "auto"),
        "default_dns_ttl": (.number(0...2_147_483_647), 30), "remote_syslog": (.text, ""),
    ]

    static let resources = [
        Resource(
            name: "Maas", path: "maas/", text: "Manage the MAAS server.",
            actions: [
                Action("GET", op: "get_config", "Get a configuration value", parameters: [.required("name", "The setting's name.")]) { call in
                    let name = try call.required("name")
                    guard let setting = Self.settings[name] else { throw Self.unknown(name) }
                    let value = try await call.store.read { try await $0.setting(name) }
                    return .json(value ?? setting.initial)
                },
                Action(
                    "POST", op: "set_config", "Set a configuration value",
                    parameters: [.required("name", "The setting's name."), .optional("value", "The new value; empty for none.")],
                    access: .administrator
                ) { call in
                    let name = try call.required("name")
                    guard let setting = Self.settings[name] else { throw Self.unknown(name) }
                    let value = try Self.value(call.form.rawText("value") ?? "", setting.kind)
                    try await call.store.transaction { try await $0.setSetting(name, value) }
                    return .ok
                },
            ]
        )
    ]

    private static func unknown(_ name: String) -> APIFailure {
        .field(name, "\(name.prefix(80)) is not a valid config setting (valid settings are: \(Self.settings.keys.sorted().joined(separator: ", "))).")
    }

    private static func value(_ text: String, _ kind: Kind) throws -> JSONValue {
        switch kind {
        case .text:
            guard text.utf8.count <= 4096 else { throw APIFailure.field("value", "Expected at most 4096 bytes.") }
            return .string(text)
        case .flag:
            guard let value = Form.boolean(text) else { throw APIFailure.field("value", "'\(text.prefix(40))' is not true or false.") }
            return .bool(value)
        case .number(let range):
            guard let value = Int(text), range.contains(value) else {
                throw APIFailure.field("value", "'\(text.prefix(40))' is not a whole number from \(range.lowerBound) to \(range.upperBound).")
            }
            return .int(value)
        }
    }
}
