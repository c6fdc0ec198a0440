// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import Succession

@Suite struct PulseTests {
    private static func pulse(heard: Int = 2, successor: Bool = true) throws -> Pulse {
        let rack = try #require(SystemID("3aaaaa"))
        let other = try #require(SystemID("3bbbbb"))
        return Pulse(
            segment: 5_001, rack: rack, role: .active, boot: 0x0102_0304_0506_0708, sequence: 9,
            claim: Claim(term: 3, preference: -2, score: 0xAABB_CCDD_EEFF_0011, rack: rack), progressAge: 1_500,
            successor: successor ? other : nil, heard: Array(repeating: other, count: heard)
        )
    }

    @Test func `a pulse has the bytes that the page gives`() throws {
        let bytes = try Self.pulse().encoded(key: 7)
        var golden: [UInt8] = [0x47, 0x50, 1, 3, 0, 0, 0, 7, 0, 0, 0x13, 0x89]  // magic, version, role, key, segment
        golden += "3aaaaa".utf8
        golden += [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 3]  // boot, sequence, term
        golden += [0xFF, 0xFE, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x00, 0x11, 0, 0, 0x05, 0xDC]  // preference, score, progress
        golden += "3bbbbb".utf8
        golden += [0, 0, 0, 2]
        golden += "3bbbbb3bbbbb".utf8
        #expect(bytes == golden)
        #expect(Pulse.key(of: bytes) == 7)
    }

    @Test(arguments: [0, 1, 8], [true, false]) func `what was written is read`(heard: Int, successor: Bool) throws {
        let pulse = try Self.pulse(heard: heard, successor: successor)
        let bytes = pulse.encoded(key: 1)
        #expect(bytes.count + Pulse.tagLength <= Pulse.maximumLength)
        #expect(try Pulse(decoding: bytes) == pulse)
        #expect(try Pulse(decoding: bytes + [1, 2, 3]) == pulse, "a later version may append")
    }

    @Test func `a pulse cut off anywhere is refused`() throws {
        let bytes = try Self.pulse(heard: 8).encoded(key: 1)
        for length in 0..<bytes.count {
            #expect(throws: PulseDecodingError.self) { try Pulse(decoding: Array(bytes.prefix(length))) }
        }
    }

    @Test(arguments: [
        (0, 0x48, PulseDecodingError.wrongMagic), (2, 9, .unknownVersion(9)), (3, 6, .unknownRole(6)), (12, 0, .invalidRack(offset: 12)),
        (56, 0x7A, .invalidRack(offset: 56)), (65, 9, .invalidHeard(count: 9)),
    ]) func `a wrong byte is named`(offset: Int, byte: UInt8, error: PulseDecodingError) throws {
        var bytes = try Self.pulse().encoded(key: 1)
        bytes[offset] = byte
        #expect(throws: error) { try Pulse(decoding: bytes) }
    }

    @Test func `random bytes never trap`() {
        var random = SplitMix(state: 1)
        for _ in 0..<20_000 {
            var bytes = (0..<Int(random.next() % 140)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            for (index, byte) in [0x47, 0x50, 1, 3].enumerated() where index < bytes.count { bytes[index] = UInt8(byte) }
            _ = try? Pulse(decoding: bytes)
        }
    }

    @Test func `an old pulse, and a boot that gossip does not know, are not heard`() throws {
        var window = PulseReplayWindow()
        func accepts(boot: UInt64, sequence: UInt64) throws -> Bool {
            var pulse = try Self.pulse()
            pulse.boot = boot
            pulse.sequence = sequence
            return window.accepts(pulse)
        }
        #expect(try accepts(boot: 7, sequence: 9))
        #expect(try !accepts(boot: 7, sequence: 9), "the same again")
        #expect(try !accepts(boot: 7, sequence: 8), "older")
        #expect(try accepts(boot: 1, sequence: 8), "a new start, while gossip has said nothing")
        window.confirm(try Self.pulse().rack, boot: 2)
        #expect(try !accepts(boot: 1, sequence: 100), "gossip knows better")
        #expect(try accepts(boot: 2, sequence: 1))
    }
}
