// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Images

/// The rack's image cache as the boot services see it.
struct CachedContent: ContentSource {
    var store: ContentStore

    func path(ofDigest digest: String) -> String? {
        ContentDigest(hex: digest).flatMap { self.store.contains($0) ? self.store.path(of: $0) : nil }
    }
}
