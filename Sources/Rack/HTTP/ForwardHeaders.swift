// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import NIOHTTP1

/// Which header fields go through the rack, and which it writes itself.
enum ForwardHeaders {
    /// Fields about one connection only (RFC 9110, section 7.6.1), and those that the next hop makes anew.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade", "expect", "content-length",
    ]

    /// What the region may take as the rack's own word.
    private static func isReserved(_ name: String) -> Bool {
        name.hasPrefix("x-forwarded-") || name.hasPrefix("x-gantry-") || name == "forwarded" || name == "x-real-ip"
    }

    /// The fields of a machine's request for the region.
    ///
    /// - Parameter service: The base URL under which the machine reached the rack.
    static func request(_ headers: HTTPHeaders, client: IPAddress, service: String) -> [ForwardHeader] {
        Self.endToEnd(headers).filter { !Self.isReserved($0.name.lowercased()) } + [
            ForwardHeader(name: "X-Forwarded-For", value: client.description),
            ForwardHeader(name: "X-Gantry-Service", value: service),
        ]
    }

    /// The fields of a region's answer for the machine.
    static func response(_ headers: HTTPHeaders) -> [ForwardHeader] {
        Self.endToEnd(headers).filter { !$0.name.lowercased().hasPrefix("x-gantry-") }
    }

    private static func endToEnd(_ headers: HTTPHeaders) -> [ForwardHeader] {
        let named = Set(headers[canonicalForm: "connection"].map { $0.lowercased() })
        return headers.compactMap { name, value in
            let lower = name.lowercased()
            guard !Self.hopByHop.contains(lower), !named.contains(lower) else { return nil }
            return ForwardHeader(name: name, value: value)
        }
    }
}
