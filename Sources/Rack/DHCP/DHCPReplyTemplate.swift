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
    let domainSearch: [UInt8]
    let routes: [UInt8]
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
    /// The most bytes of a DHCP message that a frame of the segment holds.
    let maximumLength: Int

    static let httpClient = Array("HTTPClient".utf8)
    /// Tells iPXE not to wait two seconds for another server's ProxyDHCP offer (its option 176, in its own space).
    static let ipxeOptions: [UInt8] = [176, 1, 1]

    /// A machine that PXELINUX cannot boot is started again, and may fare better then.
    static let pxelinuxRebootSeconds: UInt32 = 30

    init(_ configuration: DHCPSegmentConfiguration) {
        self.serviceAddress = configuration.serviceAddress
        self.subnetMask = configuration.subnet.subnetMask
        self.broadcastAddress = configuration.subnet.lastAddress
        self.gateways = configuration.gateway.map { [$0] } ?? []
        self.dnsServers = configuration.dnsServers
        self.ntpServers = configuration.ntpServers
        self.domainName = Array((configuration.domainName ?? "").utf8.prefix(255))
        self.domainSearch = DomainSearchList.encode(configuration.domainSearch)
        // Who takes this option ignores the router option (RFC 3442), so the gateway is in it too.
        let gateway = IPv4Network(address: IPv4Address(rawValue: 0), prefixLength: 0)
        let gatewayRoute = configuration.gateway.flatMap { router in gateway.map { ClasslessRoute(to: $0, through: router) } }
        self.routes = configuration.routes.isEmpty ? [] : ClasslessRoute.encode(configuration.routes + [gatewayRoute].compactMap { $0 })
        self.maximumLength = min(max(configuration.mtu ?? 1_500, 576), 1_500) - UDPFrame.headerLength
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

    /// Everything behind the fixed part of a positive answer: what every answer must have, then the boot file, then what the client asks for
    /// in its own order (RFC 2132, section 9.8), then what clients need without asking.
    ///
    /// - Parameters:
    ///   - server: what the client is to take for its server.
    func writeOptions(
        _ type: DHCPMessageType, leaseSeconds: Int?, server: IPv4Address, to request: DHCPMessageView, in bytes: borrowing Span<UInt8>,
        writer: inout DHCPMessageWriter
    ) {
        writer.append(.messageType, byte: type.rawValue)
        writer.append(.serverIdentifier, address: server)
        if let leaseSeconds {
            let seconds = UInt32(clamping: leaseSeconds)
            writer.append(.leaseTime, number: seconds)
            // T1 and T2 as RFC 2131 (section 4.4.5) has them by default.
            writer.append(.renewalTime, number: seconds / 2)
            writer.append(.rebindingTime, number: seconds / 8 * 7)
        }
        // Before the router (RFC 2132, section 3.3).
        writer.append(.subnetMask, address: self.subnetMask)
        writer.echo(.clientIdentifier, of: request, in: bytes)
        // A client that selects a subnet waits for its confirmation (RFC 3011, section 4).
        if let selection = request.subnetSelection { writer.append(.subnetSelection, address: selection) }
        self.writeBoot(to: request, writer: &writer)
        writer.lendFields()
        var written = DHCPOptionSet()
        if request.present.contains(.parameterRequestList) {
            var cursor = DHCPOptionCursor(request)
            while let option = try? cursor.next(in: bytes) {
                guard option.code == DHCPOptionCode.parameterRequestList.rawValue else { continue }
                for offset in option.offset..<(option.offset + option.length) {
                    self.write(DHCPOptionCode(rawValue: bytes[offset]), to: request, written: &written, writer: &writer)
                }
            }
        }
        self.write(.router, to: request, written: &written, writer: &writer)
        self.write(.domainNameServers, to: request, written: &written, writer: &writer)
        self.write(.domainName, to: request, written: &written, writer: &writer)
        self.write(.hostName, to: request, written: &written, writer: &writer)
        writer.echoRelayAgent(of: request, in: bytes)
    }

    /// One option of the segment, unless it was written before.
    private func write(_ code: DHCPOptionCode, to request: DHCPMessageView, written: inout DHCPOptionSet, writer: inout DHCPMessageWriter) {
        guard !written.contains(code) else { return }
        written.insert(code.rawValue)
        switch code {
        case .router:
            // RFC 3442: the routes come before the router.
            if request.wanted.contains(.classlessRoutes) { self.write(.classlessRoutes, to: request, written: &written, writer: &writer) }
            writer.append(.router, addresses: self.gateways)
        case .classlessRoutes: if !self.routes.isEmpty { writer.append(.classlessRoutes, bytes: self.routes) }
        case .domainNameServers: writer.append(.domainNameServers, addresses: self.dnsServers)
        case .domainName: if !self.domainName.isEmpty { writer.append(.domainName, bytes: self.domainName) }
        case .domainSearch: if !self.domainSearch.isEmpty { writer.append(.domainSearch, bytes: self.domainSearch) }
        case .hostName: if let mac = request.macAddress, let name = self.hostNames[mac] { writer.append(.hostName, bytes: name) }
        case .interfaceMTU: if let mtu = self.mtu { writer.append(.interfaceMTU, short: mtu) }
        case .broadcastAddress: writer.append(.broadcastAddress, address: self.broadcastAddress)
        case .ntpServers: writer.append(.ntpServers, addresses: self.ntpServers)
        default: break
        }
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
            writer.append(.pxelinuxRebootTime, number: Self.pxelinuxRebootSeconds)
            writer.append(.tftpServerName, bytes: self.tftpServerName)
        case .efiX64, .efiARM64:
            if request.wanted.contains(.tftpServerName) { writer.append(.tftpServerName, bytes: self.tftpServerName) }
        }
        if request.wanted.contains(.tftpServerAddress) { writer.append(.tftpServerAddress, address: self.serviceAddress) }
    }
}
