// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCPv6
import Domain
import Testing

@Suite struct DHCPv6MessageViewTests {
    private func view(_ bytes: [UInt8]) throws -> DHCPv6MessageView {
        try DHCPv6MessageView(parsing: bytes.span)
    }

    @Test func `UEFI's PXE client is read`() throws {
        let view = try self.view(Packets.edk2PXE)
        #expect(view.type == .solicit && view.transactionID == 0xC0FFEE && view.relayCount == 0)
        #expect(view.architecture == 7 && view.vendorClass == .pxeClient && view.vendorEnterprise == 343 && !view.isIPXE)
        #expect(view.wanted.contains(.bootFileURL) && view.wanted.contains(.domainNameServers) && !view.wanted.contains(.ntpServer))
        #expect(view.elapsed == .zero)
        let identifier = try #require(view.option(.clientIdentifier, Packets.edk2PXE))
        #expect(DHCPUniqueIdentifier(identifier) == .uuid(0x0011_2233_4455_6677, 0x8899_AABB_CCDD_EEFF))
        let associations = view.associations(Packets.edk2PXE)
        #expect(associations.map(\.kind) == [.addresses] && associations.map(\.identifier) == [0x2A3B_4C5D])
    }

    @Test func `iPXE is known by its user class`() throws {
        let view = try self.view(Packets.ipxe)
        #expect(view.isIPXE && view.architecture == 7)
        #expect(view.elapsed == .seconds(1))
    }

    @Test func `a renewal names its server and its address`() throws {
        let bytes = Packets.dhclientRenew
        let view = try self.view(bytes)
        #expect(view.type == .renew)
        let server = DHCPUniqueIdentifier.uuid(0xFD99_0000_0000_8000, 1)
        #expect(view.isFor(server.bytes, bytes))
        #expect(!view.isFor(server.bytes.dropLast() + [2], bytes))
        let addresses = view.associations(bytes).flatMap { view.addresses(of: $0, bytes) }
        let entry = try #require(addresses.first)
        #expect(entry.address.description == "fd99::1:2345:6789:abcd")
        #expect(entry.preferredSeconds == 7_200 && entry.validSeconds == 10_800)
        #expect(addresses.count == 1)
    }

    @Test func `relays' layers come off, and the nearest relay with an address tells the link`() throws {
        let once = try self.view(Packets.relayed(Packets.edk2PXE))
        #expect(once.relayCount == 1 && once.type == .solicit)
        #expect(once.linkAddress == IPv6Address("fd99::1"))
        #expect(once.peerAddress == IPv6Address("fe80::5054:ff:fe12:3456"))
        // A relay on layer 2 (RFC 6221) names no link.
        let inner = Packets.relayed(
            Packets.edk2PXE, link: "0000000000000000 0000000000000000", options: "004f 0008 0001 525400abcdef")
        let twice = try self.view(Packets.relayed(inner, hops: 1))
        #expect(twice.relayCount == 2 && twice.linkAddress == IPv6Address("fd99::1"))
        #expect(twice.relayedMACAddress == MACAddress("52:54:00:ab:cd:ef"))
    }

    @Test func `a machine is known by its relay's word, by its link-local address, or by its DUID`() throws {
        let duid = Packets.dhclientRenew
        let linkLocal = try #require(IPv6Address("fe80::5054:ff:fe00:1"))
        let privacy = try #require(IPv6Address("fe80::1234:5678:9abc:def0"))
        #expect(try self.view(duid).machine(linkLocal, duid) == MACAddress("52:54:00:00:00:01"))
        #expect(try self.view(duid).machine(privacy, duid) == MACAddress("52:54:00:12:34:56"))
        #expect(try self.view(Packets.edk2PXE).machine(privacy, Packets.edk2PXE) == nil)
        let relayed = Packets.relayed(Packets.edk2PXE, options: "004f 0008 0001 525400abcdef")
        #expect(try self.view(relayed).machine(privacy, relayed) == MACAddress("52:54:00:ab:cd:ef"))
    }

