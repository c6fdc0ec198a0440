// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a layout makes of a disk: the partitions and volumes with their sizes. The plan of an installation and what the API shows of a machine
/// both come from here, so that they can't differ.
///
/// One GPT has a BIOS boot partition and an EFI system partition: one disk boots by either firmware.
public struct StorageShape: Sendable, Hashable {
    public struct FileSystem: Sendable, Hashable {
        /// As `mkfs` names it.
        public var kind: String
        /// As `mkfs` takes it: a UUID, for vfat of the form `1234-ABCD`.
        public var uuid: String
        public var label: String
        public var mountPoint: String
        public var mountOptions: String
    }

    public struct Partition: Sendable, Hashable {
        public var number: Int
        public var name: String
        public var typeGUID: String
        public var uuid: String
        public var sizeBytes: Int
        /// Whether it takes what is left of the disk.
        public var isRest: Bool
        public var fileSystem: FileSystem?
    }

    /// A volume group over one partition, with the one volume of the root.
    public struct Group: Sendable, Hashable {
        public var name: String
        public var partition: Int
        public var sizeBytes: Int
        public var volumeName: String
        public var volumeSizeBytes: Int
        /// Whether the volume takes what is left of the group.
        public var isRest: Bool
        public var fileSystem: FileSystem
    }

    private let diskID: Int
    public private(set) var partitions: [Partition]
    public private(set) var group: Group?

    /// - Throws: `InstallationError` when the disk is too small for the layout.
    public init(_ layout: StorageLayout, on disk: BlockDevice) throws(InstallationError) {
        self.diskID = disk.id
        self.partitions = []
        self.group = nil
        guard layout.kind != .blank else { return }
        if let size = layout.bootSizeBytes, size < Self.minimumBootBytes {
            throw InstallationError("boot_size \(size): expected at least \(Self.minimumBootBytes) bytes")
        }
        let boot = layout.bootSizeBytes.map { Self.roundedDown($0, to: Self.mebibyte) }
        // The table and its copy take a mebibyte at either end.
        let used = [2 * Self.mebibyte, Self.biosBytes, Self.efiBytes, boot ?? 0].reduce(0) { $0.addingReportingOverflow($1).partialValue }
        let left = Self.roundedDown(disk.sizeBytes, to: Self.mebibyte) - max(0, used)
        let root = layout.rootSizeBytes.map { Self.roundedDown($0, to: Self.mebibyte) } ?? left
        guard used >= 0, root <= left, root >= Self.minimumRootBytes else {
            throw InstallationError(
                "\(disk.name) has \(disk.sizeBytes) bytes, \(max(0, left)) of them for the root: expected \(max(root, Self.minimumRootBytes)) or more"
            )
        }
        self.addPartition("bios", "21686148-6449-6E6F-744E-656564454649", Self.biosBytes)
        self.addPartition("efi", "C12A7328-F81F-11D2-BA4B-00C04FC93EC9", Self.efiBytes, self.fileSystem("vfat", "EFI", "/boot/efi", "umask=0077"))
        if let boot { self.addPartition("boot", Self.linux, boot, self.fileSystem("ext4", "boot", "/boot", "defaults")) }
        let isRest = layout.rootSizeBytes == nil
        switch layout.kind {
        case .lvm:
            self.addPartition("lvm", "E6D6D379-F507-44C2-A23C-238F2A3DF928", root, isRest: isRest)
            self.group = try self.group(layout, root, partition: self.partitions.count)
        case .flat, .blank: self.addPartition("root", Self.linux, root, isRest: isRest, self.root)
        }
    }

    private mutating func addPartition(_ name: String, _ type: String, _ size: Int, isRest: Bool = false, _ fileSystem: FileSystem? = nil) {
        self.partitions.append(
            Partition(
                number: self.partitions.count + 1, name: name, typeGUID: type, uuid: self.uuid(0x800 + self.partitions.count + 1),
                sizeBytes: size, isRest: isRest, fileSystem: fileSystem
            )
        )
    }

    private func group(_ layout: StorageLayout, _ partitionBytes: Int, partition: Int) throws(InstallationError) -> Group {
        // LVM keeps its own records in the first mebibyte, and counts in extents.
        let size = Self.roundedDown(partitionBytes - Self.mebibyte, to: Self.extentBytes)
        let volume = layout.volumeSizeBytes.map { Self.roundedDown($0, to: Self.extentBytes) } ?? size
        guard volume <= size, volume >= Self.minimumRootBytes else {
            throw InstallationError("lv_size \(volume): expected \(Self.minimumRootBytes) to \(size) bytes")
        }
        return Group(
            name: layout.groupName, partition: partition, sizeBytes: size, volumeName: layout.volumeName, volumeSizeBytes: volume,
            isRest: layout.volumeSizeBytes == nil, fileSystem: self.root
        )
    }

    private var root: FileSystem { self.fileSystem("ext4", "root", "/", "errors=remount-ro") }

    private func fileSystem(_ kind: String, _ label: String, _ mountPoint: String, _ options: String) -> FileSystem {
        let number = 0x900 + self.partitions.count + 1
        let short = Self.hexadecimal(self.diskID &* 256 &+ number, digits: 8).uppercased()
        let uuid = kind == "vfat" ? "\(short.prefix(4))-\(short.suffix(4))" : self.uuid(number)
        return FileSystem(kind: kind, uuid: uuid, label: label, mountPoint: mountPoint, mountOptions: options)
    }

    /// What a partition or a file system is known by: of version 8 (RFC 9562, 5.8), made of the disk's id and a number on it, so that the API
    /// can tell it before anything is installed.
    private func uuid(_ number: Int) -> String {
        "67616e74-7279-8\(Self.hexadecimal(number, digits: 3))-8000-\(Self.hexadecimal(self.diskID, digits: 12))"
    }

    /// The last digits of a number.
    private static func hexadecimal(_ number: Int, digits: Int) -> String {
        let text = String(UInt64(bitPattern: Int64(number)), radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text.suffix(digits)
    }

    private static func roundedDown(_ bytes: Int, to unit: Int) -> Int { max(0, bytes) / unit * unit }

    private static let linux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
    private static let mebibyte = 1 << 20
    private static let biosBytes = 1 << 20
    private static let efiBytes = 256 << 20
    private static let extentBytes = 4 << 20
    /// Two kernels with their initial file systems.
    private static let minimumBootBytes = 512 << 20
    /// The smallest image unpacked, with room to start.
    private static let minimumRootBytes = 1536 << 20
}
