// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCP
import Domain
import Leasing
import Testing

@testable import Rack

@Suite struct DHCPOptionsTests {
    private func configuration() throws -> DHCPSegmentConfiguration {
        var configuration = try ResponderFixture.configuration()
        configuration.ntpServers = [try #require(IPv4Address("10.99.0.3"))]
        configuration.mtu = 1_500
        configuration.domainSearch = ["maas", "lab.maas"]
        configuration.routes = [ClasslessRoute(to: try #require(IPv4Network("10.50.0.0/16")), through: try #require(IPv4Address("10.99.0.9")))]
        return configuration
    }

    /// The codes of an answer's options in the order on the wire.
    private func codes(_ answer: ResponderFixture.Answer) throws -> [UInt8] {
        var codes: [UInt8] = []
        var cursor = DHCPOptionCursor(answer.view)
        while let option = try cursor.next(in: answer.bytes.span) { codes.append(option.code) }
        return codes
    }

    @Test func `options come in the order in which the client asks, and each once`() throws {
        var fixture = try ResponderFixture(try self.configuration())
        let asked: [UInt8] = [119, 42, 28, 15, 3, 6, 26, 42, 1, 51, 121, 200]
        let (offer, _) = try #require(try fixture.exchange(.discover) { $0.append(.parameterRequestList, bytes: asked) })
        let codes = try self.codes(offer)
        // First what every answer has; the routes before the router (RFC 3442), the mask before both (RFC 2132).
        #expect(codes == [53, 54, 51, 58, 59, 1, 119, 42, 28, 15, 121, 3, 6, 26])
        #expect(offer.option(.domainSearch) == [4, 0x6D, 0x61, 0x61, 0x73, 0, 3, 0x6C, 0x61, 0x62, 0xC0, 0])
        #expect(offer.option(.classlessRoutes) == [16, 10, 50, 10, 99, 0, 9, 0, 10, 99, 0, 254], "with the gateway, which is read nowhere else")
        #expect(offer.option(.ntpServers) == [10, 99, 0, 3])
        #expect(offer.option(.broadcastAddress) == [10, 99, 0, 255])
    }

    @Test func `a client that asks for nothing gets what it cannot do without`() throws {
        var fixture = try ResponderFixture(try self.configuration())
        let (offer, _) = try #require(try fixture.exchange(.discover))
        #expect(try self.codes(offer) == [53, 54, 51, 58, 59, 1, 3, 6, 15])
    }

    @Test func `boot loaders get the options that they read`() throws {
        var fixture = try ResponderFixture(try self.configuration())
        let (bios, _) = try #require(
            try fixture.exchange(.discover) {
                $0.append(.vendorClass, bytes: Array("PXEClient:Arch:00000:UNDI:002001".utf8))
                $0.append(.clientArchitecture, short: 0)
                $0.append(.parameterRequestList, bytes: [1, 3, 66, 67, 150, 209, 210, 211])
            }
        )
        #expect(bios.text(.bootFileName) == "lpxelinux.0" && bios.file == "lpxelinux.0")
        #expect(bios.text(.tftpServerName) == "10.99.0.1")
        #expect(bios.option(.tftpServerAddress) == [10, 99, 0, 1])
        #expect(bios.text(.pxelinuxPathPrefix) == "http://10.99.0.1:5248/")
        #expect(bios.option(.pxelinuxRebootTime) == [0, 0, 0, 30])
    }

    /// Every client, every size that option 57 can name.
    @Test func `no answer is longer than the client takes, than a frame, or than every client must take`() throws {
        var configuration = try self.configuration()
        configuration.domainSearch = (0..<15).map { "a-rather-long-domain-number-\($0).example" }
        configuration.dnsServers = (0..<40).map { IPv4Address(rawValue: 0x0A63_0100 + $0) }
        configuration.ntpServers = configuration.dnsServers
        var fixture = try ResponderFixture(configuration)
        var lengths: Set<Int> = []
        for size in [0, 1, 300, 575, 576, 577, 590, 600, 700, 1_000, 1_400, 1_472, 1_500, 1_501, 9_000, 65_535] as [UInt16] {
            let (offer, _) = try #require(
                try fixture.exchange(.discover) {
                    $0.append(.maximumMessageSize, short: size)
                    $0.append(.parameterRequestList, bytes: [1, 3, 6, 42, 119, 121, 15])
                }
            )
            let allowed = min(max(Int(size), 576), 1_500) - 28
            #expect(offer.bytes.count <= allowed, "option 57: \(size)")
            #expect(offer.view.leaseSeconds == 600 && offer.option(.subnetMask) != nil && offer.option(.router) != nil)
            lengths.insert(offer.bytes.count)
        }
        #expect(lengths.count > 2, "more room is used")
        #expect(fixture.responder.counters.omittedOptions > 0)
    }

    @Test func `what does not fit goes into sname and file`() throws {
        var configuration = try self.configuration()
        configuration.dnsServers = (0..<60).map { IPv4Address(rawValue: 0x0A63_0100 + $0) }
        configuration.ntpServers = [IPv4Address(rawValue: 0x0A63_0003), IPv4Address(rawValue: 0x0A63_0004)]
        var fixture = try ResponderFixture(configuration)
        let (offer, _) = try #require(
            try fixture.exchange(.discover) { $0.append(.parameterRequestList, bytes: [1, 3, 6, 15, 119, 42, 121]) }
        )
        #expect(offer.option(.overload) != nil)
        #expect(offer.option(.ntpServers)?.count == 8 && offer.text(.domainName) == "maas" && offer.option(.domainSearch)?.count == 12)
        #expect(fixture.responder.counters.omittedOptions == 0)
    }
}

