// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel
internal import JSON

/// `domains/`: there is one, for reading.
enum DomainHandlers {
    static let resources = [
        Resource(
            name: "Domains", path: "domains/", text: "Manage domains.",
            actions: [Action("GET", "List all domains") { _ in .json([APIRenderer.domainObject]) }]
        ),
        Resource(
            name: "Domain", path: "domains/{id}/", text: "Manage a domain.",
            actions: [
                Action("GET", "Read a domain") { call in
                    let text = call.path["id"] ?? ""
                    guard text == "0" || text == APIRenderer.domain else { throw APIFailure.notFound("There is no domain '\(text.prefix(80))'.") }
                    return .json(APIRenderer.domainObject)
                }
            ]
        ),
    ]
}
