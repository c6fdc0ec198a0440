// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCP
import Domain
import Testing

@Suite struct DHCPMessageWriterTests {
    /// Writes into a slot of that size and returns the message.
    private func write(slot size: Int = 1_500, limit: Int = 1_500, _ body: (inout DHCPMessageWriter) -> Void) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: size)
        let length = unsafe bytes.withUnsafeMutableBytes { slot -> Int in
            guard var writer = unsafe DHCPMessageWriter(slot: slot, limit: limit) else { return 0 }
            body(&writer)
            return writer.finish()
        }
        return Array(bytes.prefix(length))
    }

    @Test func `an offer byte by byte`() throws {
        let packet = Packets.edk2PXE
        let request = try DHCPMessageView(parsing: packet.span)
        let message = self.write { writer in
            writer.beginReply(
                to: request, in: packet.span, clientAddress: IPv4Address(rawValue: 0), yourAddress: IPv4Address(rawValue: 0x0A63_0032),
                nextServer: IPv4Address(rawValue: 0x0A63_0001)
            )
            writer.append(.messageType, byte: DHCPMessageType.offer.rawValue)
            writer.append(.serverIdentifier, address: IPv4Address(rawValue: 0x0A63_0001))
            writer.append(.leaseTime, number: 600)
            writer.append(.domainNameServers, addresses: [IPv4Address(rawValue: 0x0A63_0001), IPv4Address(rawValue: 0x0808_0808)])
            writer.setBootFileField(Array("bootx64.efi".utf8))
        }
        let expected =
            hex(
                """
                02 01 06 00             ; op: reply, Ethernet, 6, no hops
                dead beef               ; xid of the request
                0000 8000               ; secs, flags of the request
                00000000 0a630032       ; ciaddr, yiaddr
                0a630001 00000000       ; siaddr, giaddr
                525400123456 00000000000000000000 ; chaddr of the request
                """
            ) + [UInt8](repeating: 0, count: 64) + Array("bootx64.efi".utf8) + [UInt8](repeating: 0, count: 117)
            + hex(
                """
                63825363
                35 01 02                ; OFFER
                36 04 0a630001          ; server
                33 04 00000258          ; 600 s
                06 08 0a630001 08080808 ; name servers
                ff
                """
            )
        #expect(Array(message.prefix(expected.count)) == expected)
        #expect(message.count == 300)
        #expect(message.dropFirst(expected.count).allSatisfy { $0 == 0 })
    }

    @Test func `the relay agent's option comes back last, and has its room`() throws {
        let agent = [UInt8](repeating: 0x41, count: 60)
        let bytes = fixedPart(giaddr: "0a630005") + hex("35 01 01") + [82, 60] + agent + [255]
        let request = try DHCPMessageView(parsing: bytes.span)
        let message = self.write(slot: 400, limit: 400) { writer in
            writer.beginReply(
                to: request, in: bytes.span, clientAddress: IPv4Address(rawValue: 0), yourAddress: IPv4Address(rawValue: 1),
                nextServer: IPv4Address(rawValue: 2)
            )
            writer.append(.messageType, byte: 2)
            let fits = writer.append(.domainName, bytes: [UInt8](repeating: 0x61, count: 80))
            let isTooLong = writer.append(.message, bytes: [UInt8](repeating: 0x62, count: 20))
            let omitted = writer.omitted
            #expect(fits && !isTooLong && omitted == 1)
            writer.echoRelayAgent(of: request, in: bytes.span)
        }
        let reply = try DHCPMessageView(parsing: message.span)
        #expect(reply.option(.relayAgentInformation, message) == agent)
        #expect(reply.relayAddress == IPv4Address("10.99.0.5"))
        #expect(reply.option(.message, message) == nil)
    }

    @Test func `values of more than 255 bytes are split and read back`() throws {
        for length in [0, 1, 254, 255, 256, 510, 511, 700] {
            let value = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
            let message = self.write { writer in
                writer.beginRequest(from: MACAddress(rawValue: 1), transactionID: 7)
                writer.append(.messageType, byte: 1)
                let fits = writer.append(.domainSearch, bytes: value)
                #expect(fits)
            }
            let view = try DHCPMessageView(parsing: message.span)
            #expect(view.option(.domainSearch, message) == value)
        }
    }

    @Test func `nothing is written outside the slot or beyond the limit`() throws {
        for size in 300..<420 {
            let message = self.write(slot: size, limit: size) { writer in
                writer.beginRequest(from: MACAddress(rawValue: 1), transactionID: 7)
                for _ in 0..<40 { writer.append(.router, number: 0x0102_0304) }
                writer.append(.domainName, bytes: [UInt8](repeating: 1, count: 300))
            }
            #expect(message.count <= size)
            _ = try DHCPMessageView(parsing: message.span)
        }
        var small = [UInt8](repeating: 0, count: 299)
        let refused = unsafe small.withUnsafeMutableBytes { unsafe DHCPMessageWriter(slot: $0, limit: 299) == nil }
        #expect(refused)
    }

    @Test func `a client's message round trips for generated values`() throws {
        var random = Generator(state: 5)
        for _ in 0..<2_000 {
            let mac = MACAddress(rawValue: random.next())
            let xid = UInt32(truncatingIfNeeded: random.next())
            let wanted = IPv4Address(rawValue: UInt32(truncatingIfNeeded: random.next()))
            let name = (0..<Int(random.next() % 300)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let architecture = UInt16(truncatingIfNeeded: random.next())
            let message = self.write { writer in
                writer.beginRequest(from: mac, transactionID: xid, seconds: 9, wantsBroadcast: xid & 1 == 1, clientAddress: wanted)
                writer.append(.messageType, byte: 3)
                writer.append(.hostName, bytes: name)
                writer.append(.requestedAddress, address: wanted)
                writer.append(.clientArchitecture, short: architecture)
            }
            let view = try DHCPMessageView(parsing: message.span)
            #expect(view.macAddress == mac)
            #expect(view.transactionID == xid)
            #expect(view.wantsBroadcast == (xid & 1 == 1))
            #expect(view.clientAddress == wanted)
            #expect(view.requestedAddress == wanted)
            #expect(view.architecture?.rawValue == architecture)
            #expect(view.option(.hostName, message) == name)
        }
    }

    @Test func `headers for the raw socket have right checksums`() {
        var frame = [UInt8](repeating: 0, count: 28 + 301)
        for index in 28..<frame.count { frame[index] = UInt8(truncatingIfNeeded: index &* 7) }
        let written = unsafe frame.withUnsafeMutableBytes {
            unsafe UDPFrame.writeHeaders(
                in: $0, payloadLength: 301, source: IPv4Address(rawValue: 0x0A63_0001), sourcePort: 67,
                destination: IPv4Address(rawValue: 0xFFFF_FFFF), destinationPort: 68
            )
        }
        #expect(written)
        #expect(
            Array(frame.prefix(10)) == hex("45 00 0149 0000 4000 40 11 ; version, length 329, no fragments, 64 hops, UDP")
        )
        #expect(Array(frame[20..<26]) == hex("0043 0044 0135 ; ports 67 and 68, 309 bytes"))
        // The one's complement sum over header and checksum is all ones.
        func sum(_ bytes: some Sequence<UInt8>) -> UInt64 {
            var total: UInt64 = 0
            for (index, byte) in bytes.enumerated() { total += UInt64(byte) << (index % 2 == 0 ? 8 : 0) }
            while total > 0xFFFF { total = total & 0xFFFF + total >> 16 }
            return total
        }
        #expect(sum(frame.prefix(20)) == 0xFFFF)
        #expect(sum(Array(frame[12..<20]) + hex("0011 0135") + Array(frame[20...])) == 0xFFFF)
        let refused = unsafe frame.withUnsafeMutableBytes {
            unsafe UDPFrame.writeHeaders(
                in: $0, payloadLength: 400, source: IPv4Address(rawValue: 1), sourcePort: 1, destination: IPv4Address(rawValue: 2),
                destinationPort: 2
            )
        }
        #expect(!refused)
    }
}
