// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Leasing

/// The durable memory of one segment's leases: a file of checked records, appended to and now and then written anew.
///
/// The file begins with one atomic rewrite; each append after it is one write, with a number of its own and an empty record at its end.
/// A crash may tear the last append, which was never acknowledged: what cannot be read of it is forgotten. A bad record in the rewrite, or
/// before a later append, was once durable, so the file is damaged and nothing in it may be trusted.
struct LeaseJournal: ~Copyable {
    private static let marker: [UInt8] = [0x47, 0x4C, 0x4A, 0x31]  // GLJ1
    private static let headLength = 16
    private static let maximumRecord = 1 << 20

    /// Makes what was written to a file durable: `fdatasync`, but for tests of disks that hang. Zero, or -1 with `errno`.
    typealias Flush = @Sendable (Int32) -> Int32

    let path: String
    private var file: Int32
    private let lock: Int32
    private let flush: Flush
    /// The number of the next append.
    private var batch: UInt32
    private(set) var size = 0
    private var waiting: [UInt8] = []
    /// The file may end in anything.
    private(set) var needsRewrite = false

    private init(path: String, file: Int32, lock: Int32, batch: UInt32, flush: @escaping Flush) {
        self.path = path
        self.file = file
        self.lock = lock
        self.batch = batch
        self.flush = flush
    }

