// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import Installation
internal import JSON
internal import PostgresStorage

/// `machines/{system_id}/?op=set_storage_layout`.
enum StorageLayouts {
    static let action = Action(
        "POST", op: "set_storage_layout", "Change the storage layout", text: "Of a machine that is Ready or Allocated.",
        parameters: [
            .required("storage_layout", "flat, lvm or blank."), .optional("boot_size", "The size of a partition for /boot."),
            .optional("root_size", "The size of the root's partition, or of the volume group's."),
            .optional("root_device", "The disk with the root; it becomes the boot disk. Its id or name."),
            .optional("vg_name", "The volume group's name: vgroot."), .optional("lv_name", "The volume's name: lvroot."),
            .optional("lv_size", "The volume's size: the whole group."),
        ], run: Self.set
    )

    /// The layout of machines that none was chosen for.
    static func initial(in transaction: StoreTransaction) async throws -> StorageLayout {
        let name = try await transaction.setting("default_storage_layout")?.stringValue ?? ""
        return StorageLayout(StorageLayout.Kind(rawValue: name) ?? .flat)
    }

    /// The layout of one machine.
    static func layout(of id: SystemID, in transaction: StoreTransaction) async throws -> StorageLayout {
        if let stored = try await transaction.storageLayouts(of: [id])[id], let layout = StorageLayout(json: stored) { return layout }
        return try await Self.initial(in: transaction)
    }

    private static func set(_ call: APICall) async throws -> APIResponse {
        let name = try call.required("storage_layout")
        guard let kind = StorageLayout.Kind(rawValue: name) else {
            let known = StorageLayout.Kind.allCases.map { "'\($0.rawValue)'" }.sorted().joined(separator: ", ")
            throw APIFailure.field("storage_layout", "'\(name.prefix(80))' is not a valid storage_layout. It should be one of: \(known).")
        }
        for field in ["cache_device", "cache_mode", "cache_size", "cache_no_part"] where call.form.text(field) != nil {
            throw APIFailure.field(field, "The layout '\(name)' has no cache.")
        }
        return try await call.change(.own) { machine, transaction in
            guard machine.status == .ready || machine.status == .allocated else {
                throw APIFailure.conflict(
                    "Cannot change the storage configuration of \(machine.hostname) (\(machine.id)): it is not Ready or Allocated."
                )
            }
            guard !machine.locked else { throw APIFailure.conflict("\(machine.hostname) is locked; unlock it first.") }
            if let text = call.form.text("root_device") {
                guard let disk = machine.blockDevices.first(where: { String($0.id) == text || $0.name == text }) else {
                    throw APIFailure.field("root_device", "'\(text.prefix(80))' is no disk of this machine.")
                }
                machine.bootDiskID = disk.id
            }
            guard let disk = machine.bootDisk else {
                throw APIFailure.badRequest("Machine is missing a boot disk; no storage layout can be applied.")
            }
            let layout = try Self.layout(kind, call, on: disk)
            do {
                _ = try StorageShape(layout, on: disk)
            } catch {
                throw APIFailure.badRequest("Failed to configure storage layout '\(name)': \(error)")
            }
            try await transaction.setStorageLayout(layout.json, of: machine.id)
            return [call.event(machine, "Storage layout", "the storage layout is \(name) on \(disk.name)")]
        }
    }

    private static func layout(_ kind: StorageLayout.Kind, _ call: APICall, on disk: BlockDevice) throws -> StorageLayout {
        var layout = StorageLayout(kind)
        layout.bootSizeBytes = try Self.size("boot_size", call, of: disk.sizeBytes).flatMap { $0 == 0 ? nil : $0 }
        layout.rootSizeBytes = try Self.size("root_size", call, of: disk.sizeBytes)
        layout.volumeSizeBytes = try Self.size("lv_size", call, of: layout.rootSizeBytes ?? disk.sizeBytes)
        layout.groupName = try Self.name("vg_name", call) ?? layout.groupName
        layout.volumeName = try Self.name("lv_name", call) ?? layout.volumeName
        return layout
    }

    /// LVM's rule for names, without those that would be options, device nodes or names of its own.
    private static func name(_ field: String, _ call: APICall) throws -> String? {
        guard let text = call.form.text(field) else { return nil }
        let isAllowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        let isReserved =
            ["snapshot", "pvmove"].contains { text.hasPrefix($0) } || ["_mlog", "_mimage", "_rimage", "_tdata"].contains { text.contains($0) }
        guard isAllowed, !isReserved, text.utf8.count <= 63, let first = text.first, first != "-", first != "." else {
            throw APIFailure.field(field, "'\(text.prefix(80))' is no name of LVM: expected at most 63 letters, digits and _ + . -")
        }
        return text
    }

    /// Bytes, also with k, M, G or T (powers of 1000) or % of a whole.
    private static func size(_ field: String, _ call: APICall, of whole: Int) throws -> Int? {
        guard let text = call.form.text(field) else { return nil }
        let units: [Character: Double] = ["k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "%": Double(whole) / 100]
        let unit = text.last.flatMap { units[$0] }
        let number = Double(unit == nil ? text[...] : text.dropLast())
        guard let number, let bytes = Int(exactly: (number * (unit ?? 1)).rounded(.down)), bytes >= 0, bytes <= 1 << 60 else {
            throw APIFailure.field(field, "'\(text.prefix(40))' is no size: expected bytes, or a number with k, M, G, T or %.")
        }
        return bytes
    }
}
