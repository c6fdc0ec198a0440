// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import DHCP
internal import Domain

/// A segment's configuration in the form in which it goes onto the wire, made once for every change of it.
struct DHCPReplyTemplate: Sendable {
    let serviceAddress: IPv4Address
    let subnetMask: IPv4Address
    let broadcastAddress: IPv4Address
    let gateways: [IPv4Address]
    let dnsServers: [IPv4Address]
    let ntpServers: [IPv4Address]
    let domainName: [UInt8]
    let mtu: UInt16?
    let serverPort: UInt16
    let clientPort: UInt16
    /// The first file for every loader, by its number.
    let bootFiles: [[UInt8]]
    /// The service address as text: some firmware reads only option 66.
    let tftpServerName: [UInt8]
    /// Option 210 for every loader, by its number; empty where there is none.
    let pathPrefixes: [[UInt8]]
    let hostNames: [MACAddress: [UInt8]]

    static let httpClient = Array("HTTPClient".utf8)
    /// Tells iPXE not to wait two seconds for another server's ProxyDHCP offer (its option 176, in its own space).
    static let ipxeOptions: [UInt8] = [176, 1, 1]

    init(_ configuration: DHCPSegmentConfiguration) {
        self.serviceAddress = configuration.serviceAddress
        self.subnetMask = configuration.subnet.subnetMask
        self.broadcastAddress = configuration.subnet.lastAddress
        self.gateways = configuration.gateway.map { [$0] } ?? []
        self.dnsServers = configuration.dnsServers
        self.ntpServers = configuration.ntpServers
        self.domainName = Array((configuration.domainName ?? "").utf8.prefix(255))
        self.mtu = configuration.mtu.flatMap { UInt16(exactly: $0) }
        self.serverPort = configuration.serverPort
        self.clientPort = configuration.clientPort
        self.bootFiles = BootFileRule.Loader.allCases.map { Array((BootFileRule.file($0, in: configuration) ?? "").utf8) }
        self.tftpServerName = Array(configuration.serviceAddress.description.utf8)
        self.pathPrefixes = BootFileRule.Loader.allCases.map { Array((BootFileRule.pathPrefix($0, in: configuration) ?? "").utf8) }
        self.hostNames = configuration.reservations.compactMapValues { reserved in
            reserved.hostname.map { Array($0.utf8.prefix(255)) }
        }
    }

    /// Everything behind the fixed part of a positive answer, the important first.
    func writeOptions(
        _ type: DHCPMessageType, leaseSeconds: Int?, to request: DHCPMessageView, in bytes: borrowing Span<UInt8>,
        writer: inout DHCPMessageWriter
    ) {
        writer.append(.messageType, byte: type.rawValue)
        writer.append(.serverIdentifier, address: self.serviceAddress)
        if let leaseSeconds {
            let seconds = UInt32(clamping: leaseSeconds)
            writer.append(.leaseTime, number: seconds)
            // T1 and T2 as RFC 2131 (section 4.4.5) has them by default.
            writer.append(.renewalTime, number: seconds / 2)
            writer.append(.rebindingTime, number: seconds / 8 * 7)
        }
        writer.append(.subnetMask, address: self.subnetMask)
        writer.append(.router, addresses: self.gateways)
        self.writeBoot(to: request, writer: &writer)
        writer.append(.domainNameServers, addresses: self.dnsServers)
        if !self.domainName.isEmpty { writer.append(.domainName, bytes: self.domainName) }
        if let mac = request.macAddress, let name = self.hostNames[mac] { writer.append(.hostName, bytes: name) }
        if let mtu = self.mtu, request.wanted.contains(.interfaceMTU) { writer.append(.interfaceMTU, short: mtu) }
        if request.wanted.contains(.broadcastAddress) { writer.append(.broadcastAddress, address: self.broadcastAddress) }
        if request.wanted.contains(.ntpServers) { writer.append(.ntpServers, addresses: self.ntpServers) }
        writer.echo(.clientIdentifier, of: request, in: bytes)
        writer.echoRelayAgent(of: request, in: bytes)
    }

    private func writeBoot(to request: DHCPMessageView, writer: inout DHCPMessageWriter) {
        let loader = BootFileRule.loader(
            architecture: request.architecture, vendorClass: request.vendorClass, isIPXE: request.isIPXE
        )
        let file = self.bootFiles[loader.rawValue]
        guard !file.isEmpty else { return }
        // In the field for old ROMs, and as an option for those who ask or when the field is too short.
        let fits = writer.setBootFileField(file)
        if !fits || request.wanted.contains(.bootFileName) { writer.append(.bootFileName, bytes: file) }
        let prefix = self.pathPrefixes[loader.rawValue]
        if !prefix.isEmpty { writer.append(.pxelinuxPathPrefix, bytes: prefix) }
        switch loader {
        case .none: break
        case .httpX64, .httpARM64: writer.append(.vendorClass, bytes: Self.httpClient)
        case .ipxeScript: writer.append(.ipxe, bytes: Self.ipxeOptions)
        case .biosPXE:
            writer.append(.tftpServerName, bytes: self.tftpServerName)
        case .efiX64, .efiARM64:
            if request.wanted.contains(.tftpServerName) { writer.append(.tftpServerName, bytes: self.tftpServerName) }
        }
    }
}
