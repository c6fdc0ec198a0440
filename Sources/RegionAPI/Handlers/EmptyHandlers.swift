// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// Resources that clients list and that have nothing in them here, and those that MAAS itself has given up.
enum EmptyHandlers {
    static let resources =
        [
            Self.empty("Devices", "devices/", "Manage the collection of all the devices in the MAAS."),
            Self.empty(
                "Discoveries", "discovery/", "Query observed discoveries.", ops: ["by_unknown_mac", "by_unknown_ip", "by_unknown_ip_and_mac"]),
            Self.empty("DNSResources", "dnsresources/", "Manage DNS resources."),
            Self.empty("DNSResourceRecords", "dnsresourcerecords/", "Manage DNS resource records."),
            Self.empty("StaticRoutes", "static-routes/", "Manage static routes."),
            Self.empty("Notifications", "notifications/", "Manage the collection of all the notifications in MAAS."),
            Self.empty("PackageRepositories", "package-repositories/", "Manage the collection of all package repositories in MAAS."),
            Self.empty("DHCPSnippets", "dhcp-snippets/", "Manage the collection of all DHCP snippets in MAAS."),
            Self.empty("LicenseKeys", "license-keys/", "Manage the license keys."),
            Self.empty("Files", "files/", "Manage the collection of all the files."),
            Self.empty("ReservedIps", "reservedips/", "Manage reserved IP addresses."),
            Self.empty("IPAddresses", "ipaddresses/", "Manage IP addresses allocated by MAAS."),
            Self.empty("SSLKeys", "account/prefs/sslkeys/", "Manage the SSL keys of the user."),
            Self.empty("Raids", "nodes/{system_id}/raids/", "Manage RAIDs on a machine."),
            Self.empty("Bcaches", "nodes/{system_id}/bcaches/", "Manage bcache devices on a machine."),
            Self.empty("BcacheCacheSets", "nodes/{system_id}/bcache-cache-sets/", "Manage bcache cache sets on a machine."),
            Self.empty("NodeDevices", "nodes/{system_id}/devices/", "View the node's devices."),
        ] + [
            Self.gone("VmHosts", "vm-hosts/"), Self.gone("Pods", "pods/"), Self.gone("VmHost", "vm-hosts/{id}/"), Self.gone("Pod", "pods/{id}/"),
            Self.gone("VmClusters", "vm-clusters/"), Self.gone("VirtualMachines", "virtual-machines/"),
        ]

    private static func empty(_ name: String, _ path: String, _ text: String, ops: [String] = []) -> Resource {
        Resource(
            name: name, path: path, text: text,
            actions: [Action("GET", "List all") { _ in .json([]) }] + ops.map { op in Action("GET", op: op, "List") { _ in .json([]) } }
        )
    }

    private static func gone(_ name: String, _ path: String) -> Resource {
        Resource(
            name: name, path: path, text: "Virtual machine hosts; not offered.",
            actions: ["GET", "POST", "PUT", "DELETE"].map { method in
                Action(method, "Not offered") { _ in throw APIFailure(status: 410, content: .text("Virtual machine hosts are not offered.")) }
            }
        )
    }
}
