// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import HTTPClient
internal import JSON

/// Reads a stream's documents: the index, and the product lists that it names.
public struct ImageStreamReader: Sendable {
    /// No document of a stream is longer than this; that of images.maas.io has some 4 MB.
    public static let maximumDocumentBytes = 64 << 20
    /// No index names more documents.
    public static let maximumDocuments = 32

    private let client: HTTPClient

    public init(client: HTTPClient) {
        self.client = client
    }

    /// Everything of the newest version of each product that some selection wants, ordered by product and item.
    ///
    /// - Throws: `ImageImportError`; `CancellationError`.
    public func assets(of source: ImageSource, matching selections: [ImageSelection] = [.everything]) async throws -> [ImageAsset] {
        let index = try await self.document("streams/v1/index.json", of: source)
        guard let contents = index["index"]?.objectValue, index["format"]?.stringValue == "index:1.0" else {
            throw ImageImportError(.badDocument, "\(source.url(of: "streams/v1/index.json")): expected format 'index:1.0' and an object 'index'")
        }
        guard contents.members.count <= Self.maximumDocuments else {
            throw ImageImportError(
                .badDocument, "\(source.location): \(contents.members.count) product lists, at most \(Self.maximumDocuments) are read")
        }
        var found: [ImageAsset] = []
        for (contentID, entry) in contents.members where entry["format"]?.stringValue == "products:1.0" {
            guard entry["datatype"]?.stringValue == "image-downloads", let path = entry["path"]?.stringValue else { continue }
            guard ImageSource.isSafe(path) else {
                throw ImageImportError(.badDocument, "\(source.location): the path '\(path)' leads out of the tree")
            }
            let document = try await self.document(path, of: source)
            found += try ProductList(document, contentID: contentID, path: path).newest().filter { asset in selections.contains { $0.wants(asset) } }
        }
        return found.sorted { ($0.productName, $0.itemName) < ($1.productName, $1.itemName) }
    }

    /// A document of the tree, with its signature checked if that is asked for.
    private func document(_ path: String, of source: ImageSource) async throws -> JSONValue {
        let bytes: [UInt8]
        switch source.verification {
        case .allowUnsigned:
            bytes = try await self.fetch(path, of: source)
        case .keyring(let keyring):
            guard path.hasSuffix(".json") || path.hasSuffix(".sjson") else {
                throw ImageImportError(.badDocument, "\(source.location): the document '\(path)' has no signed form")
            }
            let signed = path.hasSuffix(".sjson") ? path : path.dropLast(5) + ".sjson"
            bytes = try await SignedDocument.verify(try await self.fetch(signed, of: source), name: source.url(of: signed), keyring: keyring)
        }
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw ImageImportError(.badDocument, "\(source.url(of: path)): \(error)")
        }
    }

    private func fetch(_ path: String, of source: ImageSource) async throws -> [UInt8] {
        let url = source.url(of: path)
        do {
            let answer = try await self.client.send(HTTPRequest(url: url, timeout: .seconds(300), maximumResponseBytes: Self.maximumDocumentBytes))
            guard answer.status == 200 else { throw ImageImportError(.unreachable, "\(url): status \(answer.status)") }
            return answer.body
        } catch let error as HTTPClientError {
            throw ImageImportError(error.code == .responseTooLarge ? .badDocument : .unreachable, error.message)
        }
    }
}
