// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

extension MembershipMessage {
    /// The longest message in bytes.
    public static let maximumLength = 65_536
    /// As many of the longest records as fit.
    public static let maximumRecords = 128

    private static let magic: [UInt8] = [0x47, 0x4D]  // "GM"
    private static let version: UInt8 = 1

    public func encoded() -> [UInt8] {
        var bytes = Self.magic + [Self.version]
        switch self {
        case .heartbeat(let sequence, let echo):
            bytes.append(1)
            Self.append(sequence, to: &bytes)
            Self.append(echo, to: &bytes)
        case .digest(let rosterVersion, let digest):
            bytes.append(2)
            Self.append(rosterVersion, to: &bytes)
            bytes += digest.bytes
        case .records(let records, let wantsReply):
            bytes += [3, wantsReply ? 1 : 0]
            Self.append(UInt16(records.count), to: &bytes)
            bytes += Self.encoded(records)
        }
        return bytes
    }

    private static func encoded(_ records: [MemberRecord]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(records.count * 32)
        for record in records {
            bytes += record.id.description.utf8
            bytes.append(record.status.rawValue)
            Self.append(record.incarnation, to: &bytes)
            Self.append(record.version, to: &bytes)
            bytes.append(UInt8(record.charges.count))
            for charge in record.charges {
                bytes += charge.subject.description.utf8
                Self.append(charge.incarnation, to: &bytes)
            }
        }
        return bytes
    }

    private static func append(_ value: some FixedWidthInteger & UnsignedInteger, to bytes: inout [UInt8]) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// - Throws: `MembershipDecodingError`. Bytes after the end are of a later version and ignored.
    public init(decoding bytes: [UInt8]) throws(MembershipDecodingError) {
        guard bytes.count <= Self.maximumLength else { throw .tooLong(count: bytes.count) }
        var reader = Reader(bytes: bytes)
        guard try reader.take(2).elementsEqual(Self.magic) else { throw .wrongMagic }
        let version = try reader.number(as: UInt8.self)
        guard version == Self.version else { throw .unknownVersion(version) }
        switch try reader.number(as: UInt8.self) {
        case 1: self = .heartbeat(sequence: try reader.number(), echo: try reader.number())
        case 2:
            let rosterVersion: UInt64 = try reader.number()
            guard let digest = RecordDigest(bytes: try reader.take(RecordDigest.length)) else { throw .truncated(offset: reader.offset) }
            self = .digest(rosterVersion: rosterVersion, digest)
        case 3:
            let wantsReply = try reader.number(as: UInt8.self) & 1 == 1
            let count = Int(try reader.number(as: UInt16.self))
            guard count <= Self.maximumRecords else { throw .tooManyRecords(count) }
            var records: [MemberRecord] = []
            for _ in 0..<count { records.append(try reader.record()) }
            self = .records(records, wantsReply: wantsReply)
        case let kind: throw .unknownKind(kind)
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0

        mutating func take(_ count: Int) throws(MembershipDecodingError) -> ArraySlice<UInt8> {
            guard self.bytes.count - self.offset >= count else { throw .truncated(offset: self.offset) }
            defer { self.offset += count }
            return self.bytes[self.offset..<(self.offset + count)]
        }

        mutating func number<Value: FixedWidthInteger & UnsignedInteger>(
            as type: Value.Type = Value.self
        ) throws(MembershipDecodingError) -> Value {
            try self.take(type.bitWidth / 8).reduce(0) { type.bitWidth > 8 ? $0 << 8 | Value($1) : Value($1) }
        }

        mutating func member() throws(MembershipDecodingError) -> SystemID {
            let start = self.offset
            guard let member = SystemID(String(decoding: try self.take(6), as: UTF8.self)) else { throw .invalidMember(offset: start) }
            return member
        }

        mutating func record() throws(MembershipDecodingError) -> MemberRecord {
            let id = try self.member()
            let statusValue = try self.number(as: UInt8.self)
            guard let status = MemberRecord.Status(rawValue: statusValue) else { throw .unknownStatus(statusValue, offset: self.offset - 1) }
            let incarnation: UInt64 = try self.number()
            let version: UInt64 = try self.number()
            let count = Int(try self.number(as: UInt8.self))
            guard count <= MemberRecord.maximumCharges else { throw .tooManyCharges(count, offset: self.offset - 1) }
            var charges: [MemberRecord.Charge] = []
            for _ in 0..<count { charges.append(.init(subject: try self.member(), incarnation: try self.number())) }
            return MemberRecord(id: id, status: status, incarnation: incarnation, version: version, charges: charges)
        }
    }
}
