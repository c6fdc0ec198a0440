// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCP
import Domain
import Testing

@Suite struct RelayOptionsTests {
    private func parse(_ bytes: [UInt8]) throws(DHCPDecodingError) -> DHCPMessageView {
        try DHCPMessageView(parsing: bytes.span)
    }

    @Test func `a relay agent's link selection and server identifier override are read`() throws {
        let view = try self.parse(Packets.relayed)
        #expect(view.relayAddress == IPv4Address("172.16.0.2"))
        #expect(view.relayAgent.linkSelection == IPv4Address("10.99.0.0"))
        #expect(view.relayAgent.serverIdentifierOverride == IPv4Address("172.16.0.2"))
        #expect(view.subnetSelection == IPv4Address("10.98.0.0"))
        #expect(view.linkAddress == IPv4Address("10.99.0.0"), "the relay agent's word before the client's")
        #expect(view.option(.relayAgentInformation, Packets.relayed)?.count == 19)
    }

    @Test func `the client's network is the selected subnet, then the relay agent's own, then the wire`() throws {
        #expect(try self.parse(fixedPart(giaddr: "0a630005") + hex("35 01 01  76 04 0a620000  ff")).linkAddress == IPv4Address("10.98.0.0"))
        #expect(try self.parse(fixedPart(giaddr: "0a630005") + hex("35 01 01  ff")).linkAddress == IPv4Address("10.99.0.5"))
        #expect(try self.parse(fixedPart() + hex("35 01 01  ff")).linkAddress.rawValue == 0)
    }

    @Test func `without a relay agent its option means nothing`() throws {
        let view = try self.parse(fixedPart() + hex("35 01 01  52 06 0b04 0a636363  ff"))
        #expect(view.relayAgent.serverIdentifierOverride == nil)
    }

    @Test(arguments: ["05", "05 04", "05 04 0a6300", "05 ff 0a630000", "05 03 0a6300", "01 00 05 05 0a63000000", ""])
    func `malformed sub-options are passed over, and the message stands`(content: String) throws {
        let bytes = fixedPart(giaddr: "0a630005") + hex("35 01 01") + [82, UInt8(hex(content).count)] + hex(content) + [255]
        let view = try self.parse(bytes)
        #expect(view.relayAgent.linkSelection == nil)
        #expect(view.option(.relayAgentInformation, bytes) == hex(content))
    }

    @Test func `a selected subnet of another size is an error that says so`() {
        #expect(throws: DHCPDecodingError.badOptionLength(code: 118, length: 3)) { try self.parse(fixedPart() + hex("76 03 0a6300 ff")) }
    }

