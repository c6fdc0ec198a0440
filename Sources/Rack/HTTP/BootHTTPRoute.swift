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
        let target = Self.originForm(of: uri)
        guard target.utf8.first == UInt8(ascii: "/"), let path = BootPath.decoded(target: target) else {
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

    /// The target without scheme and authority. Who the request is for is known from the connection it came by.
    static func originForm(of uri: String) -> String {
        guard uri.utf8.first != UInt8(ascii: "/"), let scheme = ["http://", "https://"].first(where: { uri.lowercased().hasPrefix($0) }) else {
            return uri
        }
        let rest = uri.dropFirst(scheme.count)
        guard let path = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return "/" }
        return rest[path] == "/" ? String(rest[path...]) : "/" + rest[path...]
    }
}
