// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import OpenSSL

/// Where the API listens, and its bounds.
public struct RegionAPIConfiguration: Sendable {
    /// The listener for racks: mutual TLS. Only what comes in here is believed about whom it was forwarded for.
    public struct RackListener: Sendable {
        public var address: String
        /// Default 5443; 0 lets the system choose.
        public var port: Int
        public var context: TLSContext

        public init(address: String = "0.0.0.0", port: Int = 5443, context: TLSContext) {
            self.address = address
            self.port = port
            self.context = context
        }
    }

    /// Where plain HTTP is served; default every address.
    public var address: String
    /// Default 5240, as MAAS; 0 lets the system choose.
    public var port: Int
    public var rackListener: RackListener?
    public var limits: RegionAPILimits

    public init(address: String = "0.0.0.0", port: Int = 5240, rackListener: RackListener? = nil, limits: RegionAPILimits = RegionAPILimits()) {
        self.address = address
        self.port = port
        self.rackListener = rackListener
        self.limits = limits
    }
}