@Suite struct DHCPRelayTests {
    private static let agent: [UInt8] = [1, 3, 9, 9, 9, 5, 4, 10, 99, 0, 0, 11, 4, 172, 16, 0, 2]

    @Test func `a relay agent of another network that names ours is answered, with what it said last and unchanged`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let (offer, destination) = try #require(
            try fixture.exchange(.discover, giaddr: "172.16.0.2") { $0.append(.relayAgentInformation, bytes: Self.agent) }
        )
        #expect(destination == .datagram(try #require(IPv4Address("172.16.0.2")), port: 67, client: nil))
        #expect(offer.option(.relayAgentInformation) == Self.agent)
        var last: UInt8 = 0
        var cursor = DHCPOptionCursor(offer.view)
        while let option = try cursor.next(in: offer.bytes.span) { last = option.code }
        #expect(last == 82)
        #expect(offer.view.serverIdentifier == IPv4Address("172.16.0.2"), "RFC 5107: the client is to ask the agent")

        // The client chooses that server, and renews with it: both come through the agent, and mean us.
        let given = offer.view.yourAddress
        let (ack, _) = try #require(
            try fixture.exchange(.request, giaddr: "172.16.0.2") {
                $0.append(.serverIdentifier, number: 0xAC10_0002)
                $0.append(.requestedAddress, address: given)
                $0.append(.relayAgentInformation, bytes: Self.agent)
            }
        )
        #expect(ack.view.messageType == .acknowledge && ack.view.serverIdentifier == IPv4Address("172.16.0.2"))
        let (renewed, way) = try #require(
            try fixture.exchange(.request, ciaddr: "\(given)", giaddr: "172.16.0.2") { $0.append(.relayAgentInformation, bytes: Self.agent) }
        )
        #expect(renewed.view.messageType == .acknowledge)
        #expect(way == .datagram(try #require(IPv4Address("172.16.0.2")), port: 67, client: nil))
        #expect(fixture.responder.counters.foreignRequests == 0)
    }

    @Test func `networks that are not ours are left to their servers`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        #expect(try fixture.exchange(.discover, giaddr: "172.16.0.2") == nil, "the agent's own network is not ours")
        let other = try fixture.exchange(.discover, giaddr: "10.99.0.7") { $0.append(.relayAgentInformation, bytes: [5, 4, 10, 98, 0, 0]) }
        #expect(other == nil, "the link it selects is not ours, although the agent's address is")
        #expect(try fixture.exchange(.discover) { $0.append(.subnetSelection, number: 0x0A62_0000) } == nil, "nor is the subnet that a client selects")
        #expect(fixture.responder.counters.silences == 3)
    }

    @Test func `a client that selects our subnet has it confirmed`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let (offer, _) = try #require(try fixture.exchange(.discover) { $0.append(.subnetSelection, number: 0x0A63_0000) })
        #expect(offer.option(.subnetSelection) == [10, 99, 0, 0])
    }

    @Test func `an override without an agent is nobody's`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let (offer, _) = try #require(try fixture.exchange(.discover) { $0.append(.relayAgentInformation, bytes: [11, 4, 6, 6, 6, 6]) })
        #expect(offer.view.serverIdentifier == IPv4Address("10.99.0.1"))
    }

    @Test func `a relay agent outside our network gets no more than every client takes`() throws {
        var configuration = try ResponderFixture.configuration()
        configuration.dnsServers = (0..<60).map { IPv4Address(rawValue: 0x0A63_0100 + $0) }
        configuration.ntpServers = configuration.dnsServers
        var fixture = try ResponderFixture(configuration)
        for (giaddr, limit) in [("172.16.0.2", 548 + 2 + Self.agent.count), ("10.99.0.7", 1_472)] {
            let (offer, _) = try #require(
                try fixture.exchange(.discover, giaddr: giaddr) {
                    $0.append(.maximumMessageSize, short: 1_500)
                    $0.append(.parameterRequestList, bytes: [1, 3, 6, 42])
                    $0.append(.relayAgentInformation, bytes: Self.agent)
                }
            )
            #expect(offer.bytes.count <= limit && (offer.bytes.count > 600) == (limit == 1_472))
            #expect(offer.option(.relayAgentInformation) == Self.agent)
        }
    }
}
