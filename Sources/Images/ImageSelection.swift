// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Which images to take. Each list names what is wanted; `*` wants all.
public struct ImageSelection: Sendable, Hashable {
    /// `*` or a name such as `debian`.
    public var osystem: String
    /// `*` or a name such as `bookworm`.
    public var release: String
    public var architectures: [String]
    public var subarchitectures: [String]
    public var labels: [String]

    public init(
        osystem: String = "*", release: String = "*", architectures: [String] = ["*"], subarchitectures: [String] = ["*"], labels: [String] = ["*"]
    ) {
        self.osystem = osystem
        self.release = release
        self.architectures = architectures
        self.subarchitectures = subarchitectures
        self.labels = labels
    }

    /// All that a stream has.
    public static let everything = ImageSelection()

    /// Boot loaders belong to no release: they are taken whenever anything of their architecture is.
    func wants(_ asset: ImageAsset) -> Bool {
        let isLoader =
            switch asset.kind {
            case .bootloader, .bootloaderArchive: true
            default: false
            }
        let architectures =
            isLoader ? (asset.attributes["arches"] ?? asset.architecture).split(separator: ",").map(String.init) : [asset.architecture]
        guard Self.matches(self.architectures, architectures), Self.matches(self.labels, [asset.label]) else { return false }
        return isLoader
            || Self.matches([self.osystem], [asset.osystem]) && Self.matches([self.release], [asset.release])
                && Self.matches(self.subarchitectures, asset.subarchitectures + [asset.subarchitecture])
    }

    private static func matches(_ wanted: [String], _ offered: [String]) -> Bool {
        wanted.contains("*") || wanted.contains { offered.contains($0) }
    }
}
