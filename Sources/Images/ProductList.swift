// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// A simplestreams document of the format `products:1.0`. What is said of the list, a product or a version holds for the items below it.
struct ProductList {
    private let document: JSONValue
    private let contentID: String
    private let path: String

    init(_ document: JSONValue, contentID: String, path: String) {
        self.document = document
        self.contentID = contentID
        self.path = path
    }

    /// The items of each product's newest version that are of any use.
    func newest() throws(ImageImportError) -> [ImageAsset] {
        guard document["format"]?.stringValue == "products:1.0", let products = document["products"]?.objectValue else {
            throw ImageImportError(.badDocument, "\(self.path): expected format 'products:1.0' and an object 'products'")
        }
        // The list's own properties say nothing of its items
        let general = Self.texts(of: self.document).filter { !["format", "updated", "content_id", "datatype"].contains($0.key) }
        var found: [ImageAsset] = []
        for (name, product) in products.members {
            guard let versions = product["versions"]?.objectValue, let newest = versions.members.max(by: { $0.key < $1.key }) else { continue }
            let inherited = general.merging(Self.texts(of: product)) { $1 }.merging(Self.texts(of: newest.value)) { $1 }
            for (item, value) in newest.value["items"]?.objectValue?.members ?? [] {
                let fields = inherited.merging(Self.texts(of: value)) { $1 }
                let kind = ImageAssetKind(ftype: fields["ftype"] ?? "", itemName: item)
                if kind.isUsed {
                    found.append(try self.asset(product: name, version: newest.key, item: item, kind: kind, value: value, fields: fields))
                }
            }
        }
        return found
    }

    private func asset(
        product: String, version: String, item: String, kind: ImageAssetKind, value: JSONValue, fields: [String: String]
    ) throws(ImageImportError) -> ImageAsset {
        let place = "\(self.path): \(product) \(version) \(item)"
        guard let path = fields["path"], ImageSource.isSafe(path) else {
            throw ImageImportError(.badDocument, "\(place): the path '\(fields["path"] ?? "")' is not a path below the tree")
        }
        guard let digest = fields["sha256"].flatMap({ ContentDigest(hex: $0) }) else {
            throw ImageImportError(.badDocument, "\(place): 'sha256' is '\(fields["sha256"] ?? "")', expected 64 hexadecimal digits")
        }
        guard let size = value["size"]?.intValue ?? fields["size"].flatMap({ Int($0) }), size >= 0 else {
            throw ImageImportError(.badDocument, "\(place): 'size' is missing or no number of bytes")
        }
        if case .bootloader(let name) = kind, !ImageSource.isSafe(name) {
            throw ImageImportError(.badDocument, "\(place): '\(name)' is no name of a boot loader's file")
        }
        return ImageAsset(
            contentID: self.contentID, productName: product, version: version, itemName: item, osystem: fields["os"] ?? "",
            release: fields["release"] ?? "",
            releaseTitle: fields["release_title"] ?? fields["release"] ?? "", architecture: fields["arch"] ?? "",
            subarchitecture: fields["subarch"] ?? "generic",
            subarchitectures: (fields["subarches"] ?? "generic").split(separator: ",").map(String.init), label: fields["label"] ?? "",
            kernelFlavor: fields["kflavor"] ?? "generic", kind: kind, path: path, size: Int64(size), digest: digest,
            attributes: fields.filter { !["path", "sha256", "size", "ftype"].contains($0.key) }
        )
    }

    private static func texts(of value: JSONValue) -> [String: String] {
        var found: [String: String] = [:]
        for (key, member) in value.objectValue?.members ?? [] {
            if let text = member.stringValue ?? member.intValue.map(String.init) { found[key] = text }
        }
        return found
    }
}
