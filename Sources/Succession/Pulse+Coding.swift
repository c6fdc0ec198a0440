// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

extension Pulse {
    /// The bytes of the authentication that ends a frame: HMAC-SHA-256, cut to its first half (RFC 2104 section 5).
    public static let tagLength = 16

    private static let magic: [UInt8] = [0x47, 0x50]  // "GP"
    private static let version: UInt8 = 1
    private static let fixedLength = 66
    private static let rackLength = 6
    /// The longest frame, authentication included.
    public static let maximumLength = Self.fixedLength + Self.maximumHeard * Self.rackLength + Self.tagLength

    /// The frame without its authentication: what the tag is made over.
    ///
    /// - Parameter key: which of the segment's keys the tag is made with.
    public func encoded(key: UInt32) -> [UInt8] {
        var bytes = Self.magic + [Self.version, self.role.rawValue]
        bytes.reserveCapacity(Self.maximumLength)
        func append(_ value: some FixedWidthInteger & UnsignedInteger) {
            for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
        }
        append(key)
        append(self.segment)
        bytes += self.rack.description.utf8
        append(self.boot)
        append(self.sequence)
        append(self.claim.term)
        append(UInt16(bitPattern: self.claim.preference))
        append(self.claim.score)
        append(self.progressAge)
        bytes += self.successor.map { Array($0.description.utf8) } ?? [UInt8](repeating: 0, count: Self.rackLength)
        append(UInt16(0))
        bytes.append(0)
        bytes.append(UInt8(self.heard.count))
        for rack in self.heard { bytes += rack.description.utf8 }
        return bytes
    }

    /// Reads a frame's body; whoever calls has cut off and checked the tag.
    ///
    /// - Throws: `PulseDecodingError`. Bytes after the end are of a later version and ignored.
    public init(decoding bytes: [UInt8]) throws(PulseDecodingError) {
        guard bytes.count >= Self.fixedLength else { throw .tooShort(count: bytes.count) }
        guard bytes[0..<2].elementsEqual(Self.magic) else { throw .wrongMagic }
        guard bytes[2] == Self.version else { throw .unknownVersion(bytes[2]) }
        guard let role = SegmentRole(rawValue: bytes[3]), role.isHeard else { throw .unknownRole(bytes[3]) }
        func number<Value: FixedWidthInteger & UnsignedInteger>(_ offset: Int, as type: Value.Type = Value.self) -> Value {
            bytes[offset..<(offset + type.bitWidth / 8)].reduce(0) { $0 << 8 | Value($1) }
        }
        func rack(_ offset: Int) throws(PulseDecodingError) -> SystemID {
            let text = String(decoding: bytes[offset..<(offset + Self.rackLength)], as: UTF8.self)
            guard let rack = SystemID(text) else { throw .invalidRack(offset: offset) }
            return rack
        }
        let sender = try rack(12)
        let count = Int(bytes[65])
        guard count <= Self.maximumHeard else { throw .invalidHeard(count: bytes[65]) }
        guard bytes.count >= Self.fixedLength + count * Self.rackLength else { throw .tooShort(count: bytes.count) }
        var heard: [SystemID] = []
        for index in 0..<count { heard.append(try rack(Self.fixedLength + index * Self.rackLength)) }
        self.init(
            segment: number(8), rack: sender, role: role, boot: number(18), sequence: number(26),
            claim: Claim(term: number(34), preference: Int16(bitPattern: number(42)), score: number(44), rack: sender),
            progressAge: number(52), successor: bytes[56] == 0 ? nil : try rack(56), heard: heard
        )
    }

    /// The key that a frame says its tag is made with; nil when the frame is too short to say so.
    public static func key(of frame: [UInt8]) -> UInt32? {
        guard frame.count >= 8 else { return nil }
        return frame[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
