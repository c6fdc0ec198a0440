// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import ClusterLink

struct LinkFrameTests {
    static let request = LinkFrame(.request, requestID: 0x0102_0304_0506_0708, name: "power.set", body: Array("{}".utf8))

    /// Field by field as in the table of `LinkFrame`.
    static let requestBytes: [UInt8] =
        [0, 0, 0, 25]  // 14 + 9 + 2
        + [0x47, 0x10, 0x01, 0x00]  // G, version 1.0, request, no flags
        + [1, 2, 3, 4, 5, 6, 7, 8]  // request id
        + [0, 9] + Array("power.set".utf8) + Array("{}".utf8)

    static func decodeAll(_ bytes: [UInt8], piece: Int = .max, maximum: Int = 4096) throws(LinkFrameError) -> [LinkFrame] {
        var decoder = LinkFrameDecoder(maximumFrameBytes: maximum)
        var frames: [LinkFrame] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            decoder.append(ByteBuffer(bytes: rest.prefix(piece)))
            rest = rest.dropFirst(piece)
            while let frame = try decoder.next() { frames.append(frame) }
        }
        return frames
    }

    @Test func `a request has the bytes of the table`() throws {
        #expect(Array(Self.request.encoded().readableBytesView) == Self.requestBytes)
        #expect(try Self.decodeAll(Self.requestBytes) == [Self.request])
    }

    @Test(arguments: LinkFrame.Kind.allCases)
    func `every kind has its number and comes back`(kind: LinkFrame.Kind) throws {
        let numbers: [LinkFrame.Kind: UInt8] = [.request: 1, .reply: 2, .event: 3, .ping: 4, .pong: 5, .refusal: 6]
        let frame = LinkFrame(kind, requestID: .max, name: "näme", body: [0, 255])
        let bytes = Array(frame.encoded().readableBytesView)
        #expect(bytes[6] == numbers[kind])
        #expect(bytes.count == 4 + frame.byteCount)
        #expect(try Self.decodeAll(bytes) == [frame])
    }

    @Test(arguments: [1, 2, 3, 7, 100])
    func `frames are found in a stream cut anywhere`(piece: Int) throws {
        let frames = [Self.request, LinkFrame(.ping), LinkFrame(.event, name: "a", body: [UInt8](repeating: 7, count: 300)), LinkFrame(.pong)]
        let bytes = frames.flatMap { Array($0.encoded().readableBytesView) }
        #expect(try Self.decodeAll(bytes, piece: piece) == frames)
    }

    @Test func `a frame cut at any length is waited for`() throws {
        for count in 0..<Self.requestBytes.count {
            #expect(try Self.decodeAll(Array(Self.requestBytes.prefix(count))).isEmpty)
        }
    }

    @Test func `bytes that are no frame are refused with what was expected`() {
        func error(_ change: (inout [UInt8]) -> Void) -> LinkFrameError? {
            var bytes = Self.requestBytes
            change(&bytes)
            do throws(LinkFrameError) {
                _ = try Self.decodeAll(bytes)
                return nil
            } catch {
                return error
            }
        }
        #expect(error { $0[4] = 0x48 } == .wrongMagic(0x48))
        #expect(error { $0[5] = 0x20 } == .unsupportedMajorVersion(2))
        #expect(error { $0[6] = 0 } == .unknownKind(0))
        #expect(error { $0[6] = 7 } == .unknownKind(7))
        #expect(error { $0[3] = 13 } == .tooShort(length: 13))
        #expect(error { $0[3] = 0 } == .tooShort(length: 0))
        #expect(error { $0[0] = 0xff } == .tooLong(length: 0xff00_0019, limit: 4096))
        #expect(error { $0[2] = 0x10 } == .tooLong(length: 4121, limit: 4096))
        #expect(error { $0[16] = 1 } == .nameTooLong(length: 265))
        #expect(error { $0[17] = 12 } == .nameBeyondFrame(length: 12, available: 11))
        #expect(error { $0[18] = 0xff } == .nameNotUTF8)
        #expect(error { $0[7] = 0xff } == nil, "flags are ignored")
        #expect(error { $0[5] = 0x1f } == nil, "a higher minor version is understood")
    }

    @Test func `a stranger is found out before his frame is gathered`() {
        #expect(throws: LinkFrameError.wrongMagic(0x48)) { try Self.decodeAll(Array("\0\0\u{8} HELO".utf8)) }
        #expect(throws: LinkFrameError.wrongMagic(0x45)) { try Self.decodeAll([0, 0, 1, 0, 0x45]) }
        #expect(throws: LinkFrameError.tooLong(length: 0x4745_5420, limit: 4096)) { try Self.decodeAll(Array("GET ".utf8)) }
    }

    @Test func `kinds of later minor versions are skipped`() throws {
        var later = Self.requestBytes
        later[5] = 0x11
        later[6] = 99
        #expect(try Self.decodeAll(later + Self.requestBytes) == [Self.request])
    }

    @Test func `the decoder holds no more than one frame`() throws {
        var decoder = LinkFrameDecoder(maximumFrameBytes: 4096)
        for _ in 0..<1000 {
            decoder.append(ByteBuffer(bytes: Self.requestBytes))
            #expect(try decoder.next() == Self.request)
        }
        #expect(try decoder.next() == nil)
        #expect(decoder.bufferedByteCount == 0)
    }

    @Test(arguments: 0..<500 as Range<UInt64>)
    func `random and damaged bytes never trap`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bytes = Self.requestBytes + Self.requestBytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        if seed.isMultiple(of: 3) { bytes = bytes.map { _ in UInt8.random(in: 0...255, using: &generator) } }
        do throws(LinkFrameError) {
            for frame in try Self.decodeAll(bytes, piece: Int.random(in: 1...60, using: &generator)) {
                #expect(try Self.decodeAll(Array(frame.encoded().readableBytesView)) == [frame])
            }
        } catch {
            #expect(!error.description.isEmpty)
        }
    }
}
