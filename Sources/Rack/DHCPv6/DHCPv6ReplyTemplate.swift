// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import DHCP
internal import DHCPv6
internal import Domain

/// A segment's configuration in the form in which it goes onto the wire, made once for every change of it.
struct DHCPv6ReplyTemplate: Sendable {
    /// The segment's DUID: made of the service address, so that every rack that has it is the same server to clients.
    let serverIdentifier: [UInt8]
    let network: IPv6Network
    let managed: Bool
    let dnsServers: [IPv6Address]
    /// The domain as RFC 8415 (section 10) writes names; empty for none.
    let searchDomain: [UInt8]
    /// The first file's URL for every loader, by its number.
    let bootFiles: [[UInt8]]
    let preferredSeconds: UInt32
    let validSeconds: UInt32
    /// When the client asks for an extension, and when it asks any server: RFC 8415, section 21.4, proposes these parts.
    let renewalSeconds: UInt32
    let rebindingSeconds: UInt32
    let serverPort: UInt16
    let clientPort: UInt16

    /// How long clients wait at most between questions that nobody answers (RFC 8415, section 21.24): two minutes, not its hour, because
    /// a machine that is switched on before its rack should not sit for an hour.
    private static let maximumTimeoutSeconds: UInt32 = 120
    private static let httpClient = Array("HTTPClient".utf8)

    init(_ configuration: DHCPv6SegmentConfiguration) {
        let address = configuration.serviceAddress
        // A UUID of version 8 (RFC 9562): its content is its maker's business.
        self.serverIdentifier =
            DHCPUniqueIdentifier.uuid(
                address.high & ~0xF000 | 0x8000, address.low & ~(0b11 << 62) | 0b10 << 62
            ).bytes
        self.network = configuration.network
        self.managed = configuration.managed
        self.dnsServers = Array(configuration.dnsServers.prefix(8))
        self.searchDomain = Self.name(configuration.domainName ?? "")
        self.bootFiles = BootFileRule.Loader.allCases.map { Array((Self.url($0, configuration) ?? "").utf8) }
        self.validSeconds = UInt32(clamping: configuration.leaseSeconds)
        self.preferredSeconds = self.validSeconds / 8 * 5
        self.renewalSeconds = self.preferredSeconds / 2
        self.rebindingSeconds = self.preferredSeconds / 5 * 4
        self.serverPort = configuration.serverPort
        self.clientPort = configuration.clientPort
    }

    private static func name(_ text: String) -> [UInt8] {
        let labels = text.split(separator: ".")
        guard !labels.isEmpty, text.utf8.count <= 253, labels.allSatisfy({ $0.utf8.count <= 63 }) else { return [] }
        return labels.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    /// RFC 5970, section 3.1; addresses in brackets as RFC 3986 wants them.
    private static func url(_ loader: BootFileRule.Loader, _ configuration: DHCPv6SegmentConfiguration) -> String? {
        let http = "http://[\(configuration.serviceAddress)]:\(configuration.httpPort)"
        let tftp = "tftp://[\(configuration.serviceAddress)]"
        // A BIOS has no IPv6.
        return switch loader {
        case .ipxeScript: http + configuration.ipxeScript
        case .efiX64: "\(tftp)/bootx64.efi"
        case .efiARM64: "\(tftp)/bootaa64.efi"
        // As over IPv4: the signed GRUB that shim starts cannot speak HTTP.
        case .httpX64: "\(http)/images/ipxe.efi"
        case .httpARM64: "\(http)/images/bootaa64.efi"
        default: nil
        }
    }

    /// What is said to every client that may have settings, the important first.
    func writeSettings(to request: DHCPv6MessageView, writer: inout DHCPv6MessageWriter) {
        let loader = BootFileRule.loader(
            architecture: request.architecture.map { ClientArchitecture(rawValue: $0) }, vendorClass: request.firmwareClass,
            isIPXE: request.isIPXE
        )
        let file = self.bootFiles[loader.rawValue]
        if !file.isEmpty {
            writer.append(.bootFileURL, bytes: file)
            // UEFI's HTTP boot takes only servers that say so (UEFI 2.10, section 24.7.3.1).
            if request.vendorClass == .httpClient {
                writer.append(vendorClass: Self.httpClient, enterprise: request.vendorEnterprise)
            }
        }
        if request.wanted.contains(.domainNameServers) { writer.append(.domainNameServers, addresses: self.dnsServers) }
        if request.wanted.contains(.domainSearchList), !self.searchDomain.isEmpty {
            writer.append(.domainSearchList, bytes: self.searchDomain)
        }
        if request.wanted.contains(.solicitMaximumTimeout) {
            writer.append(.solicitMaximumTimeout, number: Self.maximumTimeoutSeconds)
        }
        if request.wanted.contains(.informationMaximumTimeout) {
            writer.append(.informationMaximumTimeout, number: Self.maximumTimeoutSeconds)
        }
    }
}

extension DHCPv6MessageView {
    /// The same in the words of DHCP over IPv4, whose rules choose the boot file.
    fileprivate var firmwareClass: DHCPMessageView.VendorClass {
        switch self.vendorClass {
        case .none: .none
        case .pxeClient: .pxeClient
        case .httpClient: .httpClient
        case .other: .other
        }
    }
}
