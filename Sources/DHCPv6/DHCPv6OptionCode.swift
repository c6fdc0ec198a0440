// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The number of an option (RFC 8415, section 21, and IANA's registry).
public struct DHCPv6OptionCode: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    private init(_ rawValue: UInt16) {
        self.rawValue = rawValue
    }

    public static let clientIdentifier = Self(1)
    public static let serverIdentifier = Self(2)
    /// An identity association for lasting addresses.
    public static let nonTemporaryAddresses = Self(3)
    /// An identity association for temporary addresses.
    public static let temporaryAddresses = Self(4)
    public static let address = Self(5)
    public static let optionRequest = Self(6)
    public static let preference = Self(7)
    public static let elapsedTime = Self(8)
    public static let relayMessage = Self(9)
    public static let statusCode = Self(13)
    public static let rapidCommit = Self(14)
    public static let userClass = Self(15)
    public static let vendorClass = Self(16)
    public static let interfaceIdentifier = Self(18)
    public static let domainNameServers = Self(23)
    public static let domainSearchList = Self(24)
    /// An identity association for delegated prefixes.
    public static let prefixDelegation = Self(25)
    public static let ntpServer = Self(56)
    public static let bootFileURL = Self(59)
    public static let bootFileParameters = Self(60)
    public static let clientArchitecture = Self(61)
    public static let networkInterfaceIdentifier = Self(62)
    public static let clientLinkLayerAddress = Self(79)
    public static let solicitMaximumTimeout = Self(82)
    public static let informationMaximumTimeout = Self(83)
}

/// Which options are in a message, or asked for. Only those that Gantry knows of are below 128; others are not kept.
public struct DHCPv6OptionSet: Sendable, Hashable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    public init() {}

    public func contains(_ code: DHCPv6OptionCode) -> Bool {
        switch code.rawValue {
        case 0..<64: self.low & 1 << UInt64(code.rawValue) != 0
        case 64..<128: self.high & 1 << UInt64(code.rawValue - 64) != 0
        default: false
        }
    }

    mutating func insert(_ code: UInt16) {
        switch code {
        case 0..<64: self.low |= 1 << UInt64(code)
        case 64..<128: self.high |= 1 << UInt64(code - 64)
        default: break
        }
    }
}
