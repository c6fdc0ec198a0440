// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCP
import Domain
import Leasing
import Testing

@testable import Rack

/// The states in which a client sends a REQUEST (RFC 2131, table 4), and what the server does in each (section 4.3.2).
@Suite struct DHCPClientStatesTests {
    /// What a client fills in.
    struct State: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var hasServer = false
        var hasRequested = false
        var hasAddress = false

        static let selecting = State(testDescription: "SELECTING", hasServer: true, hasRequested: true)
        static let initReboot = State(testDescription: "INIT-REBOOT", hasRequested: true)
        /// By unicast; REBINDING by broadcast. A server cannot tell, and need not: it knows the binding or it does not.
        static let renewing = State(testDescription: "RENEWING, REBINDING", hasAddress: true)
    }

    /// How things stand with the address that the client names.
    enum Address: String, Sendable, CaseIterable {
        case offered, own, strangers, otherNetwork, unknown
    }

    enum Outcome: Sendable, Equatable {
        case acknowledged, refused, silent
    }

    static let table: [(State, Address, Outcome)] = [
        (.selecting, .offered, .acknowledged), (.selecting, .own, .acknowledged), (.selecting, .strangers, .refused),
        (.selecting, .otherNetwork, .refused), (.selecting, .unknown, .refused),
        // Never adopted (rule R3): a rack that does not know a binding leaves the answer to one that does.
        (.initReboot, .offered, .silent), (.initReboot, .own, .acknowledged), (.initReboot, .strangers, .refused),
        (.initReboot, .otherNetwork, .refused), (.initReboot, .unknown, .silent),
        (.renewing, .offered, .silent), (.renewing, .own, .acknowledged), (.renewing, .strangers, .refused),
        (.renewing, .otherNetwork, .refused), (.renewing, .unknown, .silent),
    ]

    private static func send(_ state: State, _ address: IPv4Address, broadcast: Bool = false, giaddr: String = "0.0.0.0", _ fixture: inout ResponderFixture)
        throws -> (ResponderFixture.Answer, DHCPDestination)?
    {
        try fixture.exchange(.request, broadcast: broadcast, ciaddr: state.hasAddress ? "\(address)" : "0.0.0.0", giaddr: giaddr) {
            if state.hasServer { $0.append(.serverIdentifier, number: 0x0A63_0001) }
            if state.hasRequested { $0.append(.requestedAddress, address: address) }
        }
    }

    private static func bind(_ client: MACAddress, _ fixture: inout ResponderFixture) throws -> IPv4Address {
        let (offer, _) = try #require(try fixture.exchange(.discover, client: client))
        _ = try #require(
            try fixture.exchange(.request, client: client) {
                $0.append(.serverIdentifier, number: 0x0A63_0001)
                $0.append(.requestedAddress, address: offer.view.yourAddress)
            }
        )
        return offer.view.yourAddress
    }

    @Test(arguments: Self.table.indices)
    func `a request is acknowledged, refused or left to others, as its state asks`(row: Int) throws {
        let (state, kind, outcome) = Self.table[row]
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let stranger = try Self.bind(MACAddress(rawValue: 0x5254_0099_9999), &fixture)
        let address: IPv4Address
        switch kind {
        case .offered: address = try #require(try fixture.exchange(.discover)).answer.view.yourAddress
        case .own: address = try Self.bind(fixture.client, &fixture)
        case .strangers: address = stranger
        case .otherNetwork: address = try #require(IPv4Address("192.168.7.7"))
        case .unknown: address = try #require(IPv4Address("10.99.0.240"))
        }
        let answer = try Self.send(state, address, &fixture)
        let label = "\(state.testDescription), \(kind)"
        switch outcome {
        case .silent: #expect(answer == nil, "\(label)")
        case .acknowledged:
            let (reply, destination) = try #require(answer, "\(label)")
            #expect(reply.view.messageType == .acknowledge && reply.view.yourAddress == address, "\(label)")
            #expect(reply.view.clientAddress == (state.hasAddress ? address : IPv4Address(rawValue: 0)), "table 3: ciaddr of the request")
            // To the address where the client has it, to its hardware where it does not.
            #expect(destination == (state.hasAddress ? .datagram(address, port: 68, client: fixture.client) : .frame(fixture.client, address)), "\(label)")
        case .refused:
            let (reply, destination) = try #require(answer, "\(label)")
            #expect(reply.view.messageType == .refuse && reply.view.yourAddress.rawValue == 0, "\(label)")
            #expect(destination == .frame(MACAddress(rawValue: 0xFFFF_FFFF_FFFF), IPv4Address(rawValue: 0xFFFF_FFFF)), "section 4.3.2: broadcast")
            #expect(reply.option(.leaseTime) == nil && reply.option(.subnetMask) == nil, "table 3: nothing else in a refusal")
            #expect(reply.view.serverIdentifier == IPv4Address("10.99.0.1"))
        }
    }

    @Test func `a client that chose another server is recorded, and loses our offer`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let offered = try #require(try fixture.exchange(.discover)).answer.view.yourAddress
        let other = try fixture.exchange(.request) {
            $0.append(.serverIdentifier, number: 0x0A63_0063)
            $0.append(.requestedAddress, address: offered)
        }
        #expect(other == nil)
        let (next, _) = try #require(try fixture.exchange(.discover, client: MACAddress(rawValue: 0x5254_0077_7777)) { $0.append(.requestedAddress, address: offered) })
        #expect(next.view.yourAddress == offered, "its address is free for others at once")
    }

    @Test func `the broadcast flag decides how a client without an address is answered, in every state`() throws {
        let everybody = DHCPDestination.frame(MACAddress(rawValue: 0xFFFF_FFFF_FFFF), IPv4Address(rawValue: 0xFFFF_FFFF))
        for state in [State.selecting, .initReboot] {
            var fixture = try ResponderFixture(try ResponderFixture.configuration())
            let address = try Self.bind(fixture.client, &fixture)
            #expect(try #require(try Self.send(state, address, broadcast: true, &fixture)).1 == everybody)
            #expect(try #require(try Self.send(state, address, &fixture)).1 == .frame(fixture.client, address))
        }
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        let address = try Self.bind(fixture.client, &fixture)
        // `ciaddr` goes before the flag (RFC 2131, section 4.1).
        #expect(try #require(try Self.send(.renewing, address, broadcast: true, &fixture)).1 == .datagram(address, port: 68, client: fixture.client))
    }

    @Test func `an address that a client merely claims gets no answer sent to it`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        // In a discover `ciaddr` is zero (table 5); whatever else it says is not followed.
        let (offer, destination) = try #require(try fixture.exchange(.discover, ciaddr: "203.0.113.9"))
        #expect(destination == .frame(fixture.client, offer.view.yourAddress))
        #expect(try fixture.exchange(.inform, ciaddr: "203.0.113.9") == nil, "not of this network")
        #expect(try fixture.exchange(.inform) == nil, "an inform has an address")
        #expect(try fixture.exchange(.inform, ciaddr: "10.99.0.9") != nil)
    }

    @Test func `a client's identifier is echoed, and does not make another machine of it`() throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        // RFC 4361: type 255, an IAID and a DUID; a firmware sends its hardware address, and some send nothing.
        let identifiers: [[UInt8]] = [[255, 0, 0, 0, 1, 0, 1, 0, 1, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6], [1, 0x52, 0x54, 0, 0x12, 0x34, 0x56], []]
        var addresses: Set<IPv4Address> = []
        for identifier in identifiers {
            let (offer, _) = try #require(
                try fixture.exchange(.discover) { if !identifier.isEmpty { $0.append(.clientIdentifier, bytes: identifier) } }
            )
            #expect(offer.option(.clientIdentifier) == (identifier.isEmpty ? nil : identifier))
            addresses.insert(offer.view.yourAddress)
        }
        #expect(addresses.count == 1)
        let (refusal, _) = try #require(
            try fixture.exchange(.request) {
                $0.append(.clientIdentifier, bytes: identifiers[0])
                $0.append(.requestedAddress, number: 0x0102_0304)
            }
        )
        #expect(refusal.option(.clientIdentifier) == identifiers[0], "RFC 6842: in refusals too")
    }

    @Test func `BOOTP is counted, reported once a minute, and not answered`() async throws {
        var fixture = try ResponderFixture(try ResponderFixture.configuration())
        var request = [UInt8](repeating: 0, count: 300)
        request.replaceSubrange(0..<3, with: [1, 1, 6])
        request.replaceSubrange(28..<34, with: [0x52, 0x54, 0, 1, 2, 3])
        request.replaceSubrange(236..<241, with: [0x63, 0x82, 0x53, 0x63, 255])
        for _ in 0..<5 { #expect(try fixture.exchange(request) == nil) }
        #expect(fixture.responder.counters.bootp == 5)
        #expect(fixture.responder.counters.malformed == 0)
        fixture.observations.finish()
        var seen: [DHCPObservation] = []
        for await observation in fixture.observations { seen.append(observation) }
        #expect(seen.count == 1)
        #expect(seen.first?.reason == .bootp && seen.first?.macAddress == MACAddress("52:54:00:01:02:03"))
    }
}
