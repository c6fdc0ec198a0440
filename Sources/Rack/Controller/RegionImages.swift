// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import HTTPClient
internal import Images

/// Fetches image files from the regions into the rack's cache, by content.
struct RegionImages: Sendable {
    private let settings: RackSettings
    private let store: ContentStore
    private let client = HTTPClient(maximumConnections: 8)

    init(settings: RackSettings, store: ContentStore) {
        self.settings = settings
        self.store = store
    }

    /// Has the file in the cache, verified, or throws what the last region said.
    func fetch(_ digest: String) async throws {
        guard let digest = ContentDigest(hex: digest) else { throw RackStartError("'\(digest.prefix(80))' is not a SHA-256") }
        if self.store.contains(digest) { return }
        var failure: any Error = RackStartError("no region is known")
        for host in self.settings.regionHosts {
            do {
                var request = HTTPRequest(url: "https://\(host):\(self.settings.rackHTTPPort)/images/\(digest)")
                request.timeout = .seconds(60)
                request.certificateAuthorities = self.settings.authorityFile
                request.clientCertificate = .init(
                    certificateFile: self.settings.certificateFile, privateKeyFile: self.settings.privateKeyFile
                )
                let response = try await self.client.open(request)
                guard response.status == 200 else { throw RackStartError("region \(host) answered \(response.status) for image \(digest)") }
                try await self.store.insert(response.body, digest: digest, size: nil)
                return
            } catch {
                failure = error
            }
        }
        throw failure
    }
}
