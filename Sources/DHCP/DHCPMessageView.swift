// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// A DHCP message (RFC 2131, figure 1) as values and offsets: it keeps no bytes and owns no storage, so reading one never allocates.
///
/// Options of any number are found again in the same bytes with ``options(_:in:_:)``.
public struct DHCPMessageView: Sendable {
    static let fileOffset = 108
    static let fileLength = 128
    static let serverNameOffset = 44
    static let serverNameLength = 64
    static let optionsOffset = 240
    /// The fixed part with the magic cookie: no shorter message exists.
    public static let minimumLength = 240
    /// A message travels in one Ethernet frame; jumbo frames are the most that anybody can send.
    public static let maximumLength = 9_216

    /// Who a firmware says it is, in option 60.
    public enum VendorClass: UInt8, Sendable, Hashable {
        case none
        /// `PXEClient…`: boots by TFTP (RFC 4578).
        case pxeClient
        /// `HTTPClient…`: UEFI HTTP boot; it takes only answers that say the same.
        case httpClient
        case other
    }

    /// The message's length in bytes.
    public let length: Int
    /// True for a client's message, false for a server's.
    public let isRequest: Bool
    public let hardwareType: UInt8
    public let hardwareLength: UInt8
    public let hops: UInt8
    public let transactionID: UInt32
    /// How long the client has been trying, as it says.
    public let seconds: UInt16
    /// The client cannot yet take unicast: answer by broadcast (RFC 2131, section 2).
    public let wantsBroadcast: Bool
    /// `ciaddr`: the address that the client has and uses.
    public let clientAddress: IPv4Address
    /// `yiaddr`: the address that a server gives.
    public let yourAddress: IPv4Address
    /// `siaddr`: where the next boot stage is.
    public let nextServer: IPv4Address
    /// `giaddr`: the relay agent, zero for a client on our own wire.
    public let relayAddress: IPv4Address
    /// `chaddr` when it is an Ethernet address.
    public let macAddress: MACAddress?

    /// Nil in a BOOTP message.
    public private(set) var messageType: DHCPMessageType?
    public private(set) var requestedAddress: IPv4Address?
    public private(set) var serverIdentifier: IPv4Address?
    public private(set) var leaseSeconds: UInt32?
    public private(set) var maximumMessageSize: UInt16?
    /// The first architecture of option 93.
    public private(set) var architecture: ClientArchitecture?
    /// Option 97 of type 0, the SMBIOS UUID, as two numbers.
    public private(set) var machineIdentifier: (UInt64, UInt64)?
    public private(set) var vendorClass = VendorClass.none
    /// iPXE speaks: its user class (option 77), or its own option 175.
    public private(set) var isIPXE = false
    /// Option 118: the subnet that the client wants an address of (RFC 3011).
    public private(set) var subnetSelection: IPv4Address?
    /// What the relay agent says, when one forwarded this message.
    public private(set) var relayAgent = RelayAgentInformation()
    /// Every option that is present.
    public private(set) var present = DHCPOptionSet()
    /// What option 55 asks for.
    public private(set) var wanted = DHCPOptionSet()

    /// An address of the network that the client is on: the relay agent's link selection, before what the client selects (RFC 3527,
    /// section 3), before the relay agent's own address. Zero for the wire that the message came from.
    public var linkAddress: IPv4Address {
        self.relayAgent.linkSelection ?? self.subnetSelection ?? self.relayAddress
    }

    /// Reads a message.
    public init(parsing bytes: borrowing Span<UInt8>) throws(DHCPDecodingError) {
        let length = bytes.count
        guard length >= Self.minimumLength else { throw .tooShort(length: length) }
        guard length <= Self.maximumLength else { throw .tooLong(length: length) }
        let operation = bytes[0]
        guard operation == 1 || operation == 2 else { throw .unknownOperation(operation) }
        let hardwareLength = bytes[2]
        guard hardwareLength <= 16 else { throw .badHardwareLength(hardwareLength) }
        let cookie = Self.number(at: 236, in: bytes)
        guard cookie == 0x6382_5363 else { throw .badMagicCookie(cookie) }
        self.length = length
        self.isRequest = operation == 1
        self.hardwareType = bytes[1]
        self.hardwareLength = hardwareLength
        self.hops = bytes[3]
        self.transactionID = Self.number(at: 4, in: bytes)
        self.seconds = UInt16(bytes[8]) << 8 | UInt16(bytes[9])
        self.wantsBroadcast = bytes[10] & 0x80 != 0
        self.clientAddress = IPv4Address(rawValue: Self.number(at: 12, in: bytes))
        self.yourAddress = IPv4Address(rawValue: Self.number(at: 16, in: bytes))
        self.nextServer = IPv4Address(rawValue: Self.number(at: 20, in: bytes))
        self.relayAddress = IPv4Address(rawValue: Self.number(at: 24, in: bytes))
        if self.hardwareType == 1, hardwareLength == 6 {
            let high = UInt64(Self.number(at: 28, in: bytes))
            let low = UInt64(bytes[32]) << 8 | UInt64(bytes[33])
            self.macAddress = MACAddress(rawValue: high << 16 | low)
        } else {
            self.macAddress = nil
        }
        try self.readOptions(in: bytes)
    }

