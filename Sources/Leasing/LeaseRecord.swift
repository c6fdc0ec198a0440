// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// One entry of a rack's journal. The newest entry about an address replaces all earlier ones.
public enum LeaseRecord: Sendable, Hashable {
    /// The first entry: which journal this is.
    case header(journal: UInt64)
    /// The generation vector has been applied up to here.
    case vector(version: UInt64)
    case addresses([AddressRecord])
    /// The last entry after an orderly end: nothing was forgotten.
    case clean
}

/// What a journal keeps about one address. No times: they are counted anew, the safe way, when the journal is read.
public struct AddressRecord: Sendable, Hashable {
    public enum State: UInt8, Sendable, Hashable, CaseIterable {
        case vacant = 0
        /// An unspent token.
        case token = 1
        /// Written off and not known to be bound.
        case debited = 2
        case bound = 3
        case quarantined = 4
    }

    public var address: IPv4Address
    public var state: State
    public var generation: UInt32
    public var floor: UInt32
    /// One more than the highest generation handed to this rack.
    public var handed: UInt32
    /// The client of a binding; zero for none.
    public var client: MACAddress

    public init(address: IPv4Address, state: State, generation: UInt32, floor: UInt32, handed: UInt32, client: MACAddress) {
        self.address = address
        self.state = state
        self.generation = generation
        self.floor = floor
        self.handed = handed
        self.client = client
    }
}

/// Why bytes are not a journal entry.
public enum LeaseRecordError: Error, Sendable, Hashable {
    case empty
    case unknownKind(UInt8)
    case badLength(kind: UInt8, length: Int)
    case unknownState(UInt8)
}

extension LeaseRecord {
    private static let addressLength = 23

    /// The entry as bytes: a kind, then fields in network order.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        self.append(to: &bytes)
        return bytes
    }

    /// Writes ``bytes`` behind others.
    public func append(to bytes: inout [UInt8]) {
        func put(_ value: UInt64, _ count: Int, _ bytes: inout [UInt8]) {
            var shift = UInt64(8 * count)
            while shift > 0 {
                shift -= 8
                bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }
        switch self {
        case .header(let journal):
            bytes.append(1)
            put(journal, 8, &bytes)
        case .vector(let version):
            bytes.append(2)
            put(version, 8, &bytes)
        case .addresses(let records):
            bytes.append(3)
            for record in records {
                put(UInt64(record.address.rawValue), 4, &bytes)
                put(UInt64(record.state.rawValue), 1, &bytes)
                put(UInt64(record.generation), 4, &bytes)
                put(UInt64(record.floor), 4, &bytes)
                put(UInt64(record.handed), 4, &bytes)
                put(record.client.rawValue, 6, &bytes)
            }
        case .clean:
            bytes.append(4)
        }
    }

    /// Reads one entry.
    public init(bytes: borrowing Span<UInt8>) throws(LeaseRecordError) {
        guard bytes.count > 0 else { throw .empty }
        func number(_ offset: Int, _ count: Int, _ bytes: borrowing Span<UInt8>) -> UInt64 {
            var value: UInt64 = 0
            for index in offset..<(offset + count) { value = value << 8 | UInt64(bytes[index]) }
            return value
        }
        let kind = bytes[0]
        switch kind {
        case 1, 2:
            guard bytes.count == 9 else { throw .badLength(kind: kind, length: bytes.count) }
            let value = number(1, 8, bytes)
            self = kind == 1 ? .header(journal: value) : .vector(version: value)
        case 3:
            guard (bytes.count - 1) % Self.addressLength == 0 else { throw .badLength(kind: kind, length: bytes.count) }
            var records: [AddressRecord] = []
            for offset in stride(from: 1, to: bytes.count, by: Self.addressLength) {
                guard let state = AddressRecord.State(rawValue: bytes[offset + 4]) else { throw .unknownState(bytes[offset + 4]) }
                records.append(
                    AddressRecord(
                        address: IPv4Address(rawValue: UInt32(truncatingIfNeeded: number(offset, 4, bytes))), state: state,
                        generation: UInt32(truncatingIfNeeded: number(offset + 5, 4, bytes)),
                        floor: UInt32(truncatingIfNeeded: number(offset + 9, 4, bytes)),
                        handed: UInt32(truncatingIfNeeded: number(offset + 13, 4, bytes)),
                        client: MACAddress(rawValue: number(offset + 17, 6, bytes))
                    )
                )
            }
            self = .addresses(records)
        case 4:
            guard bytes.count == 1 else { throw .badLength(kind: kind, length: bytes.count) }
            self = .clean
        default:
            throw .unknownKind(kind)
        }
    }
}