    @Test func `routes are as short as their prefixes`() throws {
        // The examples of RFC 3442.
        let router = try #require(IPv4Address("10.0.0.1"))
        let expected: [(String, String)] = [
            ("0.0.0.0/0", "00"), ("10.0.0.0/8", "08 0a"), ("10.0.0.0/24", "18 0a0000"), ("10.17.0.0/16", "10 0a11"),
            ("10.27.129.0/24", "18 0a1b81"), ("10.229.0.128/25", "19 0ae50080"), ("10.198.122.47/32", "20 0ac67a2f"),
        ]
        for (network, bytes) in expected {
            let route = ClasslessRoute(to: try #require(IPv4Network(network)), through: router)
            #expect(ClasslessRoute.encode([route]) == hex(bytes) + [10, 0, 0, 1])
        }
    }

    @Test func `a search list points back to what it said before`() {
        // The example of RFC 3397, section 2.
        let list = DomainSearchList.encode(["eng.apple.com", "marketing.apple.com"])
        #expect(list == hex("03 656e67 05 6170706c65 03 636f6d 00  09 6d61726b6574696e67 c0 04"))
        #expect(DomainSearchList.encode(["maas.", "maas", "a.MAAS"]) == hex("04 6d616173 00  c0 00  01 61 c0 00"))
        let bad = ["", "a..b", ".a", String(repeating: "x", count: 64), Array(repeating: "abcdefgh", count: 40).joined(separator: ".")]
        #expect(DomainSearchList.encode(bad + ["ok"]) == hex("02 6f6b 00"))
    }

    @Test func `an ARP probe claims nothing, and only whole packets are read`() throws {
        let probe = ARPPacket.probe(for: try #require(IPv4Address("10.99.0.50")), from: MACAddress(rawValue: 0x5254_0012_3456))
        let bytes = hex(
            """
            0001 0800 06 04 0001    ; Ethernet, IPv4, request
            525400123456 00000000   ; sender, without an address
            000000000000 0a630032   ; target
            """
        )
        #expect(probe.bytes == bytes)
        #expect(ARPPacket(parsing: bytes.span) == probe)
        #expect(ARPPacket(parsing: (bytes + [0, 0, 0]).span) == probe, "Ethernet pads")
        for length in 0..<bytes.count { #expect(ARPPacket(parsing: Array(bytes.prefix(length)).span) == nil) }
        for position in 0..<7 {
            var other = bytes
            other[position] ^= 0x55
            #expect(ARPPacket(parsing: other.span) == nil)
        }
    }
}

@Suite struct OverloadTests {
    private func write(limit: Int, file: [UInt8] = [], _ options: [(DHCPOptionCode, [UInt8])]) throws -> (message: [UInt8], omitted: Int) {
        var bytes = [UInt8](repeating: 0xEE, count: 1_472)
        var omitted = 0
        let length = unsafe bytes.withUnsafeMutableBytes { slot -> Int in
            guard var writer = unsafe DHCPMessageWriter(slot: slot, limit: limit) else { return 0 }
            writer.beginRequest(from: MACAddress(rawValue: 1), transactionID: 7)
            writer.append(.messageType, byte: 2)
            writer.setBootFileField(file)
            writer.lendFields()
            for (code, value) in options { writer.append(code, bytes: value) }
            omitted = writer.omitted
            return writer.finish()
        }
        return (Array(bytes.prefix(length)), omitted)
    }

    private func filler(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x61, count: count) }

    @Test func `what does not fit goes into file and then into sname, and option 52 says so`() throws {
        let options: [(DHCPOptionCode, [UInt8])] = [
            (.domainName, self.filler(45)), (.hostName, self.filler(100)), (.domainSearch, self.filler(60)), (.message, self.filler(20)),
        ]
        let (message, omitted) = try self.write(limit: 300, options)
        #expect(omitted == 0)
        #expect(message.count == 300)
        let view = try DHCPMessageView(parsing: message.span)
        #expect(view.option(.overload, message) == [3])
        for (code, value) in options { #expect(view.option(code, message) == value) }
        #expect(message[108] == 12 && message[44] == 119)
    }

    @Test func `a boot file keeps its field`() throws {
        let name = Array("lpxelinux.0".utf8)
        let (message, omitted) = try self.write(limit: 300, file: name, [(.domainName, self.filler(45)), (.hostName, self.filler(100)), (.message, self.filler(60))])
        let view = try DHCPMessageView(parsing: message.span)
        #expect(view.bootFileField(in: message.span) == "lpxelinux.0")
        #expect(view.option(.overload, message) == [2])
        #expect(view.option(.hostName, message) == nil && omitted == 1)
        #expect(view.option(.message, message) == self.filler(60))
    }

    @Test func `nothing is lent while everything fits`() throws {
        let (message, _) = try self.write(limit: 548, [(.domainName, self.filler(45))])
        #expect(try DHCPMessageView(parsing: message.span).option(.overload, message) == nil)
    }

    @Test func `whatever the sizes are, what is written is read back and nothing is longer than its limit`() throws {
        var random = Generator(state: 9)
        for _ in 0..<3_000 {
            let limit = 300 + Int(random.next() % 600)
            let options = (0..<Int(random.next() % 12)).map { number in
                (DHCPOptionCode(rawValue: UInt8(100 + number)), self.filler(Int(random.next() % (number % 4 == 3 ? 600 : 90))))
            }
            let (message, omitted) = try self.write(limit: limit, file: random.next() % 2 == 0 ? [65] : [], options)
            #expect(message.count <= limit)
            let view = try DHCPMessageView(parsing: message.span)
            let missing = options.filter { view.option($0.0, message) != $0.1 }
            #expect(missing.count == omitted)
            #expect(missing.allSatisfy { view.option($0.0, message) == nil }, "all of a value, or nothing")
        }
    }
}
