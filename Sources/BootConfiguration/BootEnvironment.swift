// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Where a booting machine reaches its rack.
public struct BootEnvironment: Sendable, Hashable {
    /// The segment's service address; TFTP is on its port 69.
    public var serviceAddress: IPAddress
    public var httpPort: Int

    public init(serviceAddress: IPAddress, httpPort: Int) {
        self.serviceAddress = serviceAddress
        self.httpPort = httpPort
    }

    /// Such as `http://10.0.0.1:5248`.
    public var httpBase: String { "http://\(self.serviceAddress.urlHost):\(self.httpPort)" }
}

/// The protocol that a loader asked with.
public enum BootTransport: String, Sendable, Hashable {
    case tftp
    case http
}

/// The loaders that configurations are written for.
public enum BootLoader: String, Sendable, Hashable, CaseIterable {
    case pxelinux
    case grub
    case ipxe
}
