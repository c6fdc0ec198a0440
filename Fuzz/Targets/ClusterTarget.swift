// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterMessages
import Domain
import FoundationEssentials
import Leasing
import NIOCore

@testable import ClusterLink
@testable import Rack

/// The stream of frames between a rack and a region, and what the messages in it do to either side.
enum ClusterTarget: FuzzTarget {
    static let name = "cluster"

    private static let now = Instant(nanoseconds: 1_000_000_000)
    private static let rack: SystemID = {
        guard let rack = SystemID("3aaaaa") else { preconditionFailure("the fixture's identity") }
        return rack
    }()

    static func take(_ input: [UInt8]) {
        let frames = Self.frames(input, piece: input.count)
        precondition(frames == Self.frames(input, piece: 7), "the frames depend on how the stream is cut")
        for frame in frames {
            precondition(Self.frames(Array(frame.encoded().readableBytesView), piece: 1_000_000) == [frame], "\(frame) is not what is written")
            Self.handle(frame)
        }
    }

    /// The frames up to the first mistake, which closes the connection.
    private static func frames(_ input: [UInt8], piece: Int) -> [LinkFrame] {
        var decoder = LinkFrameDecoder(maximumFrameBytes: 65_536)
        var frames: [LinkFrame] = []
        var rest = input[...]
        while !rest.isEmpty {
            decoder.append(ByteBuffer(bytes: rest.prefix(piece)))
            rest = rest.dropFirst(piece)
            do {
                while let frame = try decoder.next() { frames.append(frame) }
            } catch {
                break
            }
            precondition(decoder.bufferedByteCount <= 65_540 + piece)
        }
        return frames
    }

    private static func handle(_ frame: LinkFrame) {
        switch frame.name {
        case LinkHello.name: Self.read(LinkHello.self, frame.body) { Self.adopt($0) }
        case RackHello.name: Self.read(RackHello.self, frame.body) { _ in }
        case RackObservations.name: Self.read(RackObservations.self, frame.body) { _ in }
        case PowerCommand.name: Self.read(PowerCommand.self, frame.body) { _ = $0.description }
        case RackConfiguration.name: Self.read(RackConfiguration.self, frame.body) { $0.segments.forEach(Self.serve) }
        case LeaseAuthorityOrder.name: Self.read(LeaseAuthorityOrder.self, frame.body) { Self.obey($0.message) }
        case LeaseRackReport.name: Self.read(LeaseRackReport.self, frame.body) { Self.answer($0.message) }
        default: break
        }
    }

    /// Reads a message as the link's handlers do, and checks that it comes back from what is written of it.
    private static func read<Message: LinkMessage>(_ type: Message.Type, _ body: [UInt8], _ use: (Message) -> Void) {
        guard let message = try? JSONDecoder().decode(type, from: Data(body)) else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let first = try? encoder.encode(message) else { return }
        let second = try? encoder.encode(JSONDecoder().decode(type, from: first))
        precondition(first == second, "\(type) changes on its way")
        use(message)
    }

    private static func adopt(_ hello: LinkHello) {
        var core = LinkCore(limits: LinkLimits(), now: .now())
        core.adopt(peerInFlight: hello.maximumInFlight, peerFrameBytes: hello.maximumFrameBytes)
        precondition(core.window >= 1 && core.maximumFrameBytes >= 1024, "a peer's limits that stop the link")
    }

    /// A segment as a region describes it: the rack's answers to clients are made from it.
    private static func serve(_ segment: SegmentConfiguration) {
        var configuration = DHCPSegmentConfiguration(
            segmentID: segment.vlanID, rack: Self.rack, interfaceName: segment.interfaceName, serviceAddress: segment.serviceAddress,
            subnet: segment.network
        )
        configuration.gateway = segment.gateway
        configuration.dnsServers = segment.dnsServers
        configuration.domainName = segment.domainName
        configuration.leaseSeconds = segment.leaseSeconds
        for reservation in segment.reservations {
            configuration.reservations[reservation.macAddress] = ReservedAddress(address: reservation.address, hostname: reservation.hostname)
        }
        _ = DHCPReplyTemplate(configuration)
        var core = Self.core(of: configuration.leaseSegment)
        _ = core.handle(.reconfigured(configuration.leaseSegment), now: Self.now)
        let client = segment.reservations.first?.macAddress ?? MACAddress(rawValue: 2)
        _ = core.decide(LeaseQuery(kind: .discover, client: client), now: Self.now)
    }

    private static func core(of segment: LeaseSegment) -> LeaseCore {
        var terms = LeaseTerms.standard
        terms.maximumAddresses = 64
        return LeaseCore(segment: segment, rack: Self.rack, terms: terms, journal: 1, incarnation: 2, records: [], now: Self.now)
    }

    private static let pair: (core: LeaseCore, authority: LeaseAuthority) = {
        guard let subnet = IPv4Network("10.99.0.0/24"), let service = IPv4Address("10.99.0.1") else {
            preconditionFailure("the fixture's addresses")
        }
        var core = Self.core(of: LeaseSegment(segmentID: 3, subnet: subnet, serviceAddress: service, leaseSeconds: 600))
        var authority = LeaseAuthority(segmentID: 3)
        let range = AddressRange(first: IPv4Address(rawValue: service.rawValue + 49), last: IPv4Address(rawValue: service.rawValue + 88))
        _ = authority.handle(.poolChanged(ranges: [range], reservations: []), now: Self.now)
        _ = authority.handle(.ensembleChanged([Self.rack]), now: Self.now)
        Rounds.settle(&core, &authority, events: [.started], now: Self.now)
        return (core, authority)
    }()

    /// A region's order to a rack in the middle of its work. Whatever it is, the rack goes on.
    private static func obey(_ order: LeaseAuthorityMessage) {
        var (core, authority) = Self.pair
        let later = Self.now.advanced(bySeconds: 11)
        Rounds.settle(&core, &authority, events: [.received(order), .timeElapsed], now: later)
        _ = core.decide(LeaseQuery(kind: .discover, client: MACAddress(rawValue: 2)), now: later)
        precondition(core.statistics(now: later).unspent >= 0)
        _ = core.handle(.stopping, now: later)
    }

    /// A rack's message to the region. It never makes an address that two racks may give out.
    private static func answer(_ message: LeaseRackMessage) {
        var (core, authority) = Self.pair
        let later = Self.now.advanced(bySeconds: 11)
        for effect in authority.handle(.received(message), now: later) {
            if case .send(let answer, to: let rack) = effect, rack == Self.rack {
                Rounds.settle(&core, &authority, events: [.received(answer)], now: later)
            }
        }
        _ = authority.handle(.timeElapsed, now: later.advanced(bySeconds: 400))
        guard let stored = try? JSONEncoder().encode(authority), (try? JSONDecoder().decode(LeaseAuthority.self, from: stored)) != nil else {
            preconditionFailure("an authority that cannot be stored")
        }
    }
}
