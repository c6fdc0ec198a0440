// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Ephemeral
internal import JSON

/// Metadata for machines without a key: those that enlist, and those that have nothing to do here and switch themselves off.
enum AnonymousMetadata {
    /// - Parameter work: `enlist` or `poweroff`, from the path.
    static func respond(to request: APIRequest, _ path: [String], work: String) throws -> APIResponse {
        guard request.method == "GET" || request.method == "HEAD" else { throw MetadataAPI.methodNotAllowed("GET") }
        switch path {
        case []: return MetadataAPI.lines(["meta-data/", "user-data"])
        case ["meta-data"]: return MetadataAPI.lines(["instance-id", "local-hostname", "public-keys"])
        case ["meta-data", "instance-id"]: return .text("i-maas-\(work)")
        case ["meta-data", "local-hostname"]: return .text(work == "enlist" ? "maas-enlisting-node" : "maas-idle-node")
        case ["meta-data", "public-keys"]: return .text("")
        case ["user-data"]:
            let configuration: JSONValue = [
                "work": .string(work), "metadata_url": .string("\(request.baseURL)/MAAS/metadata/"),
                "api_url": .string("\(request.baseURL)/MAAS/api/2.0/"), "version": "2012-03-01",
            ]
            return APIResponse(contentType: "text/plain; charset=utf-8", body: EphemeralAgent.userData(configuration: configuration.text))
        default: throw APIFailure.notFound("There is no metadata '\(path.joined(separator: "/").prefix(80))'.")
        }
    }
}
