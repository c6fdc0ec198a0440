// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCPv6
import Domain
import Leasing
import LeasingV6
import NeighborDiscovery
import Testing

@testable import Rack

@Suite struct DHCPv6ResponderTests {
    private static let machine = MACAddress(rawValue: 0x5254_0012_3456)
    /// The link-local address that is made from the machine's hardware address.
    private static let linkLocal = IPv6Address(high: 0xFE80_0000_0000_0000, low: 0x5054_00FF_FE12_3456)
    private static let identifier = DHCPUniqueIdentifier.uuid(0x0011_2233_4455_6677, 0x8899_AABB_CCDD_EEFF).bytes

    /// A rack that answers what a test's client says.
    private final class Server {
        var responder: DHCPv6Responder
        var now = Instant(nanoseconds: 1_000_000_000)

        init(number: UInt16 = 7, _ change: (inout DHCPv6SegmentConfiguration) -> Void = { _ in }) throws {
            var configuration = DHCPv6SegmentConfiguration(
                segmentID: 5, interfaceName: "rack0", serviceAddress: try #require(IPv6Address("fd99::1")),
                network: try #require(IPv6Network("fd99::/64")), rackNumber: number
            )
            configuration.dnsServers = [configuration.serviceAddress]
            configuration.domainName = "maas"
            change(&configuration)
            self.responder = DHCPv6Responder(
                core: LeaseCoreV6(segment: try configuration.leaseSegment()), template: DHCPv6ReplyTemplate(configuration),
                observations: DHCPv6Observations(capacity: 64)
            )
        }

        func send(_ request: Message, from source: IPv6Address = linkLocal, isMulticast: Bool = true) -> Answer? {
            self.send(request.bytes, from: source, isMulticast: isMulticast)
        }

        func send(_ bytes: [UInt8], from source: IPv6Address = linkLocal, isMulticast: Bool = true) -> Answer? {
            var room = [UInt8](repeating: 0, count: DHCPv6Sockets.answerSize)
            let sent = unsafe room.withUnsafeMutableBytes { slot in
                unsafe self.responder.respond(
                    to: bytes.span, from: DHCPv6Origin(source: source, isMulticast: isMulticast), slot: slot, now: self.now, milliseconds: 0
                )
            }
            guard let sent else { return nil }
            let answer = Array(room[..<sent.length])
            guard let view = try? DHCPv6MessageView(parsing: answer.span) else {
                Issue.record("an answer that cannot be read: \(answer)")
                return nil
            }
            return Answer(bytes: answer, view: view, port: sent.port)
        }
    }

    private struct Answer {
        var bytes: [UInt8]
        var view: DHCPv6MessageView
        var port: UInt16

        func text(_ code: DHCPv6OptionCode) -> String? {
            self.view.value(of: code, in: self.bytes.span).map { String(decoding: $0, as: UTF8.self) }
        }

        func has(_ code: DHCPv6OptionCode) -> Bool { self.view.present.contains(code) }

        var status: DHCPv6StatusCode? { self.view.status(in: self.bytes.span) }

        private var associations: [DHCPv6Association] {
            var walk = self.view.associations
            var found: [DHCPv6Association] = []
            while let association = walk.next(in: self.bytes.span) { found.append(association) }
            return found
        }

        /// The status of each association.
        var statuses: [DHCPv6StatusCode?] { self.associations.map { self.view.status(of: $0, in: self.bytes.span) } }

        var addresses: [DHCPv6AssociatedAddress] {
            self.associations.flatMap { association in
                var walk = self.view.addresses(of: association)
                var found: [DHCPv6AssociatedAddress] = []
                while let address = walk.next(in: self.bytes.span) { found.append(address) }
                return found
            }
        }

        var address: IPv6Address? { self.addresses.first?.address }
    }

    /// A client's message.
    private struct Message {
        var type: DHCPv6MessageType
        var client: [UInt8]? = identifier
        var server: [UInt8]?
        var associations: [UInt32] = [1]
        var addresses: [IPv6Address] = []
        var rapidCommit = false
        var architecture: UInt16?
        var vendorClass: String?
        var userClass: String?
        var extra: [UInt8] = []

        static func option(_ code: UInt16, _ value: [UInt8]) -> [UInt8] {
            [UInt8(code >> 8), UInt8(code & 255), UInt8(value.count >> 8), UInt8(value.count & 255)] + value
        }

        private static func octets(_ value: UInt32) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
        }

        private static func counted(_ text: String) -> [UInt8] { [0, UInt8(text.utf8.count)] + Array(text.utf8) }

