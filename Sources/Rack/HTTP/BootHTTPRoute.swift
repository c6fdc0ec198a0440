// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration

/// Who answers a request.
enum BootHTTPRoute: Hashable {
    /// The rack, for a file by this name.
    case file(name: String)
    /// A region.
    case region
    /// Nobody: the target is malformed or leaves the tree.
    case refused

    /// - Parameter uri: The request's target: a path with a query, or the absolute form (RFC 9112, section 3.2).
    init(uri: String) {
        var target = uri[...]
        if let scheme = ["http://", "https://"].first(where: { uri.lowercased().hasPrefix($0) }) {
            target = uri.dropFirst(scheme.count)
            target = target.firstIndex(of: "/").map { target[$0...] } ?? "/"
        }
        guard target.first == "/", let path = BootPath.decoded(target: String(target)) else {
            self = .refused
            return
        }
        guard let name = BootPath.normalised(path) else {
            // The root is not malformed, only not there.
            self = path.allSatisfy({ $0 == "/" }) ? .file(name: "index.html") : .refused
            return
        }
        self = name == "MAAS" || name.hasPrefix("MAAS/") ? .region : .file(name: name)
    }
}
