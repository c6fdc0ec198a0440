// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCP
import Domain
import Leasing

@testable import Rack

/// One datagram on UDP port 67, through the whole way that the packet thread takes: reading, deciding, writing the answer.
enum DHCPv4Target: FuzzTarget {
    static let name = "dhcp4"

    private static let now = Instant(nanoseconds: 1_000_000_000)

    /// A responder that has a grant and addresses for 40 clients, and one reserved for the golden packets' machine.
    private static let fresh: DHCPResponder = {
        guard let rack = SystemID("3aaaaa"), let service = IPv4Address("10.99.0.1"), let subnet = IPv4Network("10.99.0.0/24") else {
            preconditionFailure("the fixture's addresses")
        }
        var configuration = DHCPSegmentConfiguration(
            segmentID: 3, rack: rack, interfaceName: "eth9", serviceAddress: service, subnet: subnet
        )
        configuration.gateway = IPv4Address("10.99.0.254")
        configuration.dnsServers = [service]
        configuration.domainName = "maas"
        configuration.mtu = 9000
        configuration.reservations = [
            MACAddress(rawValue: 0x5254_00AA_AAAA): ReservedAddress(address: IPv4Address(rawValue: service.rawValue + 199), hostname: "node-a")
        ]
        var terms = LeaseTerms.standard
        terms.maximumAddresses = 64
        var core = LeaseCore(
            segment: configuration.leaseSegment, rack: rack, terms: terms, journal: 1, incarnation: 2, records: [], now: Self.now
        )
        var authority = LeaseAuthority(segmentID: 3)
        let first = IPv4Address(rawValue: service.rawValue + 49)
        let range = AddressRange(first: first, last: IPv4Address(rawValue: first.rawValue + 39))
        _ = authority.handle(.poolChanged(ranges: [range], reservations: []), now: Self.now)
        _ = authority.handle(.ensembleChanged([rack]), now: Self.now)
        Rounds.settle(&core, &authority, events: [.started], now: Self.now)
        return DHCPResponder(core: core, template: DHCPReplyTemplate(configuration), observations: DHCPObservations(capacity: 16))
    }()

    static func take(_ input: [UInt8]) {
        var responder = Self.fresh
        let request = try? DHCPMessageView(parsing: input.span)
        if let request { Self.checkOptions(of: request, in: input) }
        let first = Self.answer(to: input, request, from: &responder)
        if request?.isRequest != true || request?.messageType == nil {
            precondition(first == nil, "an answer to what is no request")
        }
        // A client that heard nothing asks again and gets the same.
        let second = Self.answer(to: input, request, from: &responder)
        precondition(first?.messageType == second?.messageType, "a repeated message is answered by another type")
        guard let request, let offer = first, offer.messageType == .offer, let client = request.macAddress else { return }
        precondition(offer.yourAddress == second?.yourAddress, "a repeated DISCOVER is offered another address")
        // The next message comes without what the relay told of another network.
        guard request.linkAddress == request.relayAddress, request.relayAgent.serverIdentifierOverride == nil else { return }
        Self.choose(offer, client: client, relay: request.relayAddress, responder: &responder)
    }

    /// Every option lies within the message, and the parts that are walked are the value that is put together.
    private static func checkOptions(of view: DHCPMessageView, in bytes: [UInt8]) {
        for number in UInt8.min...UInt8.max {
            let code = DHCPOptionCode(rawValue: number)
            guard code != .pad, code != .end else { continue }
            var parts: [UInt8] = []
            var count = 0
            view.options(code, in: bytes.span) { part in
                precondition(part.code == number && part.offset >= 44 && part.length >= 0 && part.offset + part.length <= bytes.count)
                parts += bytes[part.offset..<(part.offset + part.length)]
                count += 1
            }
            let value = view.value(of: code, in: bytes.span)
            precondition((value != nil) == view.present.contains(code) && (value != nil) == (count > 0), "option \(number) is there or not")
            precondition(value ?? [] == parts, "the parts of option \(number) are not its value")
        }
        _ = view.bootFileField(in: bytes.span)
    }

