// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// A way to a network through a router: an entry of option 121 (RFC 3442).
public struct ClasslessRoute: Sendable, Hashable {
    public var network: IPv4Network
    public var router: IPv4Address

    public init(to network: IPv4Network, through router: IPv4Address) {
        self.network = network
        self.router = router
    }

    /// The option's value: for each route the prefix length, the significant bytes of the network, and the router.
    public static func encode(_ routes: [ClasslessRoute]) -> [UInt8] {
        var bytes: [UInt8] = []
        for route in routes {
            let length = route.network.prefixLength
            bytes.append(UInt8(truncatingIfNeeded: length))
            for position in 0..<((length + 7) / 8) {
                bytes.append(UInt8(truncatingIfNeeded: route.network.address.rawValue >> UInt32(24 - 8 * position)))
            }
            for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: route.router.rawValue >> shift)) }
        }
        return bytes
    }
}
