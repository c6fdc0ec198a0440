// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// One header field.
public struct ForwardHeader: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// A machine's request to `/MAAS/`, as a region gets it.
public struct ForwardRequest: Sendable, Hashable {
    public var method: String
    /// Path and query as the machine wrote them.
    public var uri: String
    /// End-to-end fields only, with `X-Forwarded-For` and `X-Gantry-Service`.
    public var headers: [ForwardHeader]
    public var body: [UInt8]
    public var clientAddress: IPAddress

    public init(method: String, uri: String, headers: [ForwardHeader], body: [UInt8], clientAddress: IPAddress) {
        self.method = method
        self.uri = uri
        self.headers = headers
        self.body = body
        self.clientAddress = clientAddress
    }

    /// Whether asking twice is the same as asking once (RFC 9110, section 9.2.2).
    public var isIdempotent: Bool { ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].contains(self.method) }
}

/// A region's answer.
public struct ForwardResponse: Sendable, Hashable {
    public var status: Int
    /// End-to-end fields only.
    public var headers: [ForwardHeader]
    public var body: [UInt8]

    public init(status: Int, headers: [ForwardHeader], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Passes machines' requests on to a region.
public protocol RegionForwarder: Sendable {
    /// The answer of a region that could answer.
    ///
    /// - Throws: Any error when no region answered; the machine is then told to ask again.
    func forward(_ request: ForwardRequest) async throws -> ForwardResponse
}