        var bytes: [UInt8] {
            var bytes: [UInt8] = [self.type.rawValue, 1, 2, 3]
            if let client = self.client { bytes += Self.option(1, client) }
            if let server = self.server { bytes += Self.option(2, server) }
            for association in self.associations {
                let addresses = self.addresses.flatMap { Self.option(5, $0.octets + [UInt8](repeating: 0, count: 8)) }
                bytes += Self.option(3, Self.octets(association) + [UInt8](repeating: 0, count: 8) + addresses)
            }
            bytes += Self.option(6, [0, 59, 0, 23, 0, 24, 0, 82])
            if self.rapidCommit { bytes += Self.option(14, []) }
            if let architecture = self.architecture { bytes += Self.option(61, [UInt8(architecture >> 8), UInt8(architecture & 255)]) }
            if let vendor = self.vendorClass { bytes += Self.option(16, Self.octets(343) + Self.counted(vendor)) }
            if let user = self.userClass { bytes += Self.option(15, Self.counted(user)) }
            return bytes + self.extra
        }
    }

    private func identifier(of server: Server) -> [UInt8] { server.responder.template.serverIdentifier }

    @Test func `solicit, advertise, request, reply give one address, with its times and the settings asked for`() throws {
        let server = try Server()
        let advertise = try #require(server.send(Message(type: .solicit)))
        #expect(advertise.view.type == .advertise && advertise.view.transactionID == 0x010203 && advertise.port == 546)
        #expect(advertise.has(.preference) && !advertise.has(.rapidCommit))
        let entry = try #require(advertise.addresses.first)
        #expect(entry.address.high == 0xFD99_0000_0000_0000 && entry.address.low >> 48 == 7)
        #expect(entry.preferredSeconds == 375 && entry.validSeconds == 600)
        #expect(server.responder.core.leases(now: server.now).isEmpty)
        let reply = try #require(server.send(Message(type: .request, server: self.identifier(of: server), addresses: [entry.address])))
        #expect(reply.view.type == .reply && reply.address == entry.address && !reply.has(.bootFileURL))
        #expect(reply.view.value(of: .domainNameServers, in: reply.bytes.span) == IPv6Address("fd99::1")?.octets)
        #expect(reply.view.value(of: .domainSearchList, in: reply.bytes.span) == [4] + Array("maas".utf8) + [0])
        #expect(reply.view.value(of: .solicitMaximumTimeout, in: reply.bytes.span) == [0, 0, 0, 120])
        let lease = try #require(server.responder.core.leases(now: server.now).first)
        #expect(lease.address == entry.address && lease.macAddress == Self.machine)
    }

    @Test func `a client that wants to be quick has its address after one exchange`() throws {
        let server = try Server()
        let reply = try #require(server.send(Message(type: .solicit, rapidCommit: true)))
        #expect(reply.view.type == .reply && reply.has(.rapidCommit))
        #expect(server.responder.core.leases(now: server.now).map(\.address) == [reply.address])
    }

    @Test(
        arguments: [
            (7, "PXEClient:Arch:00007:UNDI:003000", nil, "tftp://[fd99::1]/bootx64.efi"),
            (11, "PXEClient:Arch:00011:UNDI:003000", nil, "tftp://[fd99::1]/bootaa64.efi"),
            (16, "HTTPClient:Arch:00016:UNDI:003000", nil, "http://[fd99::1]:5248/images/ipxe.efi"),
            (19, "HTTPClient:Arch:00019:UNDI:003000", nil, "http://[fd99::1]:5248/images/bootaa64.efi"),
            (7, "PXEClient:Arch:00007:UNDI:003010", "iPXE", "http://[fd99::1]:5248/ipxe.cfg"),
            (7, nil, nil, nil), (0, "PXEClient:Arch:00000:UNDI:002001", nil, nil),
        ] as [(UInt16, String?, String?, String?)])
    func `every firmware gets the file that it can run`(_ architecture: UInt16, _ vendor: String?, _ user: String?, _ url: String?) throws {
        let server = try Server()
        let message = Message(type: .solicit, architecture: architecture, vendorClass: vendor, userClass: user)
        let answer = try #require(server.send(message))
        #expect(answer.text(.bootFileURL) == url)
        let isHTTP = vendor?.hasPrefix("HTTPClient") == true
        #expect(answer.has(.vendorClass) == isHTTP)
        if isHTTP { #expect(answer.view.vendorClass == .httpClient && answer.view.vendorEnterprise == 343) }
    }

    @Test func `any rack renews what another gave, and tells a client that has no binding to begin anew`() throws {
        let first = try Server(number: 1)
        let second = try Server(number: 2)
        let address = try #require(first.send(Message(type: .solicit, rapidCommit: true))?.address)
        for type in [DHCPv6MessageType.renew, .rebind] {
            let server = type == .renew ? self.identifier(of: second) : nil
            let reply = try #require(second.send(Message(type: type, server: server, addresses: [address])))
            #expect(reply.addresses.map(\.address) == [address] && reply.addresses.first?.validSeconds == 600)
        }
        // A request that names the address another rack advertised gets that one.
        #expect(second.send(Message(type: .request, server: self.identifier(of: second), addresses: [address]))?.address == address)
        let strange = IPv6Address(high: address.high, low: address.low ^ 1)
        let reply = try #require(second.send(Message(type: .renew, server: self.identifier(of: second), addresses: [strange])))
        #expect(reply.statuses == [.noBinding] && reply.addresses.isEmpty)
    }

    @Test func `addresses of another network end at once`() throws {
        let server = try Server()
        let elsewhere = try #require(IPv6Address("fd98::7:0:0:1"))
        let ours = self.identifier(of: server)
        #expect(server.send(Message(type: .request, server: ours, addresses: [elsewhere]))?.statuses == [.notOnLink])
        let renewal = try #require(server.send(Message(type: .renew, server: ours, addresses: [elsewhere])))
        #expect(renewal.addresses.map(\.address) == [elsewhere] && renewal.addresses.map(\.validSeconds) == [0])
        #expect(server.send(Message(type: .confirm, addresses: [elsewhere]))?.status == .notOnLink)
        let here = try #require(IPv6Address("fd99::7:0:0:1"))
        #expect(server.send(Message(type: .confirm, addresses: [here]))?.status == .success)
        #expect(server.send(Message(type: .confirm)) == nil)
    }

    @Test func `what a client gives back is taken, and what it declines rests`() throws {
        let server = try Server()
        let ours = self.identifier(of: server)
        let address = try #require(server.send(Message(type: .solicit, rapidCommit: true))?.address)
        let release = try #require(server.send(Message(type: .release, server: ours, addresses: [address])))
        #expect(release.status == .success && release.statuses == [.success])
        #expect(server.responder.core.leases(now: server.now).isEmpty)
        #expect(server.send(Message(type: .decline, server: ours, addresses: [address]))?.status == .success)
        let next = try #require(server.send(Message(type: .solicit))?.address)
        #expect(next != address)
        let strange = IPv6Address(high: address.high, low: address.low ^ 1)
        #expect(server.send(Message(type: .release, server: ours, addresses: [strange]))?.statuses == [.noBinding])
    }

    @Test func `messages that are not for this server, or not as they must be, are not answered`() throws {
        let server = try Server()
        let ours = self.identifier(of: server)
        let other = DHCPUniqueIdentifier.uuid(9, 9).bytes
        let silent = [
            Message(type: .solicit, client: nil), Message(type: .solicit, server: ours), Message(type: .request),
            Message(type: .request, server: other), Message(type: .renew, client: nil, server: ours), Message(type: .rebind, server: ours),
            Message(type: .informationRequest), Message(type: .informationRequest, server: other, associations: []),
            Message(type: .advertise), Message(type: .reply), Message(type: .reconfigure, server: ours),
        ]
        for message in silent {
            server.now = server.now.advanced(bySeconds: 10)
            #expect(server.send(message) == nil, "\(message.type)")
        }
        #expect(server.responder.counters.foreignRequests == 2 && server.responder.counters.malformed == 3)
        #expect(server.responder.counters.silences == 8)
        #expect(server.send([1, 2]) == nil)
    }

    @Test func `unicast is refused with the word to use multicast`() throws {
        let server = try Server()
        let reply = try #require(server.send(Message(type: .renew, server: self.identifier(of: server)), isMulticast: false))
        #expect(reply.status == .useMulticast && reply.addresses.isEmpty)
        #expect(server.send(Message(type: .solicit), isMulticast: false) == nil)
    }

    @Test func `settings alone are given to those who ask for no more, without an identity too`() throws {
        let server = try Server()
        let reply = try #require(server.send(Message(type: .informationRequest, client: nil, associations: [])))
        #expect(reply.view.type == .reply && reply.has(.domainNameServers) && reply.has(.serverIdentifier))
        let unmanaged = try Server { $0.managed = false }
        #expect(unmanaged.send(Message(type: .solicit))?.statuses == [.noAddressesAvailable])
    }

    @Test func `temporary addresses and prefixes are refused in their associations, and associations have a bound`() throws {
        let server = try Server()
        let others = Message.option(4, [0, 0, 0, 9]) + Message.option(25, [UInt8](repeating: 0, count: 12))
        let answer = try #require(server.send(Message(type: .solicit, extra: others)))
        #expect(answer.statuses == [.success, .noAddressesAvailable, .noPrefixAvailable])
        let many = try #require(server.send(Message(type: .solicit, associations: Array(1...30))))
        #expect(Set(many.addresses.map(\.address)).count == 4)
        #expect(many.bytes.count <= DHCPv6Sockets.answerSize)
    }

    @Test func `a machine gets its reserved address under every identity, and nobody else does`() throws {
        let reserved = try #require(IPv6Address("fd99::42"))
        let server = try Server { $0.reservations = [Self.machine: reserved] }
        #expect(server.send(Message(type: .solicit))?.address == reserved)
        let firmware = DHCPUniqueIdentifier.uuid(3, 4).bytes
        let both = try #require(server.send(Message(type: .solicit, client: firmware, associations: [1, 2])))
        #expect(both.address == reserved && both.addresses.count == 2)
        #expect(both.addresses.last?.address != reserved)
        let stranger = try #require(IPv6Address("fe80::1"))
        #expect(server.send(Message(type: .solicit), from: stranger)?.address != reserved)
    }

    @Test func `a relay's client is answered through it, when the link is this network's`() throws {
        let server = try Server()
        func relayed(_ link: String) throws -> [UInt8] {
            let head: [UInt8] = [12, 0] + (try #require(IPv6Address(link)).octets) + Self.linkLocal.octets
            return head + Message.option(18, [1, 2]) + Message.option(9, Message(type: .solicit).bytes)
        }
        let relay = try #require(IPv6Address("fd99::2"))
        let answer = try #require(server.send(try relayed("fd99::2"), from: relay, isMulticast: false))
        #expect(answer.view.type == .advertise && answer.view.relayCount == 1 && answer.port == 547)
        #expect(answer.view.peerAddress == Self.linkLocal)
        #expect(answer.address == server.send(Message(type: .solicit))?.address)
        #expect(server.send(try relayed("fd98::2"), from: relay, isMulticast: false) == nil)
    }

    @Test func `a standby listens and is silent`() throws {
        let server = try Server()
        server.responder.isActive = false
        #expect(server.send(Message(type: .solicit)) == nil)
        server.responder.isActive = true
        #expect(server.send(Message(type: .solicit)) != nil)
    }

    @Test func `a client that went mad is slowed down, and the others are served`() throws {
        let server = try Server()
        var answered = 0
        for _ in 0..<1_000 where server.send(Message(type: .solicit)) != nil { answered += 1 }
        #expect(answered == 16 && server.responder.counters.limited == 984)
        #expect(server.send(Message(type: .solicit, client: DHCPUniqueIdentifier.uuid(1, 1).bytes)) != nil)
        server.now = server.now.advanced(bySeconds: 1)
        for _ in 0..<100 where server.send(Message(type: .solicit)) != nil { answered += 1 }
        #expect(answered == 20)
    }

    @Test func `random bytes never do harm`() throws {
        let server = try Server()
        let messages = [Message(type: .solicit), Message(type: .renew, server: self.identifier(of: server), addresses: [Self.linkLocal])]
        var state: UInt64 = 7
        for round in 0..<20_000 {
            var bytes = messages[round % 2].bytes
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 24)
            }
            server.now = server.now.advanced(bySeconds: 1)
            _ = server.send(bytes)
        }
        #expect(server.responder.counters.received == 20_000)
    }

    @Test func `all racks of a segment are one server to their clients`() throws {
        #expect(self.identifier(of: try Server(number: 1)) == self.identifier(of: try Server(number: 2)))
    }

    @Test func `advertisements tell of the prefix, of DHCPv6 and of name servers, and the rack is no router`() throws {
        var configuration = DHCPv6SegmentConfiguration(
            segmentID: 5, interfaceName: "rack0", serviceAddress: try #require(IPv6Address("fd99::1")),
            network: try #require(IPv6Network("fd99::/64")), rackNumber: 1
        )
        configuration.dnsServers = [configuration.serviceAddress]
        configuration.domainName = "maas"
        let message = RouterAdvertiser.message(configuration)
        #expect(message.isManaged && message.hasOtherConfiguration && message.routerLifetimeSeconds == 0)
        #expect(message.prefixes.map(\.network) == [configuration.network])
        #expect(message.prefixes.allSatisfy { $0.isOnLink && !$0.isAutonomous })
        #expect(message.dnsServers == configuration.dnsServers && message.searchDomains == ["maas"])
        configuration.managed = false
        #expect(RouterAdvertiser.message(configuration).prefixes.allSatisfy { $0.isAutonomous })
        #expect(RouterAdvertiser(configuration, now: Instant(nanoseconds: 0)) == nil)
    }
}
