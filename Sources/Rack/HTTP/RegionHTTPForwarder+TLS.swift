// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import NIOCore
public import OpenSSL

extension RegionHTTPForwarder {
    /// A forwarder over mutual TLS, to peers whose certificate says that they are regions.
    ///
    /// - Parameter context: The rack's identity; asked for each new connection, so that a renewed certificate is used from then on.
    public convenience init(
        endpoints: [RegionEndpoint] = [], configuration: RegionForwarderConfiguration = RegionForwarderConfiguration(),
        group: any EventLoopGroup, context: @escaping @Sendable () throws -> TLSContext, logger: Logger
    ) {
        self.init(
            endpoints: endpoints, configuration: configuration, group: group,
            secure: { channel, _ in
                let handler = try TLSHandler(context: try context(), expecting: .rolePrefix("gantry:region:"))
                try channel.pipeline.syncOperations.addHandler(handler, position: .first)
            }, logger: logger
        )
    }
}
