// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Leasing
import Testing

@testable import Rack

/// The file of the newest bindings.
@Suite struct RecentBindingsTests {
    private func record(_ number: Int) -> AddressRecord {
        AddressRecord(
            address: IPv4Address(rawValue: 0x0A00_0000 + UInt32(number)), state: .bound, generation: UInt32(number % 7), floor: 0, handed: 0,
            client: MACAddress(rawValue: 0x5254_0000_0000 + UInt64(number))
        )
    }

    private func read(_ directory: TemporaryDirectory) throws(LeaseJournalError) -> [AddressRecord] {
        var found: [AddressRecord] = []
        _ = try RecentBindings.open(path: "\(directory.path)/recent", found: &found)
        return found
    }

    /// Writes in portions, as batches of packets do.
    private func write(_ numbers: Range<Int>, portion: Int, _ directory: TemporaryDirectory) throws {
        var found: [AddressRecord] = []
        var recent = try RecentBindings.open(path: "\(directory.path)/recent", found: &found)
        for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: portion) {
            let records = (start..<min(start + portion, numbers.upperBound)).map { self.record($0) }
            let isWritten = recent.write(records)
            #expect(isWritten)
        }
    }

    @Test func `bindings are read back, the newest first`() throws {
        let directory = TemporaryDirectory()
        #expect(try self.read(directory).isEmpty)
        try self.write(0..<100, portion: 7, directory)
        #expect(try self.read(directory) == (0..<100).reversed().map { self.record($0) })
    }

    @Test func `what a later process writes is newer than what it found`() throws {
        let directory = TemporaryDirectory()
        try self.write(0..<10, portion: 10, directory)
        try self.write(20..<23, portion: 1, directory)
        #expect(try self.read(directory).prefix(4) == [22, 21, 20, 9].map { self.record($0) }[...])
    }

    @Test func `the ring begins again at its end, wherever a portion lies`() throws {
        let directory = TemporaryDirectory()
        let count = RecentBindings.capacity + 50
        try self.write(0..<count, portion: 63, directory)
        #expect(try self.read(directory) == (50..<count).reversed().map { self.record($0) })
    }

    @Test(arguments: [0, 9, 15, 20, 31]) func `an entry that was torn is not believed`(byte: Int) throws {
        let directory = TemporaryDirectory()
        try self.write(0..<3, portion: 3, directory)
        var bytes = directory.read("recent")
        #expect(bytes.count == RecentBindings.capacity * RecentBindings.entryLength)
        bytes[RecentBindings.entryLength + byte] ^= 0x10
        directory.write("recent", bytes)
        #expect(try self.read(directory) == [self.record(2), self.record(0)])
    }
}
