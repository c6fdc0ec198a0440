// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import APIModel

/// `version/`.
enum VersionHandlers {
    static let resources = [
        Resource(
            name: "Version", path: "version/", text: "Information about this MAAS instance.",
            actions: [
                Action("GET", "MAAS version information", text: "Read version and capabilities of this MAAS instance.", access: .anonymous) { call in
                    .json(APIRenderer.version(software: call.region.services.softwareVersion))
                }
            ]
        )
    ]
}
