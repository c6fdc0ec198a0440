// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Glibc
import Leasing
import Testing

@testable import Rack

/// A directory that is removed with its owner.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/gantry-dhcp-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { preconditionFailure("mkdtemp failed with errno \(errno)") }
        self.path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in self.names { unsafe unlink("\(self.path)/\(name)") }
        unsafe rmdir(self.path)
    }

    private var names: [String] {
        guard let directory = unsafe opendir(self.path) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    func read(_ name: String) -> [UInt8] {
        let file = unsafe open("\(self.path)/\(name)", O_RDONLY)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
        return Array(bytes.prefix(max(0, count)))
    }

    func write(_ name: String, _ bytes: [UInt8]) {
        let file = unsafe open("\(self.path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(file) }
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        precondition(count == bytes.count)
    }
}

@Suite struct DHCPJournalTests {
    private func record(_ number: UInt32) -> LeaseRecord {
        .addresses([
            AddressRecord(
                address: IPv4Address(rawValue: number), state: .bound, generation: number, floor: 1, handed: 2,
                client: MACAddress(rawValue: UInt64(number))
            )
        ])
    }

    /// A journal of one rewrite and two appends.
    private func make(in directory: TemporaryDirectory) throws -> [LeaseRecord] {
        var records: [LeaseRecord] = []
        var journal = try LeaseJournal.open(path: "\(directory.path)/j", records: &records)
        #expect(records.isEmpty)
        try journal.rewrite([.header(journal: 7), self.record(1)])
        journal.append(self.record(2))
        journal.append(self.record(3))
        try journal.sync()
        journal.append(self.record(4))
        try journal.sync()
        return [.header(journal: 7), self.record(1), self.record(2), self.record(3), self.record(4)]
    }

    private func read(_ directory: TemporaryDirectory) throws(LeaseJournalError) -> [LeaseRecord] {
        var records: [LeaseRecord] = []
        _ = try LeaseJournal.open(path: "\(directory.path)/j", records: &records)
        return records
    }

    @Test func `what was synced is read back`() throws {
        let directory = TemporaryDirectory()
        let written = try self.make(in: directory)
        #expect(try self.read(directory) == written)
    }

    @Test func `a torn tail is forgotten, at whatever byte it is torn`() throws {
        let directory = TemporaryDirectory()
        let written = try self.make(in: directory)
        let bytes = directory.read("j")
        let base = 16 + 9 + 16 + 24 + 16
        for length in base...bytes.count {
            directory.write("j", Array(bytes.prefix(length)))
            let records = try self.read(directory)
            #expect(records == Array(written.prefix(records.count)) && records.count >= 2)
        }
        for length in 1..<base {
            directory.write("j", Array(bytes.prefix(length)))
            #expect(throws: LeaseJournalError(.damaged, "")) { try self.read(directory) }
        }
    }

    @Test func `a bad byte in what was durable is damage, and in the last append a torn tail`() throws {
        let directory = TemporaryDirectory()
        let written = try self.make(in: directory)
        let bytes = directory.read("j")
        let lastAppend = bytes.count - (16 + 24 + 16)
        for position in bytes.indices {
            var bad = bytes
            bad[position] ^= 0x40
            directory.write("j", bad)
            if position < lastAppend {
                #expect(throws: LeaseJournalError(.damaged, ""), "byte \(position)") { try self.read(directory) }
            } else {
                #expect(try self.read(directory).count >= written.count - 1)
            }
        }
    }

    @Test func `a second process is kept out`() throws {
        let directory = TemporaryDirectory()
        var records: [LeaseRecord] = []
        let first = try LeaseJournal.open(path: "\(directory.path)/j", records: &records)
        #expect(throws: LeaseJournalError(.inUse, "")) { try self.read(directory) }
        #expect(first.size == 0)
    }

    @Test func `a full disk fails the append, and the journal takes no more until it is rewritten`() async {
        // A file size limit is a full disk that needs no file system; it is a process's own, hence the process.
        await #expect(processExitsWith: .success) {
            let directory = TemporaryDirectory()
            var records: [LeaseRecord] = []
            var journal = try LeaseJournal.open(path: "\(directory.path)/j", records: &records)
            try journal.rewrite([.header(journal: 9)])
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit()
            unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            let unlimited = limit.rlim_cur
            limit.rlim_cur = 200
            unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            for number in UInt64(0)..<20 { journal.append(.vector(version: number)) }
            var codes: [LeaseJournalError.Code] = []
            do throws(LeaseJournalError) { try journal.sync() } catch { codes.append(error.code) }
            limit.rlim_cur = unlimited
            unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            journal.append(.vector(version: 1))
            do throws(LeaseJournalError) { try journal.sync() } catch { codes.append(error.code) }
            precondition(codes == [.system, .needsRewrite])
            try journal.rewrite([.header(journal: 9), .vector(version: 5)])
            journal.append(.vector(version: 6))
            try journal.sync()
            _ = consume journal
            _ = try LeaseJournal.open(path: "\(directory.path)/j", records: &records)
            precondition(records == [.header(journal: 9), .vector(version: 5), .vector(version: 6)])
        }
    }
}
