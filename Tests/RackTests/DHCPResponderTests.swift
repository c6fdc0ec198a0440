// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCP
import Domain
import Leasing
import Testing

@testable import Rack

/// A responder that has tokens and a grant, without sockets.
struct ResponderFixture {
    var responder: DHCPResponder
    let observations = DHCPObservations(capacity: 1_024)
    var now = Instant(nanoseconds: 1_000_000_000)
    let client = MACAddress(rawValue: 0x5254_0012_3456)

    static func configuration() throws -> DHCPSegmentConfiguration {
        var configuration = DHCPSegmentConfiguration(
            segmentID: 3, rack: try #require(SystemID("3aaaaa")), interfaceName: "eth9",
            serviceAddress: try #require(IPv4Address("10.99.0.1")), subnet: try #require(IPv4Network("10.99.0.0/24"))
        )
        configuration.gateway = IPv4Address("10.99.0.254")
        configuration.dnsServers = [configuration.serviceAddress]
        configuration.domainName = "maas"
        configuration.reservations = [
            MACAddress(rawValue: 0x5254_00AA_AAAA): ReservedAddress(address: try #require(IPv4Address("10.99.0.200")), hostname: "node-a")
        ]
        return configuration
    }

    init(_ configuration: DHCPSegmentConfiguration) throws {
        var core = LeaseCore(
            segment: configuration.leaseSegment, rack: configuration.rack, journal: 1, incarnation: 2, records: [], now: self.now
        )
        Self.feed(&core, now: self.now, first: "10.99.0.50", count: 40)
        self.responder = DHCPResponder(
            core: core, template: DHCPReplyTemplate(configuration), observations: self.observations
        )
    }

    /// Plays the region and the disk for a core.
    static func feed(_ core: inout LeaseCore, now: Instant, first: String, count: UInt32) {
        var authority = LeaseAuthority(segmentID: core.segment.segmentID)
        let start = IPv4Address(first) ?? IPv4Address(rawValue: 0)
        let range = AddressRange(first: start, last: IPv4Address(rawValue: start.rawValue + count - 1))
        var messages = authority.handle(.poolChanged(ranges: [range], reservations: []), now: now)
        messages += authority.handle(.ensembleChanged([core.rack]), now: now)
        var events: [LeaseEvent] = [.started]
        while !events.isEmpty {
            for effect in core.handle(events.removeFirst(), now: now) {
                switch effect {
                case .persist(_, sequence: let sequence), .rewrite(_, sequence: let sequence): events.append(.persisted(through: sequence))
                case .send(let message):
                    for answer in authority.handle(.received(message), now: now) {
                        if case .send(let message, to: _) = answer { events.append(.received(message)) }
                    }
                case .replicate, .report: break
                }
            }
        }
    }

    /// A client's message, made by `build`, and the answer to it.
    mutating func exchange(
        _ type: DHCPMessageType, client: MACAddress? = nil, broadcast: Bool = false, ciaddr: String = "0.0.0.0", giaddr: String = "0.0.0.0",
        _ build: (inout DHCPMessageWriter) -> Void = { _ in }
    ) throws -> (answer: Answer, DHCPDestination)? {
        var request = [UInt8](repeating: 0, count: 1_400)
        let mac = client ?? self.client
        let length = unsafe request.withUnsafeMutableBytes { slot -> Int in
            guard var writer = unsafe DHCPMessageWriter(slot: slot, limit: 1_400) else { return 0 }
            writer.beginRequest(
                from: mac, transactionID: 77, wantsBroadcast: broadcast, clientAddress: IPv4Address(ciaddr) ?? IPv4Address(rawValue: 0),
                relayAddress: IPv4Address(giaddr) ?? IPv4Address(rawValue: 0)
            )
            writer.append(.messageType, byte: type.rawValue)
            build(&writer)
            return writer.finish()
        }
        return try self.exchange(Array(request.prefix(length)))
    }

    mutating func exchange(_ request: [UInt8]) throws -> (answer: Answer, DHCPDestination)? {
        var reply = [UInt8](repeating: 0, count: 2_020)
        let now = self.now
        let sent = unsafe reply.withUnsafeMutableBytes { slot in
            unsafe self.responder.respond(to: request.span, slot: slot, now: now, milliseconds: 5)
        }
        guard let sent else { return nil }
        let bytes = Array(reply.prefix(sent.length))
        return (Answer(bytes: bytes, view: try DHCPMessageView(parsing: bytes.span)), sent.destination)
    }

    struct Answer {
        var bytes: [UInt8]
        var view: DHCPMessageView

        func text(_ code: DHCPOptionCode) -> String? {
            self.view.value(of: code, in: self.bytes.span).map { String(decoding: $0, as: UTF8.self) }
        }

        func option(_ code: DHCPOptionCode) -> [UInt8]? { self.view.value(of: code, in: self.bytes.span) }
        var file: String? { self.view.bootFileField(in: self.bytes.span) }
    }
}

@Suite struct DHCPResponderTests {
    private func address(_ text: String) throws -> IPv4Address { try #require(IPv4Address(text)) }

    @Test func `a client is offered an address and gets it`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let (offer, where1) = try #require(try fixture.exchange(.discover))
        #expect(offer.view.messageType == .offer)
        #expect(offer.view.transactionID == 77)
        let given = offer.view.yourAddress
        #expect(where1 == .frame(fixture.client, given))
        #expect(offer.view.serverIdentifier == IPv4Address("10.99.0.1"))
        #expect(offer.view.nextServer == IPv4Address("10.99.0.1"))
        #expect(offer.view.leaseSeconds == 600)
        #expect(offer.option(.subnetMask) == [255, 255, 255, 0])
        #expect(offer.option(.router) == [10, 99, 0, 254])
        #expect(offer.option(.domainNameServers) == [10, 99, 0, 1])
        #expect(offer.text(.domainName) == "maas")
        #expect(offer.file == nil, "an operating system boots nothing")
        let (ack, _) = try #require(
            try fixture.exchange(.request) {
                $0.append(.requestedAddress, address: given)
                $0.append(.serverIdentifier, number: 0x0A63_0001)
            }
        )
        #expect(ack.view.messageType == .acknowledge)
        #expect(ack.view.yourAddress == given)
        let (renewed, where2) = try #require(try fixture.exchange(.request, ciaddr: given.description))
        #expect(renewed.view.messageType == .acknowledge)
        #expect(where2 == .datagram(given, port: 68, client: fixture.client))
    }

