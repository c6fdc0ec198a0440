// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import TFTP
import Testing

@Suite struct TFTPPacketTests {
    static let readRequest: [UInt8] =
        [0, 1]  // opcode
        + Array("/grub/x.mod".utf8) + [0]  // filename
        + Array("octet".utf8) + [0]  // mode
        + Array("tsize".utf8) + [0, 0x30, 0]  // RFC 2349
        + Array("blksize".utf8) + [0, 0x31, 0x34, 0x36, 0x38, 0]  // RFC 2348
        + Array("windowsize".utf8) + [0, 0x34, 0]  // RFC 7440

    static let golden: [(TFTPPacket, [UInt8])] = [
        (
            .readRequest(
                TFTPRequest(
                    filename: "/grub/x.mod",
                    options: [
                        TFTPOption(name: "tsize", value: "0"), TFTPOption(name: "blksize", value: "1468"),
                        TFTPOption(name: "windowsize", value: "4"),
                    ])), Self.readRequest
        ),
        (.writeRequest(TFTPRequest(filename: "a", mode: .netascii)), [0, 2, 0x61, 0] + Array("netascii".utf8) + [0]),
        (.data(block: 0x0102, payload: [9, 8, 7]), [0, 3, 1, 2, 9, 8, 7]),
        (.data(block: 65535, payload: []), [0, 3, 0xFF, 0xFF]),
        (.acknowledgement(block: 513), [0, 4, 2, 1]),
        (.error(.fileNotFound, message: "no"), [0, 5, 0, 1, 0x6E, 0x6F, 0]),
        (.error(TFTPErrorCode(rawValue: 99), message: ""), [0, 5, 0, 99, 0]),
        (.optionAcknowledgement([TFTPOption(name: "timeout", value: "3")]), [0, 6] + Array("timeout".utf8) + [0, 0x33, 0]),
    ]

    @Test(arguments: golden) func `each kind of packet has its octets`(packet: TFTPPacket, bytes: [UInt8]) throws {
        #expect(packet.encoded == bytes)
        #expect(try TFTPPacket(decoding: bytes) == packet)
    }

    @Test func `a request that is cut at any length is refused or is a shorter request`() {
        for length in 0..<Self.readRequest.count {
            let bytes = Array(Self.readRequest.prefix(length))
            do throws(TFTPDecodingError) {
                let packet = try TFTPPacket(decoding: bytes)
                guard case .readRequest(let request) = packet else {
                    Issue.record("length \(length) gave \(packet)")
                    continue
                }
                #expect(request.filename == "/grub/x.mod" && request.options.count < 3)
            } catch {
                #expect(error != .emptyFilename)
            }
        }
    }

    @Test(arguments: golden) func `a packet of any kind that is cut at any length is refused or is of the same kind`(packet: TFTPPacket, bytes: [UInt8]) {
        for length in 0..<bytes.count {
            // The refusals have their own tests.
            guard let cut = try? TFTPPacket(decoding: Array(bytes.prefix(length))) else { continue }
            #expect(length >= 2 && cut.encoded.prefix(2) == packet.encoded.prefix(2), "length \(length) gave \(cut)")
        }
    }

    @Test func `options are told apart without regard to case, and many unknown ones are read`() throws {
        let request = [0, 1] + Array("a\0octet\0".utf8)
        let many = (0..<300).flatMap { Array("o\($0)\0".utf8) }
        guard case .readRequest(let read) = try TFTPPacket(decoding: request + many) else {
            Issue.record("no read request")
            return
        }
        #expect(read.options.count == 150)
        #expect(throws: TFTPDecodingError.repeatedOption(name: "TSIZE")) {
            try TFTPPacket(decoding: request + Array("tsize\u{0}0\0x\0y\0TSIZE\u{0}1\0".utf8))
        }
    }

    @Test func `refusals name the field and what was expected`() {
        #expect(throws: TFTPDecodingError.truncated(field: "opcode", count: 1, expected: 2)) { try TFTPPacket(decoding: [0]) }
        #expect(throws: TFTPDecodingError.truncated(field: "block", count: 3, expected: 4)) { try TFTPPacket(decoding: [0, 4, 1]) }
        #expect(throws: TFTPDecodingError.unknownOpcode(7)) { try TFTPPacket(decoding: [0, 7, 0, 0]) }
        #expect(throws: TFTPDecodingError.emptyFilename) { try TFTPPacket(decoding: [0, 1, 0, 0x6F, 0]) }
        #expect(throws: TFTPDecodingError.unterminated(field: "filename", offset: 2)) { try TFTPPacket(decoding: [0, 1, 0x61]) }
        #expect(throws: TFTPDecodingError.unknownMode("x")) { try TFTPPacket(decoding: [0, 1, 0x61, 0, 0x78, 0]) }
        let start = [0, 1, 0x61, 0] + Array("octet".utf8) + [0]
        #expect(throws: TFTPDecodingError.optionWithoutValue(name: "b")) { try TFTPPacket(decoding: start + [0x62, 0]) }
        #expect(throws: TFTPDecodingError.repeatedOption(name: "B")) {
            try TFTPPacket(decoding: start + [0x62, 0, 0x31, 0, 0x42, 0, 0x31, 0])
        }
        #expect(throws: TFTPDecodingError.emptyOptionName(offset: 10)) { try TFTPPacket(decoding: start + [0, 0x31, 0]) }
        #expect(throws: TFTPDecodingError.tooLong(count: 1469, limit: 1468)) {
            try TFTPPacket(decoding: start + Array(repeating: 0x61, count: 1469 - start.count))
        }
    }

    @Test func `what firmware really sends is understood`() throws {
        let mode = [0] + Array("OCTET".utf8) + [0]
        // The end mark of DHCP's options taken into the name.
        let marked = try TFTPPacket(decoding: [0, 1] + Array("bootx64.efi".utf8) + [0xFF] + mode)
        #expect(marked == .readRequest(TFTPRequest(filename: "bootx64.efi")))
        // Padding with zero bytes.
        #expect(try TFTPPacket(decoding: [0, 1, 0x61] + mode + [0, 0, 0]) == .readRequest(TFTPRequest(filename: "a")))
        // An acknowledgement in a padded frame, an error without its zero byte.
        #expect(try TFTPPacket(decoding: [0, 4, 0, 1, 0, 0, 0]) == .acknowledgement(block: 1))
        #expect(try TFTPPacket(decoding: [0, 5, 0, 8, 0x6E]) == .error(.optionsRefused, message: "n"))
    }

    @Test func `the numbers of options are decimal and fit`() {
        #expect(TFTPOption(name: "x", value: "1468").number == 1468)
        #expect(TFTPOption(name: "x", value: "18446744073709551615").number == .max)
        for value in ["", "-1", "+1", " 1", "1 ", "0x10", "18446744073709551616", "999999999999999999999"] {
            #expect(TFTPOption(name: "x", value: value).number == nil, "\(value)")
        }
    }

    @Test func `random octets never trap, and what is understood survives a round trip`() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if bytes.count > 1, Bool.random(using: &generator) {
                bytes[0] = 0
                bytes[1] = UInt8.random(in: 0...8, using: &generator)
            }
            guard let packet = try? TFTPPacket(decoding: bytes) else { continue }
            #expect(try TFTPPacket(decoding: packet.encoded) == packet)
        }
        for _ in 0..<20_000 {
            var bytes = Self.readRequest
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            guard let packet = try? TFTPPacket(decoding: bytes) else { continue }
            #expect(try TFTPPacket(decoding: packet.encoded) == packet)
        }
    }
}