    /// Has a message answered in a slot of the size that the service uses, and checks what every answer promises.
    private static func answer(to input: [UInt8], _ request: DHCPMessageView?, from responder: inout DHCPResponder) -> DHCPMessageView? {
        let slot = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048 - UDPFrame.headerLength, alignment: 1)
        defer { unsafe slot.deallocate() }
        guard let sent = unsafe responder.respond(to: input.span, slot: slot, now: Self.now, milliseconds: 1_000) else { return nil }
        guard let request, sent.length <= slot.count else { preconditionFailure("an answer to what cannot be read, or beyond its slot") }
        let bytes = unsafe Array(slot.prefix(sent.length))
        guard let reply = try? DHCPMessageView(parsing: bytes.span), let type = reply.messageType else {
            preconditionFailure("an answer that cannot be read: \(bytes)")
        }
        precondition(!reply.isRequest && reply.transactionID == request.transactionID && reply.macAddress == request.macAddress)
        precondition(reply.relayAddress == request.relayAddress && bytes[28..<44] == input[28..<44], "an answer to another client")
        let server = request.relayAgent.serverIdentifierOverride ?? Self.fresh.template.serviceAddress
        precondition(reply.serverIdentifier == server, "an answer without our name")
        let relayed = request.value(of: .relayAgentInformation, in: input.span) ?? []
        // One of a thousand bytes leaves no room for an answer; no relay sends it.
        let isEchoed = reply.value(of: .relayAgentInformation, in: bytes.span) ?? [] == relayed
        precondition(isEchoed || relayed.count > 1_000, "the relay's option is not echoed")
        // What the client takes; the relay agent removes its own option.
        let limit = max(576, Int(request.maximumMessageSize ?? 576)) - UDPFrame.headerLength
        let relayLength = relayed.isEmpty ? 0 : relayed.count + 2 * (relayed.count / 255 + 1) + 2 * input.count / 3
        precondition(sent.length >= DHCPMessageWriter.paddedLength && sent.length <= limit + relayLength, "\(sent.length) of \(limit)")
        switch type {
        case .offer, .acknowledge:
            let isOurs = reply.yourAddress.rawValue == 0 || reply.yourAddress.rawValue >> 8 == 0x0A_6300
            precondition(isOurs && (reply.yourAddress.rawValue != 0 || request.messageType == .inform), "\(reply.yourAddress) is not ours")
            precondition(reply.yourAddress.rawValue == 0 || (1...600).contains(reply.leaseSeconds ?? 0), "a lease without an end")
        case .refuse:
            precondition(reply.yourAddress.rawValue == 0, "a refusal with an address")
        default:
            preconditionFailure("a server that sends \(type)")
        }
        switch sent.destination {
        case .datagram(let address, _, _):
            precondition(address == request.relayAddress || request.relayAddress.rawValue == 0 && address == request.clientAddress)
        case .frame(let client, _):
            precondition(request.relayAddress.rawValue == 0 && (client == request.macAddress || client.rawValue == 0xFFFF_FFFF_FFFF))
        }
        return reply
    }

    /// Whoever takes our offer gets it.
    private static func choose(_ offer: DHCPMessageView, client: MACAddress, relay: IPv4Address, responder: inout DHCPResponder) {
        var message = [UInt8](repeating: 0, count: 320)
        let length = unsafe message.withUnsafeMutableBytes { slot -> Int in
            guard var writer = unsafe DHCPMessageWriter(slot: slot, limit: slot.count) else { return 0 }
            writer.beginRequest(from: client, transactionID: 7, relayAddress: relay)
            writer.append(.messageType, byte: DHCPMessageType.request.rawValue)
            writer.append(.requestedAddress, address: offer.yourAddress)
            writer.append(.serverIdentifier, address: offer.serverIdentifier ?? offer.nextServer)
            return writer.finish()
        }
        message.removeLast(message.count - length)
        let reply = Self.answer(to: message, try? DHCPMessageView(parsing: message.span), from: &responder)
        precondition(reply?.messageType == .acknowledge && reply?.yourAddress == offer.yourAddress, "an offer that is not kept")
    }
}
