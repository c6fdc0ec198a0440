// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import BootConfiguration
public import Domain

/// A machine's request for a file, whatever the protocol.
public struct BootRequest: Sendable, Hashable {
    /// As the machine wrote it; for HTTP the decoded path.
    public var name: String
    public var client: IPAddress
    /// The address that the request came to: what generated configurations point to.
    public var service: IPAddress
    public var transport: BootTransport

    public init(name: String, client: IPAddress, service: IPAddress, transport: BootTransport) {
        self.name = name
        self.client = client
        self.service = service
        self.transport = transport
    }
}

/// What to send for a request.
public struct BootAnswer: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
        /// A generated file.
        case bytes([UInt8])
        /// A file by its SHA-256, which the rack may yet have to fetch.
        case file(digest: String)
        case notFound
        /// The name leaves the tree or is not one at all.
        case refused
    }

    public var content: Content
    /// The machine, if the name or the client's address tells.
    public var macAddress: MACAddress?
    /// What the machine is told to boot, when this is its boot configuration.
    public var purpose: BootPurpose?
    /// Nothing was found under a name that loaders only try: not worth telling.
    public var isProbe: Bool
    /// Why the configuration that is sent only says that there is none.
    public var problem: String?

    public init(
        content: Content, macAddress: MACAddress? = nil, purpose: BootPurpose? = nil, isProbe: Bool = false, problem: String? = nil
    ) {
        self.isProbe = isProbe
        self.content = content
        self.macAddress = macAddress
        self.purpose = purpose
        self.problem = problem
    }
}
