// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCP
import Domain
import Testing

@Suite struct DHCPMessageViewTests {
    private func parse(_ bytes: [UInt8]) throws(DHCPDecodingError) -> DHCPMessageView {
        try DHCPMessageView(parsing: bytes.span)
    }

    @Test func `a discover of iPXE on a BIOS`() throws {
        let view = try self.parse(Packets.ipxeBIOS)
        #expect(view.isRequest)
        #expect(view.messageType == .discover)
        #expect(view.transactionID == 0xDEAD_BEEF)
        #expect(view.seconds == 4)
        #expect(!view.wantsBroadcast)
        #expect(view.macAddress == MACAddress("52:54:00:12:34:56"))
        #expect(view.architecture == .biosX86)
        #expect(view.vendorClass == .pxeClient)
        #expect(view.isIPXE)
        #expect(view.maximumMessageSize == 1_472)
        #expect(view.machineIdentifier?.0 == 0x0011_2233_4455_6677)
        #expect(view.machineIdentifier?.1 == 0x8899_AABB_CCDD_EEFF)
        #expect(view.wanted.contains(.bootFileName))
        #expect(!view.wanted.contains(.ntpServers))
        #expect(view.option(.clientIdentifier, Packets.ipxeBIOS) == hex("01 525400123456"))
    }

    @Test func `a discover of EDK2 by PXE`() throws {
        let view = try self.parse(Packets.edk2PXE)
        #expect(view.messageType == .discover)
        #expect(view.wantsBroadcast)
        #expect(view.architecture == .efiX64)
        #expect(view.vendorClass == .pxeClient)
        #expect(!view.isIPXE)
        #expect(view.machineIdentifier?.0 == 0xEFBE_ADDE_0000_1111)
    }

    @Test func `a discover of EDK2 by HTTP`() throws {
        let view = try self.parse(Packets.edk2HTTP)
        #expect(view.architecture == .efiX64HTTP)
        #expect(view.vendorClass == .httpClient)
        #expect(view.wanted.contains(.vendorClass))
    }

    @Test func `a renewal of dhclient`() throws {
        let view = try self.parse(Packets.dhclientRenew)
        #expect(view.messageType == .request)
        #expect(view.clientAddress == IPv4Address("10.99.0.50"))
        #expect(view.requestedAddress == nil)
        #expect(view.serverIdentifier == nil)
        #expect(view.vendorClass == .none)
        #expect(view.option(.hostName, Packets.dhclientRenew) == Array("node1".utf8))
    }

    @Test func `a message cut at any length is an error or a shorter message, and never a trap`() {
        for packet in Packets.all {
            for length in 0..<packet.count {
                let bytes = Array(packet.prefix(length))
                do {
                    let view = try self.parse(bytes)
                    #expect(view.length == length)
                    #expect(length >= DHCPMessageView.minimumLength)
                } catch .tooShort(let reported) {
                    #expect(reported == length && length < DHCPMessageView.minimumLength)
                } catch .truncatedOption(_, let offset) {
                    #expect(offset >= 240 && offset < length)
                } catch {
                    Issue.record("length \(length): \(error)")
                }
            }
        }
    }

    @Test func `parts of an option are put together`() throws {
        // RFC 3396: the architecture in two parts, with another option between them.
        let bytes = fixedPart() + hex("35 01 01  5d 01 00  39 02 05c0  5d 01 0b  ff")
        let view = try self.parse(bytes)
        #expect(view.architecture == .efiARM64)
        #expect(view.option(.clientArchitecture, bytes) == [0, 11])
    }

    @Test func `option 52 lends file and then sname to options`() throws {
        var bytes = fixedPart() + hex("34 01 03  35 01 03  ff")
        bytes.replaceSubrange(108..<115, with: hex("32 04 0a630001  ff"))
        bytes.replaceSubrange(44..<51, with: hex("36 04 0a6300fe  ff"))
        let view = try self.parse(bytes)
        #expect(view.messageType == .request)
        #expect(view.requestedAddress == IPv4Address("10.99.0.1"))
        #expect(view.serverIdentifier == IPv4Address("10.99.0.254"))
        // An option that does not fit into its field is an error there too.
        bytes.replaceSubrange(108..<110, with: hex("32 ff"))
        #expect(throws: DHCPDecodingError.truncatedOption(code: 50, offset: 108)) { try self.parse(bytes) }
    }

    @Test func `wrong values are named`() {
        func error(_ options: String) -> DHCPDecodingError? {
            do {
                _ = try self.parse(fixedPart() + hex(options))
                return nil
            } catch { return error }
        }
        #expect(error("35 01 09 ff") == .unknownMessageType(9))
        #expect(error("35 02 0101 ff") == .badOptionLength(code: 53, length: 2))
        #expect(error("36 03 0a0000 ff") == .badOptionLength(code: 54, length: 3))
        #expect(error("34 01 04 ff") == .badOverload(4))
        #expect(error("35 01 01 5d 01 07 ff") == nil, "a strange architecture is only an unknown one")
        var bytes = Packets.ipxeBIOS
        bytes[0] = 3
        #expect(throws: DHCPDecodingError.unknownOperation(3)) { try self.parse(bytes) }
        bytes[0] = 1
        bytes[2] = 17
        #expect(throws: DHCPDecodingError.badHardwareLength(17)) { try self.parse(bytes) }
        bytes[2] = 6
        bytes[239] = 0
        #expect(throws: DHCPDecodingError.badMagicCookie(0x6382_5300)) { try self.parse(bytes) }
        #expect(throws: DHCPDecodingError.tooLong(length: 10_000)) { try self.parse([UInt8](repeating: 0, count: 10_000)) }
    }

    @Test func `a user class with a length before it is iPXE too`() throws {
        #expect(try self.parse(fixedPart() + hex("35 01 01  4d 05 04 69505845  ff")).isIPXE)
        #expect(try self.parse(fixedPart() + hex("35 01 01  4d 04 69505846  ff")).isIPXE == false)
        #expect(try self.parse(fixedPart() + hex("35 01 01  af 00  ff")).isIPXE)
    }

    @Test func `hardware that is not Ethernet has no MAC address`() throws {
        var bytes = Packets.edk2PXE
        bytes[1] = 32
        #expect(try self.parse(bytes).macAddress == nil)
    }

    @Test(arguments: 0..<4)
    func `random and damaged packets never trap`(part: Int) {
        var random = Generator(state: UInt64(part) + 1)
        var accepted = 0
        for round in 0..<50_000 {
            var bytes: [UInt8]
            if round % 2 == 0 {
                bytes = fixedPart()
                for _ in 0..<Int(random.next() % 64) { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
            } else {
                bytes = Packets.all[round / 2 % Packets.all.count]
                for _ in 0..<(1 + random.next() % 8) {
                    bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            guard let view = try? self.parse(bytes) else { continue }
            accepted += 1
            if round % 64 == 1 { _ = view.option(.vendorClass, bytes) }
        }
        #expect(accepted > 1_000)
    }
}

/// SplitMix64.
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
