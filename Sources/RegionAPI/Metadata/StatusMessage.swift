// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import HTTPForms
internal import JSON

/// What the webhook reporters of cloud-init, curtin and the agent post.
struct StatusMessage: Sendable, Hashable {
    struct File: Sendable, Hashable {
        var path: String
        var content: [UInt8]
    }

    enum Event: String {
        case start
        case progress
        case finish
    }

    private static let maximumFiles = 256
    private static let maximumText = 4096

    var name: String
    var description: String
    var event: Event
    /// Such as `cloudinit`, `curtin`, `gantry-agent`.
    var origin: String
    /// `SUCCESS`, `FAIL` or `WARN` with a finish.
    var result: String
    var files: [File]

    /// - Throws: `APIFailure` 400 for what is no such message.
    init(parsing body: [UInt8]) throws {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: body)
        } catch {
            throw APIFailure.badRequest("Failed to decode status message: \(error)")
        }
        guard document.objectValue != nil else { throw APIFailure.badRequest("Failed to decode status message: expected an object.") }
        guard let name = document["name"]?.stringValue, let kind = document["event_type"]?.stringValue, let origin = document["origin"]?.stringValue
        else {
            throw APIFailure.badRequest("Missing parameter in status message: expected name, event_type, origin, description.")
        }
        guard let event = Event(rawValue: kind) else {
            throw APIFailure.badRequest("'\(kind.prefix(40))' is no event_type: expected start, progress or finish.")
        }
        self.name = String(name.prefix(255))
        self.description = String((document["description"]?.stringValue ?? "").prefix(Self.maximumText))
        self.event = event
        self.origin = String(origin.prefix(40))
        self.result = String((document["result"]?.stringValue ?? "").prefix(40)).uppercased()
        let files = document["files"]?.arrayValue ?? []
        guard files.count <= Self.maximumFiles else { throw APIFailure.badRequest("A status message has at most \(Self.maximumFiles) files.") }
        self.files = try files.map(Self.file)
    }

    private static func file(_ value: JSONValue) throws -> File {
        guard let path = value["path"]?.stringValue, let content = value["content"]?.stringValue else {
            throw APIFailure.badRequest("A file of a status message needs path and content.")
        }
        if let compression = value["compression"]?.stringValue, !compression.isEmpty {
            throw APIFailure.badRequest("Files of status messages may not be compressed ('\(compression.prefix(40))').")
        }
        let bytes: [UInt8]
        switch value["encoding"]?.stringValue {
        case "base64":
            guard let decoded = Base64.decode(content.utf8) else { throw APIFailure.badRequest("The file '\(path.prefix(80))' is not base64.") }
            bytes = decoded
        case nil, "": bytes = Array(content.utf8)
        case let encoding?: throw APIFailure.badRequest("'\(encoding.prefix(40))' is no encoding of a file: expected base64.")
        }
        return File(path: String(path.prefix(255)), content: bytes)
    }

    var isFailure: Bool { self.result == "FAIL" || self.result == "FAILURE" }
}
