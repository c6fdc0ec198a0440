// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import Domain
internal import JSON
internal import PostgresStorage

/// `nodes/{system_id}/blockdevices/`, for reading.
enum BlockDeviceHandlers {
    static let resources = [
        Resource(
            name: "BlockDevices", path: "nodes/{system_id}/blockdevices/", text: "Manage block devices on a machine.",
            actions: [
                Action("GET", "List block devices") { call in .json(.array(try await Self.devices(call))) }
            ]
        ),
        Resource(
            name: "BlockDevice", path: "nodes/{system_id}/blockdevices/{id}/", text: "Manage a block device on a machine.",
            actions: [
                Action("GET", "Read a block device", text: "By id or by name.") { call in
                    .json(try Self.device(call.path["id"] ?? "", in: try await Self.devices(call)))
                }
            ]
        ),
        Resource(
            name: "Partitions", path: "nodes/{system_id}/blockdevices/{device_id}/partitions/", text: "Manage partitions on a block device.",
            actions: [
                Action("GET", "List partitions") { call in
                    .json(try Self.device(call.path["device_id"] ?? "", in: try await Self.devices(call))["partitions"] ?? [])
                }
            ]
        ),
        Resource(
            name: "VolumeGroups", path: "nodes/{system_id}/volume-groups/", text: "Manage volume groups on a machine.",
            actions: [Action("GET", "List volume groups") { call in .json(.array(try await Self.groups(call))) }]
        ),
        Resource(
            name: "VolumeGroup", path: "nodes/{system_id}/volume-group/{id}/", text: "Manage a volume group on a machine.",
            actions: [
                Action("GET", "Read a volume group", text: "By id or by name.") { call in
                    .json(try Self.device(call.path["id"] ?? "", in: try await Self.groups(call), "volume group"))
                }
            ]
        ),
    ]

    private static func devices(_ call: APICall) async throws -> [JSONValue] {
        try await call.store.read { transaction in
            let machine = try await call.machine(in: transaction)
            let renderer = try await call.renderer(of: [machine], in: transaction)
            return machine.blockDevices.map { renderer.blockDevice($0, of: machine) } + renderer.virtualBlockDevices(of: machine)
        }
    }

    private static func groups(_ call: APICall) async throws -> [JSONValue] {
        try await call.store.read { transaction in
            let machine = try await call.machine(in: transaction)
            return try await call.renderer(of: [machine], in: transaction).volumeGroups(of: machine)
        }
    }

    private static func device(_ text: String, in list: [JSONValue], _ what: String = "block device") throws -> JSONValue {
        guard let found = list.first(where: { $0["id"]?.intValue == Int(text) || $0["name"]?.stringValue == text }) else {
            throw APIFailure.notFound("There is no \(what) '\(text.prefix(80))'.")
        }
        return found
    }
}
