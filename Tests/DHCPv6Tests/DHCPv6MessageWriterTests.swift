// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCPv6
import Domain
import Testing

@Suite struct DHCPv6MessageWriterTests {
    /// What a body writes into a slot of so many bytes.
    private func written(room: Int = 1_232, _ body: (inout DHCPv6MessageWriter) -> Void) throws -> (bytes: [UInt8], omitted: Int) {
        var storage = [UInt8](repeating: 0xAA, count: room + 8)
        var omitted = 0
        let length = unsafe storage.withUnsafeMutableBytes { buffer -> Int? in
            guard var writer = unsafe DHCPv6MessageWriter(slot: UnsafeMutableRawBufferPointer(rebasing: buffer[..<room])) else { return nil }
            body(&writer)
            omitted = writer.omitted
            return writer.finish()
        }
        #expect(storage[room...].allSatisfy { $0 == 0xAA })
        return (Array(storage[..<(try #require(length))]), omitted)
    }

    @Test func `an advertisement is what RFC 8415 says, byte for byte`() throws {
        let bytes = Packets.edk2PXE
        let request = try DHCPv6MessageView(parsing: bytes.span)
        let address = try #require(IPv6Address("fd99::1:2345:6789:abcd"))
        let result = try self.written { writer in
            _ = writer.beginReply(.advertise, to: request, in: bytes.span)
            writer.append(.serverIdentifier, bytes: DHCPUniqueIdentifier.uuid(1, 2).bytes)
            writer.echo(request.clientIdentifier, of: bytes.span)
            var associations = request.associations
            if let association = associations.next(in: bytes.span),
                let open = writer.begin(association, renewal: 180, rebinding: 288)
            {
                writer.append(address: address, preferredSeconds: 360, validSeconds: 600)
                writer.end(open)
            }
            writer.append(.preference, byte: 255)
            writer.append(.bootFileURL, bytes: Array("tftp://[fd99::1]/bootx64.efi".utf8))
            writer.append(.domainNameServers, addresses: [address])
            writer.append(status: .success, "ok")
        }
        #expect(
            result.bytes
                == hex(
                    """
                    02 c0ffee
                    0002 0012 0004 0000000000000001 0000000000000002
                    0001 0012 0004 00112233445566778899aabbccddeeff
                    0003 0028 2a3b4c5d 000000b4 00000120
                      0005 0018 fd99000000000000 0001 23456789abcd 00000168 00000258
                    0007 0001 ff
                    003b 001c 746674703a2f2f5b666439393a3a315d2f626f6f747836342e656669
                    0017 0010 fd99000000000000 0001 23456789abcd
                    000d 0004 0000 6f6b
                    """
                )
        )
    }

    @Test func `a reply goes back through the relays it came by, with what they want back`() throws {
        let bytes = Packets.relayed(Packets.relayed(Packets.ipxe, options: "0012 0002 7631"), hops: 1)
        let request = try DHCPv6MessageView(parsing: bytes.span)
        let result = try self.written { writer in
            _ = writer.beginReply(.reply, to: request, in: bytes.span)
            writer.append(.preference, byte: 7)
        }
        let inner = hex("07 010203 0007 0001 07")
        let addresses = "fd99000000000000 0000000000000001 fe80000000000000 5054 00ff fe12 3456"
        let middle = hex("0d 00 \(addresses) 0012 0002 7631 0009 0009") + inner
        #expect(result.bytes == hex("0d 01 \(addresses) 0012 0004 65746830 0009") + [0, UInt8(middle.count)] + middle)
        let back = try DHCPv6MessageView(parsing: result.bytes.span)
        #expect(back.type == .reply && back.relayCount == 2 && back.present.contains(.preference))
    }

    @Test func `what does not fit is left out and counted`() throws {
        let result = try self.written(room: 512) { writer in
            writer.begin(.reply, transactionID: 1)
            writer.append(.bootFileURL, bytes: Array(repeating: 65, count: 600))
            writer.append(.preference, byte: 1)
        }
        #expect(result.omitted == 1)
        #expect(result.bytes == hex("07 000001 0007 0001 01"))
        var small = [UInt8](repeating: 0, count: 511)
        unsafe small.withUnsafeMutableBytes { buffer in
            if case .some = unsafe DHCPv6MessageWriter(slot: buffer) { Issue.record("a slot that is too small was taken") }
        }
    }

    @Test func `associations of every kind are answered in kind`() throws {
        let bytes = hex("01 000001 0004 0004 00000007 0019 000c 00000008 00000000 00000000")
        let request = try DHCPv6MessageView(parsing: bytes.span)
        let result = try self.written { writer in
            _ = writer.beginReply(.reply, to: request, in: bytes.span)
            var associations = request.associations
            while let association = associations.next(in: bytes.span) {
                guard let open = writer.begin(association, renewal: 0, rebinding: 0) else { return }
                writer.append(status: association.kind == .prefixes ? .noPrefixAvailable : .noAddressesAvailable, "")
                writer.end(open)
            }
        }
        #expect(
            result.bytes
                == hex("07 000001 0004 000a 00000007 000d 0002 0002 0019 0012 00000008 00000000 00000000 000d 0002 0006")
        )
        let reply = try DHCPv6MessageView(parsing: result.bytes.span)
        #expect(reply.statuses(result.bytes) == [.noAddressesAvailable, .noPrefixAvailable])
    }
}
