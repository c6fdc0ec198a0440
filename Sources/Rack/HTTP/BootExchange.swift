// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import NIOHTTP1

/// One request on a connection of the HTTP boot server, with what is known for the machine's timeline.
struct BootExchange {
    let head: HTTPRequestHead
    let route: BootHTTPRoute
    let startedAt: Duration
    var body: [UInt8] = []
    /// Octets of body that were seen.
    var bodyCount = 0
    /// What was taken from the service's room for bodies.
    var reservedBytes = 0
    var isTooLarge = false
    /// The service's room for bodies is full.
    var isBusy = false
    var macAddress: MACAddress?
    var purpose: BootPurpose?
    /// Nothing was found under a name that loaders only try.
    var isProbe = false
    var problem: String?

    init(head: HTTPRequestHead, route: BootHTTPRoute, startedAt: Duration) {
        self.head = head
        self.route = route
        self.startedAt = startedAt
    }

    /// The path without its query, which may carry secrets.
    var path: String { String(self.head.uri.prefix { $0 != "?" }.prefix(512)) }
}