    static func number(at offset: Int, in bytes: borrowing Span<UInt8>) -> UInt32 {
        UInt32(bytes[offset]) << 24 | UInt32(bytes[offset + 1]) << 16 | UInt32(bytes[offset + 2]) << 8 | UInt32(bytes[offset + 3])
    }

    /// One pass over all options; parts of the same option are put together before their meaning is looked at (RFC 3396).
    private mutating func readOptions(in bytes: borrowing Span<UInt8>) throws(DHCPDecodingError) {
        var type = OptionAccumulator(), requested = OptionAccumulator(), server = OptionAccumulator()
        var lease = OptionAccumulator(), size = OptionAccumulator(), architecture = OptionAccumulator()
        var machine = OptionAccumulator(), vendor = OptionAccumulator(), userClass = OptionAccumulator()
        var selection = OptionAccumulator()
        var cursor = DHCPOptionCursor(messageLength: self.length)
        while let option = try cursor.next(in: bytes) {
            self.present.insert(option.code)
            switch DHCPOptionCode(rawValue: option.code) {
            case .messageType: type.append(option, of: bytes)
            case .requestedAddress: requested.append(option, of: bytes)
            case .serverIdentifier: server.append(option, of: bytes)
            case .leaseTime: lease.append(option, of: bytes)
            case .maximumMessageSize: size.append(option, of: bytes)
            case .clientArchitecture: architecture.append(option, of: bytes)
            case .clientMachineIdentifier: machine.append(option, of: bytes)
            case .vendorClass: vendor.append(option, of: bytes)
            case .userClass: userClass.append(option, of: bytes)
            case .subnetSelection: selection.append(option, of: bytes)
            // Only a relay agent's word counts: a client could say anything here.
            case .relayAgentInformation where self.relayAddress.rawValue != 0: self.relayAgent.read(option, of: bytes)
            case .parameterRequestList:
                for offset in option.offset..<(option.offset + option.length) {
                    self.wanted.insert(bytes[offset])
                }
            default: break
            }
        }
        if let value = try Self.fixed(type, size: 1, code: .messageType) {
            let byte = UInt8(truncatingIfNeeded: value)
            guard let known = DHCPMessageType(rawValue: byte) else { throw .unknownMessageType(byte) }
            self.messageType = known
        }
        self.requestedAddress = try Self.fixed(requested, size: 4, code: .requestedAddress).map(Self.address)
        self.serverIdentifier = try Self.fixed(server, size: 4, code: .serverIdentifier).map(Self.address)
        self.leaseSeconds = try Self.fixed(lease, size: 4, code: .leaseTime).map { UInt32(truncatingIfNeeded: $0) }
        self.maximumMessageSize = try Self.fixed(size, size: 2, code: .maximumMessageSize).map { UInt16(truncatingIfNeeded: $0) }
        self.subnetSelection = try Self.fixed(selection, size: 4, code: .subnetSelection).map(Self.address)
        self.readIdentity(architecture: architecture, machine: machine, vendor: vendor, userClass: userClass)
    }

    /// What only tells firmware apart is read leniently: a strange value means "unknown", and the machine still gets an address.
    private mutating func readIdentity(
        architecture: OptionAccumulator, machine: OptionAccumulator, vendor: OptionAccumulator, userClass: OptionAccumulator
    ) {
        if architecture.length >= 2 {
            self.architecture = ClientArchitecture(rawValue: UInt16(truncatingIfNeeded: architecture.number(count: 2)))
        }
        if machine.length == 17, machine.byte(0) == 0 {
            self.machineIdentifier = (machine.number(from: 1, count: 8), machine.number(from: 9, count: 8))
        }
        if vendor.hasPrefix("PXEClient") {
            self.vendorClass = .pxeClient
        } else if vendor.hasPrefix("HTTPClient") {
            self.vendorClass = .httpClient
        } else if vendor.length > 0 {
            self.vendorClass = .other
        }
        // iPXE sends the bare text; RFC 3004 would put a length before it, and some builds do.
        let hasUserClass =
            userClass.length == 4 && userClass.hasPrefix("iPXE") || userClass.byte(0) == 4 && userClass.hasPrefix("iPXE", from: 1)
        self.isIPXE = hasUserClass || self.present.contains(.ipxe)
    }

    private static func fixed(
        _ option: OptionAccumulator, size: Int, code: DHCPOptionCode
    ) throws(DHCPDecodingError) -> UInt64? {
        guard option.length > 0 else { return nil }
        guard option.length == size else { throw .badOptionLength(code: code.rawValue, length: option.length) }
        return option.number(count: size)
    }

    private static func address(_ value: UInt64) -> IPv4Address {
        IPv4Address(rawValue: UInt32(truncatingIfNeeded: value))
    }
}
