// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

extension ImageAsset {
    /// The asset as the database and the racks know it; nil for what racks cannot serve as it is (archives of boot loaders, other formats of roots).
    ///
    /// An asset that serves the subarchitecture `generic`, besides others, counts as that.
    public func bootAsset(complete: Bool) -> BootAsset? {
        let known: BootAsset.Kind
        var name = self.itemName
        switch self.kind {
        case .bootKernel: known = .bootKernel
        case .bootInitrd: known = .bootInitrd
        case .squashfs: known = .squashfs
        case .rootTarball(format: "tar.zst"): known = .rootTarball
        case .bootloader(let file):
            known = .bootloader
            name = file
        case .rootTarball, .bootloaderArchive, .other: return nil
        }
        return BootAsset(
            osystem: self.osystem, release: self.release, architecture: self.architecture,
            subarchitecture: self.subarchitectures.contains("generic") ? "generic" : self.subarchitecture, kind: known, name: name,
            version: self.version,
            label: self.label, sizeBytes: Int(self.size), sha256: self.sha256, complete: complete
        )
    }
}