    @Test func `the broadcast flag and a relay are respected`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let (_, target) = try #require(try fixture.exchange(.discover, broadcast: true))
        #expect(target == .frame(MACAddress(rawValue: 0xFFFF_FFFF_FFFF), IPv4Address(rawValue: 0xFFFF_FFFF)))
        let (relayed, relay) = try #require(
            try fixture.exchange(.discover, giaddr: "10.99.0.7") { $0.append(.relayAgentInformation, bytes: [1, 2, 9, 9]) }
        )
        #expect(relay == .datagram(try self.address("10.99.0.7"), port: 67, client: nil))
        #expect(relayed.option(.relayAgentInformation) == [1, 2, 9, 9])
        #expect(relayed.view.relayAddress == IPv4Address("10.99.0.7"))
        #expect(try fixture.exchange(.discover, giaddr: "10.98.0.7") == nil, "another segment's relay")
    }

    @Test(arguments: [255, 459, 1_000])
    func `however long the relay's option is, the answer is one and carries it`(length: Int) throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let option = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        let (offer, _) = try #require(
            try fixture.exchange(.discover, giaddr: "10.99.0.7") { $0.append(.relayAgentInformation, bytes: option) }
        )
        #expect(offer.view.messageType == .offer)
        #expect(offer.view.serverIdentifier == IPv4Address("10.99.0.1"))
        #expect(offer.view.leaseSeconds == 600)
        #expect(offer.option(.relayAgentInformation) == option)
    }

    @Test func `a reserved machine gets its address and its name`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let machine = MACAddress(rawValue: 0x5254_00AA_AAAA)
        let (offer, _) = try #require(try fixture.exchange(.discover, client: machine))
        #expect(offer.view.yourAddress == IPv4Address("10.99.0.200"))
        #expect(offer.text(.hostName) == "node-a")
    }

    @Test func `a refusal is broadcast, and through a relay with the flag set`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let wrong = try self.address("192.168.1.7")
        let (refusal, target) = try #require(try fixture.exchange(.request) { $0.append(.requestedAddress, address: wrong) })
        #expect(refusal.view.messageType == .refuse)
        #expect(refusal.view.yourAddress.rawValue == 0)
        #expect(refusal.option(.leaseTime) == nil)
        #expect(target == .frame(MACAddress(rawValue: 0xFFFF_FFFF_FFFF), IPv4Address(rawValue: 0xFFFF_FFFF)))
        let (relayed, relay) = try #require(
            try fixture.exchange(.request, giaddr: "10.99.0.7") { $0.append(.requestedAddress, address: wrong) }
        )
        #expect(relayed.view.wantsBroadcast)
        #expect(relay == .datagram(try self.address("10.99.0.7"), port: 67, client: nil))
    }

    @Test(arguments: [
        (0, "PXEClient:Arch:00000", false, "lpxelinux.0"), (0, "PXEClient:Arch:00000", true, "http://10.99.0.1:5248/ipxe.cfg"),
        (7, "PXEClient:Arch:00007", false, "bootx64.efi"), (9, "PXEClient:Arch:00009", false, "bootx64.efi"),
        (7, "PXEClient:Arch:00007", true, "http://10.99.0.1:5248/ipxe.cfg"), (11, "PXEClient:Arch:00011", false, "bootaa64.efi"),
        (16, "HTTPClient:Arch:00016", false, "http://10.99.0.1:5248/images/grubhttpx64.efi"),
        (19, "HTTPClient:Arch:00019", false, "http://10.99.0.1:5248/images/grubhttpaa64.efi"),
        (11, "PXEClient:Arch:00011", true, "http://10.99.0.1:5248/ipxe.cfg"),
        (19, "PXEClient:Arch:00019", false, ""), (7, "", false, ""), (0x1F, "PXEClient", false, ""),
    ])
    func `every firmware gets its first file`(architecture: Int, vendor: String, isIPXE: Bool, file: String) throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let (offer, _) = try #require(
            try fixture.exchange(.discover) {
                $0.append(.clientArchitecture, short: UInt16(architecture))
                if !vendor.isEmpty { $0.append(.vendorClass, bytes: Array(vendor.utf8)) }
                if isIPXE { $0.append(.userClass, bytes: Array("iPXE".utf8)) }
                $0.append(.parameterRequestList, bytes: [1, 3, 67])
            }
        )
        #expect(offer.file ?? "" == file)
        #expect(offer.text(.bootFileName) ?? "" == file)
        #expect(offer.text(.vendorClass) == (vendor.hasPrefix("HTTPClient") ? "HTTPClient" : nil))
        #expect(offer.option(.ipxe) == (isIPXE ? [176, 1, 1] : nil))
        #expect(offer.text(.pxelinuxPathPrefix) == (file == "lpxelinux.0" ? "http://10.99.0.1:5248/" : nil))
    }

    @Test func `the first file is one that the rack has`() {
        let own = DHCPBootFiles(available: ["lpxelinux.0", "bootx64.efi", "grubhttpx64.efi", "grubhttpaa64.efi", "ipxe.efi"])
        #expect(own == DHCPBootFiles() && own == DHCPBootFiles(available: []))
        // MAAS's stream: its signed GRUB speaks HTTP, so shim may come by HTTP too.
        let maas = DHCPBootFiles(available: ["lpxelinux.0", "bootx64.efi", "grubx64.efi", "bootaa64.efi", "grubaa64.efi"])
        #expect(maas.httpX64 == "/images/bootx64.efi" && maas.httpARM64 == "/images/bootaa64.efi")
        let ipxe = DHCPBootFiles(available: ["undionly.kpxe", "snponly.efi", "ipxe.efi"])
        #expect(ipxe.bios == "undionly.kpxe" && ipxe.efiX64 == "snponly.efi" && ipxe.httpX64 == "/images/ipxe.efi")
    }

    @Test func `a rack that stands by answers nothing and tells of nothing, because the active one does`() async throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        _ = fixture.responder.core.handle(.activated(false), now: fixture.now)
        #expect(try fixture.exchange(.discover) == nil)
        _ = fixture.responder.core.handle(.activated(true), now: fixture.now)
        #expect(try fixture.exchange(.discover) != nil)
        fixture.observations.finish()
        var kinds: [DHCPObservation.Kind] = []
        for await observation in fixture.observations { kinds.append(observation.kind) }
        #expect(kinds == [.discover, .offer])
    }

    @Test func `a declined address is quarantined, and the client gets another`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let (offer, _) = try #require(try fixture.exchange(.discover))
        let given = offer.view.yourAddress
        let choose: (inout DHCPMessageWriter) -> Void = {
            $0.append(.requestedAddress, address: given)
            $0.append(.serverIdentifier, number: 0x0A63_0001)
        }
        _ = try fixture.exchange(.request, choose)
        #expect(try fixture.exchange(.decline, choose) == nil)
        let (again, _) = try #require(try fixture.exchange(.discover))
        #expect(again.view.yourAddress != given)
        #expect(fixture.responder.counters.declines == 1)
    }

    @Test func `an inform is answered without an address`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let (answer, target) = try #require(try fixture.exchange(.inform, ciaddr: "10.99.0.9"))
        #expect(answer.view.messageType == .acknowledge)
        #expect(answer.view.yourAddress.rawValue == 0)
        #expect(answer.view.leaseSeconds == nil)
        #expect(target == .datagram(try self.address("10.99.0.9"), port: 68, client: fixture.client))
    }

    @Test func `garbage is counted and never answered`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        var random = SystemRandomNumberGenerator()
        for length in [0, 1, 239, 240, 300, 1_400] {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(try fixture.exchange(bytes) == nil)
        }
        #expect(fixture.responder.counters.malformed == 6)
        #expect(try fixture.exchange(.offer) == nil, "a server's message is not for a server")
    }

    @Test func `observations tell the boot's story, and are bounded`() async throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        _ = try fixture.exchange(.discover) { $0.append(.clientArchitecture, short: 7) }
        for _ in 0..<600 { _ = try fixture.exchange(.discover) }
        #expect(fixture.observations.lost == 178)
        fixture.observations.finish()
        var seen: [DHCPObservation] = []
        for await observation in fixture.observations { seen.append(observation) }
        #expect(seen.count == 1_024)
        #expect(seen.first?.kind == .discover)
        #expect(seen.first?.architecture == 7)
        #expect(seen.first?.transactionID == 77)
        #expect(seen.dropFirst().first?.kind == .offer)
        #expect(seen.dropFirst().first?.address != nil)
    }

    @Test func `reports wait coalesced by address until they are taken`() async throws {
        let rack = try #require(SystemID("3aaaaa"))
        let outbound = DHCPOutbound(segmentID: 3, rack: rack)
        func report(_ address: UInt32, _ seconds: Int) -> LeaseReport {
            LeaseReport(
                segmentID: 3, rack: rack,
                entries: [
                    LeaseReport.Entry(
                        address: IPv4Address(rawValue: address), generation: 0, state: .bound, client: nil, remainingSeconds: seconds
                    )
                ]
            )
        }
        for second in 0..<1_000 { outbound.put(.report(report(UInt32(second % 10), second))) }
        outbound.putBack(report(3, 1))
        outbound.putBack(report(11, 1))
        outbound.finish()
        var entries: [LeaseReport.Entry] = []
        for await message in outbound {
            if case .report(let report) = message { entries += report.entries }
        }
        #expect(entries.map(\.address.rawValue) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11])
        #expect(entries[3].remainingSeconds == 993)
    }

    @Test func `another DHCP server is reported once a minute, by the machine that follows it`() async throws {
        var fixture = try ResponderFixture(ResponderFixture.configuration())
        let foreign = try #require(IPv4Address("10.99.0.66"))
        func follow(_ server: IPv4Address, giaddr: String = "0.0.0.0") throws {
            let answer = try fixture.exchange(.request, giaddr: giaddr) { writer in
                writer.append(.requestedAddress, address: IPv4Address(rawValue: 0x0A63_0050))
                writer.append(.serverIdentifier, address: server)
            }
            #expect(answer == nil)
        }
        for _ in 0..<3 { try follow(foreign) }
        try follow(try #require(IPv4Address("10.99.0.67")))
        try follow(try #require(IPv4Address("10.99.0.68")), giaddr: "10.99.0.2")
        fixture.observations.finish()
        var reported: [DHCPObservation] = []
        for await observation in fixture.observations where observation.kind == .foreignServer { reported.append(observation) }
        #expect(reported.map(\.address) == [foreign, IPv4Address("10.99.0.67")])
        #expect(fixture.responder.counters.foreignRequests == 5)
    }

    @Test func `each foreign server is news again after a minute, and more of them than are remembered do no harm`() {
        var servers = ForeignServers()
        func isNews(_ server: UInt32, _ milliseconds: Int64) -> Bool {
            servers.isNews(IPv4Address(rawValue: server), milliseconds: milliseconds)
        }
        for server in UInt32(1)...20 { #expect(isNews(server, Int64(server))) }
        #expect(!isNews(20, 60_019))
        #expect(isNews(20, 60_020))
        #expect(isNews(20, 5), "the clock was set back")
    }
}
