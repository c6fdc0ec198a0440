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
                Action("GET", "List block devices") { call in
                    let machine = try await call.store.read { try await call.machine(in: $0) }
                    return .json(.array(machine.blockDevices.map { APIRenderer().blockDevice($0, of: machine.id) }))
                }
            ]
        ),
        Resource(
            name: "BlockDevice", path: "nodes/{system_id}/blockdevices/{id}/", text: "Manage a block device on a machine.",
            actions: [
                Action("GET", "Read a block device", text: "By id or by name.") { call in
                    let text = call.path["id"] ?? ""
                    let machine = try await call.store.read { try await call.machine(in: $0) }
                    guard let found = machine.blockDevices.first(where: { String($0.id) == text || $0.name == text }) else {
                        throw APIFailure.notFound("There is no block device '\(text.prefix(80))'.")
                    }
                    return .json(APIRenderer().blockDevice(found, of: machine.id))
                }
            ]
        ),
        Resource(
            name: "Partitions", path: "nodes/{system_id}/blockdevices/{device_id}/partitions/", text: "Manage partitions on a block device.",
            actions: [
                Action("GET", "List partitions") { call in
                    let text = call.path["device_id"] ?? ""
                    let machine = try await call.store.read { try await call.machine(in: $0) }
                    guard machine.blockDevices.contains(where: { String($0.id) == text || $0.name == text }) else {
                        throw APIFailure.notFound("There is no block device '\(text.prefix(80))'.")
                    }
                    return .json([])
                }
            ]
        ),
    ]
}