    /// Opens or creates the file and locks it against other processes.
    ///
    /// - Parameter records: what was in it.
    /// - Throws: `inUse`, `system`, or `damaged`; after `damaged`, see ``setAside(path:)``.
    static func open(
        path: String, records: inout [LeaseRecord], flush: @escaping Flush = { fdatasync($0) }
    ) throws(LeaseJournalError) -> LeaseJournal {
        let lock = unsafe Glibc.open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw Self.systemError("open \(path).lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let isHeld = errno == EWOULDBLOCK
            let error = isHeld ? LeaseJournalError(.inUse, "\(path) is in use by another process") : Self.systemError("lock \(path)")
            close(lock)
            throw error
        }
        let file = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            let error = Self.systemError("open \(path)")
            close(lock)
            throw error
        }
        do throws(LeaseJournalError) {
            let bytes = try Self.readAll(file, path: path)
            let batch: UInt32
            (records, batch) = try Self.parse(bytes, path: path)
            return LeaseJournal(path: path, file: file, lock: lock, batch: batch, flush: flush)
        } catch {
            close(file)
            close(lock)
            throw error
        }
    }

    deinit {
        close(self.file)
        close(self.lock)
    }

    /// Gives a damaged file another name, so that a new one can be begun and people can look at the old one.
    static func setAside(path: String) throws(LeaseJournalError) {
        guard unsafe rename(path, path + ".damaged") == 0 else { throw Self.systemError("rename \(path)") }
    }

    // MARK: Writing

    /// Takes a record in; nothing is on disk before ``sync()``.
    mutating func append(_ record: LeaseRecord) {
        guard !self.needsRewrite else { return }
        Self.frame(record, batch: self.batch, into: &self.waiting)
    }

    /// Writes what was appended, and returns when it is durable.
    mutating func sync() throws(LeaseJournalError) {
        guard !self.needsRewrite else { throw LeaseJournalError(.needsRewrite, "an earlier write to \(self.path) failed") }
        guard !self.waiting.isEmpty else { return }
        Self.frame(nil, batch: self.batch, into: &self.waiting)
        let bytes = self.waiting
        self.waiting.removeAll(keepingCapacity: true)
        do throws(LeaseJournalError) {
            try Self.write(bytes, to: self.file, path: self.path)
            guard self.flush(self.file) == 0 else { throw Self.systemError("fdatasync \(self.path)") }
        } catch {
            // After a failed sync nobody knows what is on disk: the file is not appended to again.
            self.needsRewrite = true
            throw error
        }
        self.size += bytes.count
        self.batch &+= 1
    }

    /// Replaces the whole file, so that either the old or the new one is there after a crash.
    mutating func rewrite(_ records: [LeaseRecord]) throws(LeaseJournalError) {
        self.waiting.removeAll()
        self.needsRewrite = true
        var bytes: [UInt8] = []
        for record in records { Self.frame(record, batch: 1, into: &bytes) }
        Self.frame(nil, batch: 1, into: &bytes)
        let temporary = self.path + ".new"
        let file = unsafe Glibc.open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.systemError("open \(temporary)") }
        do throws(LeaseJournalError) {
            try Self.write(bytes, to: file, path: temporary)
            guard fsync(file) == 0 else { throw Self.systemError("fsync \(temporary)") }
            guard unsafe rename(temporary, self.path) == 0 else { throw Self.systemError("rename \(temporary)") }
            try Self.syncDirectory(of: self.path)
        } catch {
            close(file)
            unsafe unlink(temporary)
            throw error
        }
        close(self.file)
        self.file = file
        self.size = bytes.count
        self.batch = 2
        self.needsRewrite = false
    }

    /// Nil is the end of an append.
    private static func frame(_ record: LeaseRecord?, batch: UInt32, into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes += Self.marker
        for _ in Self.marker.count..<Self.headLength { bytes.append(0) }
        record?.append(to: &bytes)
        Self.put(batch, at: start + 4, in: &bytes)
        Self.put(UInt32(truncatingIfNeeded: bytes.count - start - Self.headLength), at: start + 8, in: &bytes)
        var checksum = CRC32()
        checksum.update(bytes.span.extracting((start + 4)..<(start + 12)))
        checksum.update(bytes.span.extracting((start + Self.headLength)...))
        Self.put(checksum.value, at: start + 12, in: &bytes)
    }

    private static func put(_ value: UInt32, at offset: Int, in bytes: inout [UInt8]) {
        for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index)) }
    }

    private static func write(_ bytes: [UInt8], to file: Int32, path: String) throws(LeaseJournalError) {
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(file, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.systemError("write \(path)") }
            offset += count
        }
    }

    private static func syncDirectory(of path: String) throws(LeaseJournalError) {
        let name = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let directory = unsafe Glibc.open(name.isEmpty ? "/" : name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Self.systemError("open \(name)") }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Self.systemError("fsync \(name)") }
    }

    static func systemError(_ action: String) -> LeaseJournalError {
        let code = errno
        let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        return LeaseJournalError(.system, "\(action): \(reason)")
    }

    // MARK: Reading

    private static func readAll(_ file: Int32, path: String) throws(LeaseJournalError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in unsafe read(file, buffer.baseAddress, buffer.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.systemError("read \(path)") }
            guard count > 0 else { return bytes }
            bytes += chunk.prefix(count)
        }
    }

    /// The records up to the first bad one, and the number for the next append.
    static func parse(_ bytes: [UInt8], path: String) throws(LeaseJournalError) -> ([LeaseRecord], UInt32) {
        var records: [LeaseRecord] = []
        var offset = 0
        var complete: UInt32 = 0
        while offset < bytes.count {
            guard let frame = Self.frame(in: bytes, at: offset) else {
                try Self.checkTail(bytes, from: offset, after: complete, path: path)
                break
            }
            if let record = frame.record { records.append(record) } else { complete = frame.batch }
            offset += frame.length
        }
        guard complete > 0 || bytes.isEmpty else {
            throw LeaseJournalError(.damaged, "\(path) ends before its first part is complete")
        }
        return (records, complete &+ 1)
    }

    /// The bad record belongs to the append after the last complete one. A record of a later append behind it proves that
    /// this one was durable.
    private static func checkTail(_ bytes: [UInt8], from bad: Int, after complete: UInt32, path: String) throws(LeaseJournalError) {
        var offset = bad + 1
        while offset + Self.headLength <= bytes.count {
            if let frame = Self.frame(in: bytes, at: offset), frame.batch > complete &+ 1 {
                throw LeaseJournalError(.damaged, "\(path) has a bad record at byte \(bad), before later ones")
            }
            offset += 1
        }
    }

    private static func frame(in bytes: [UInt8], at offset: Int) -> (record: LeaseRecord?, batch: UInt32, length: Int)? {
        func number(_ position: Int) -> UInt32 {
            UInt32(bytes[position]) << 24 | UInt32(bytes[position + 1]) << 16 | UInt32(bytes[position + 2]) << 8 | UInt32(bytes[position + 3])
        }
        guard offset + Self.headLength <= bytes.count, bytes[offset] == Self.marker[0], bytes[offset + 1] == Self.marker[1],
            bytes[offset + 2] == Self.marker[2], bytes[offset + 3] == Self.marker[3]
        else { return nil }
        let length = Int(number(offset + 8))
        let start = offset + Self.headLength
        guard length <= Self.maximumRecord, start + length <= bytes.count else { return nil }
        var checksum = CRC32()
        checksum.update(bytes.span.extracting((offset + 4)..<(offset + 12)))
        checksum.update(bytes.span.extracting(start..<(start + length)))
        guard checksum.value == number(offset + 12) else { return nil }
        guard length > 0 else { return (nil, number(offset + 4), Self.headLength) }
        let payload = Array(bytes[start..<(start + length)])
        guard let record = try? LeaseRecord(bytes: payload.span) else { return nil }
        return (record, number(offset + 4), Self.headLength + length)
    }
}
