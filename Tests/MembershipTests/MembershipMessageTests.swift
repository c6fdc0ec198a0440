// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import Membership

@Suite struct MembershipMessageTests {
    private static func records() throws -> [MemberRecord] {
        let one = try #require(SystemID("3aaaaa"))
        let other = try #require(SystemID("3bbbbb"))
        return [
            MemberRecord(id: one, incarnation: 2, version: 0x0102, charges: [.init(subject: other, incarnation: 9)]),
            MemberRecord(id: other, status: .left, incarnation: 9, version: 1),
        ]
    }

    private static func messages() throws -> [MembershipMessage] {
        let records = try Self.records()
        return [
            .heartbeat(sequence: 1, echo: .max), .digest(rosterVersion: 7, RecordDigest(of: records)), .records(records, wantsReply: true),
            .records([], wantsReply: false),
        ]
    }

    @Test func `messages have the bytes that the page gives`() throws {
        #expect(
            MembershipMessage.heartbeat(sequence: 0x0102, echo: 3).encoded()
                == [0x47, 0x4D, 1, 1, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3])
        var golden: [UInt8] = [0x47, 0x4D, 1, 3, 1, 0, 2]
        golden += Array("3aaaaa".utf8) + [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 2, 1]
        golden += Array("3bbbbb".utf8) + [0, 0, 0, 0, 0, 0, 0, 9]
        golden += Array("3bbbbb".utf8) + [2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0]
        #expect(MembershipMessage.records(try Self.records(), wantsReply: true).encoded() == golden)
        let digest = RecordDigest(of: [])
        #expect(digest.bytes.count == RecordDigest.length)
        #expect(MembershipMessage.digest(rosterVersion: 7, digest).encoded() == [0x47, 0x4D, 1, 2, 0, 0, 0, 0, 0, 0, 0, 7] + digest.bytes)
    }

    @Test func `what was written is read, and what is cut off anywhere is refused`() throws {
        for message in try Self.messages() {
            let bytes = message.encoded()
            #expect(try MembershipMessage(decoding: bytes) == message)
            #expect(try MembershipMessage(decoding: bytes + [1, 2]) == message, "a later version may append")
            for length in 0..<bytes.count {
                #expect(throws: MembershipDecodingError.self) { try MembershipMessage(decoding: Array(bytes.prefix(length))) }
            }
        }
    }

    @Test(arguments: [
        (0, 0x48, MembershipDecodingError.wrongMagic), (2, 9, .unknownVersion(9)), (3, 8, .unknownKind(8)), (5, 1, .tooManyRecords(258)),
        (7, 0, .invalidMember(offset: 7)), (13, 3, .unknownStatus(3, offset: 13)), (30, 33, .tooManyCharges(33, offset: 30)),
    ]) func `a wrong byte is named`(offset: Int, byte: UInt8, error: MembershipDecodingError) throws {
        var bytes = MembershipMessage.records(try Self.records(), wantsReply: true).encoded()
        bytes[offset] = byte
        #expect(throws: error) { try MembershipMessage(decoding: bytes) }
    }

    @Test func `the longest messages fit, and longer ones are refused`() throws {
        let id = try #require(SystemID("3aaaaa"))
        let charges = Array(repeating: MemberRecord.Charge(subject: id, incarnation: 1), count: MemberRecord.maximumCharges)
        let messages = MembershipMessage.splitting(Array(repeating: MemberRecord(id: id, charges: charges), count: 300), wantsReply: true)
        #expect(messages.count == 3)
        for message in messages { #expect(message.encoded().count <= MembershipMessage.maximumLength) }
        let replies = messages.map { if case .records(_, wantsReply: true) = $0 { true } else { false } }
        #expect(replies == [false, false, true])
        #expect(throws: MembershipDecodingError.tooLong(count: 65_537)) { try MembershipMessage(decoding: Array(repeating: 0, count: 65_537)) }
    }

    @Test func `a digest differs with every byte of a record`() throws {
        let records = try Self.records()
        var other = records
        other[1].version += 1
        #expect(RecordDigest(of: records) == RecordDigest(of: records))
        #expect(RecordDigest(of: records) != RecordDigest(of: other))
    }

    @Test func `random bytes never trap`() throws {
        var random = SplitMix(state: 1)
        let start = MembershipMessage.records(try Self.records(), wantsReply: true).encoded()
        var refused = 0
        for _ in 0..<3_000 {
            var bytes = start
            for _ in 0..<3 { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next()) }
            if (try? MembershipMessage(decoding: bytes)) == nil { refused += 1 }  // any refusal will do: only a trap fails
        }
        #expect(refused > 0)
    }
}