    @Test(arguments: Packets.all) func `a message that is cut anywhere is refused, or read as what is whole of it`(_ packet: [UInt8]) throws {
        for length in 0..<packet.count {
            let cut = Array(packet[..<length])
            guard let view = try? DHCPv6MessageView(parsing: cut.span) else { continue }
            #expect(view.length == length)
            _ = view.associations(cut).map { view.addresses(of: $0, cut) }
        }
        // What a relay holds is never read in part.
        if packet[0] == 12 {
            for length in 0..<packet.count { #expect(throws: DHCPv6DecodingError.self) { try self.view(Array(packet[..<length])) } }
        }
    }

    @Test func `bad lengths and repeated options are refused`() {
        let head: [UInt8] = [1, 0, 0, 1]
        let cases: [(String, DHCPv6DecodingError)] = [
            ("0001 0002 0001", .badOptionLength(code: 1, length: 2)),
            ("0008 0001 00", .badOptionLength(code: 8, length: 1)),
            ("0006 0003 000000", .badOptionLength(code: 6, length: 3)),
            ("0003 000b 0000000000000000000000", .badOptionLength(code: 3, length: 11)),
            ("0004 0003 000000", .badOptionLength(code: 4, length: 3)),
            ("0003 0014 00000001 00000000 00000000 0005 0004 00000000", .badOptionLength(code: 5, length: 4)),
            ("0003 0010 00000001 00000000 00000000 0005 0018", .truncatedOption(code: 5, offset: 20)),
            ("0001 0003 000301 0001 0003 000301", .repeatedOption(code: 1)),
            ("0007 0004 00", .truncatedOption(code: 7, offset: 4)),
        ]
        for (options, error) in cases {
            #expect(throws: error) { try self.view(head + hex(options)) }
        }
        #expect(throws: DHCPv6DecodingError.unknownMessageType(99)) { try self.view([99, 0, 0, 0]) }
        #expect(throws: DHCPv6DecodingError.tooShort(length: 3)) { try self.view([1, 0, 0]) }
        #expect(throws: DHCPv6DecodingError.tooLong(length: 9_217)) { try self.view(Array(repeating: 0, count: 9_217)) }
    }

    @Test func `a message through more than eight relays is refused`() throws {
        var bytes = Packets.ipxe
        for hops in UInt8(0)..<8 { bytes = Packets.relayed(bytes, hops: hops, options: "") }
        #expect(try self.view(bytes).relayCount == 8)
        #expect(throws: DHCPv6DecodingError.tooManyRelays) { try self.view(Packets.relayed(bytes, hops: 8, options: "")) }
        #expect(throws: DHCPv6DecodingError.missingRelayMessage(offset: 0)) {
            try self.view(hex("0c 00") + [UInt8](repeating: 0, count: 32))
        }
    }

    @Test func `random bytes never do harm`() {
        var state: UInt64 = 42
        for round in 0..<20_000 {
            var bytes = Packets.all[round % Packets.all.count]
            for _ in 0..<4 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 24)
            }
            DHCPv6FuzzTarget.run(bytes)
        }
    }

    @Test func `identifiers of every type are read and written alike`() {
        let texts = [
            "0001 0001 2a5f1234 525400123456", "0002 00000009 0cc084d303000912", "0003 0001 525400123456",
            "0004 00112233445566778899aabbccddeeff", "0063 010203",
        ]
        for bytes in texts.map({ hex($0) }) {
            let identifier = DHCPUniqueIdentifier(bytes)
            #expect(identifier?.bytes == bytes)
        }
        #expect(DHCPUniqueIdentifier(hex("0004 0011")) == nil)
        #expect(DHCPUniqueIdentifier([0, 1]) == nil)
        #expect(DHCPUniqueIdentifier(Array(repeating: 1, count: 131)) == nil)
    }
}
