// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Glibc
internal import Leasing

/// The newest bindings, where the end of this process does not lose them: written to a file before their answers go out, and never
/// waited for, because what the kernel has taken it keeps.
///
/// A ring of fixed entries: sequence number, generation, address, client, checksum. An old entry does no harm, see
/// ``LeaseCore/bindingAwaitingDisk(of:)``. Between two writes of the journal no more bindings can be made than addresses were written off
/// in advance, at most an eighth of 65,536; so the ring never overwrites what the journal does not have.
struct RecentBindings: ~Copyable {
    static let capacity = 16_384
    static let entryLength = 32

    private let file: Int32
    private var position = 0
    private var sequence: UInt64
    private var bytes: [UInt8] = []

    /// Opens or creates the file.
    ///
    /// - Parameter found: what an earlier process left, newest first.
    /// - Throws: `system`.
    static func open(path: String, found: inout [AddressRecord]) throws(LeaseJournalError) -> RecentBindings {
        let file = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw LeaseJournal.systemError("open \(path)") }
        var bytes = [UInt8](repeating: 0, count: Self.capacity * Self.entryLength)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in unsafe pread(file, buffer.baseAddress, buffer.count, 0) }
        // All of it is there from the start, so that a full disk is no matter later.
        let code = count < 0 ? errno : posix_fallocate(file, 0, Int(Self.capacity * Self.entryLength))
        guard count >= 0, code == 0 else {
            close(file)
            errno = code
            throw LeaseJournal.systemError("read \(path)")
        }
        let (records, last) = Self.parse(bytes.span)
        found = records
        return RecentBindings(file: file, sequence: last &+ 1)
    }

    private init(file: Int32, sequence: UInt64) {
        self.file = file
        self.sequence = sequence
        self.bytes.reserveCapacity(64 * Self.entryLength)
    }

    deinit {
        close(self.file)
    }

    /// Writes bindings behind the last ones.
    ///
    /// - Returns: false when the file cannot be written: a sudden end of this process would then lose them.
    mutating func write(_ records: [AddressRecord]) -> Bool {
        var isWritten = true
        self.bytes.removeAll(keepingCapacity: true)
        for record in records {
            self.append(record)
            if self.position + self.bytes.count / Self.entryLength == Self.capacity { isWritten = self.flush() && isWritten }
        }
        return self.flush() && isWritten
    }

    private mutating func flush() -> Bool {
        let length = self.bytes.count
        let offset = self.position * Self.entryLength
        let written = unsafe self.bytes.withUnsafeBytes { buffer in unsafe pwrite(self.file, buffer.baseAddress, length, off_t(offset)) }
        self.bytes.removeAll(keepingCapacity: true)
        self.position = (self.position + length / Self.entryLength) % Self.capacity
        return written == length
    }

    private mutating func append(_ record: AddressRecord) {
        let start = self.bytes.count
        Self.put(self.sequence, 8, &self.bytes)
        Self.put(UInt64(record.generation), 4, &self.bytes)
        Self.put(UInt64(record.address.rawValue), 4, &self.bytes)
        Self.put(record.client.rawValue, 8, &self.bytes)
        let checksum = CRC32.of(self.bytes.span.extracting(start...))
        Self.put(UInt64(checksum), 8, &self.bytes)
        self.sequence &+= 1
    }

    private static func put(_ value: UInt64, _ count: Int, _ bytes: inout [UInt8]) {
        for shift in stride(from: 8 * (count - 1), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
    }

    /// The entries that are whole, newest first, and the last sequence number.
    static func parse(_ bytes: borrowing Span<UInt8>) -> ([AddressRecord], last: UInt64) {
        func number(_ offset: Int, _ count: Int, _ bytes: borrowing Span<UInt8>) -> UInt64 {
            var value: UInt64 = 0
            for index in offset..<(offset + count) { value = value << 8 | UInt64(bytes[index]) }
            return value
        }
        var found: [(sequence: UInt64, record: AddressRecord)] = []
        for offset in stride(from: 0, to: bytes.count / Self.entryLength * Self.entryLength, by: Self.entryLength) {
            let sequence = number(offset, 8, bytes)
            guard sequence > 0, number(offset + 24, 8, bytes) == UInt64(CRC32.of(bytes.extracting(offset..<(offset + 24)))) else { continue }
            let record = AddressRecord(
                address: IPv4Address(rawValue: UInt32(truncatingIfNeeded: number(offset + 12, 4, bytes))), state: .bound,
                generation: UInt32(truncatingIfNeeded: number(offset + 8, 4, bytes)), floor: 0, handed: 0,
                client: MACAddress(rawValue: number(offset + 16, 8, bytes))
            )
            found.append((sequence, record))
        }
        found.sort { $0.sequence > $1.sequence }
        return (found.map(\.record), found.first?.sequence ?? 0)
    }
}
