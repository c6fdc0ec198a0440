// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import Domain
import Glibc
import Logging
import NIOPosix
import OpenSSL
import Rack
import Subprocess
import Synchronization

/// A content source in a directory of its own.
final class DirectoryContent: ContentSource {
    let directory: String

    init() throws {
        var template = Array("/tmp/gantry-boot-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw FixtureError("mkdtemp failed with errno \(errno)") }
        self.directory = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        guard let entries = unsafe opendir(self.directory) else { return }
        while let entry = unsafe readdir(entries) {
            let name = unsafe withUnsafePointer(to: entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { _ = unsafe unlink("\(self.directory)/\(name)") }
        }
        unsafe closedir(entries)
        _ = unsafe rmdir(self.directory)
    }

    func path(ofDigest digest: String) -> String? {
        let path = "\(self.directory)/\(digest)"
        return unsafe access(path, R_OK) == 0 ? path : nil
    }

    /// Writes a content and answers its digest.
    @discardableResult
    func insert(_ bytes: [UInt8]) throws -> String {
        let digest = SHA256.hexDigest(of: bytes)
        try Self.write(bytes, to: "\(self.directory)/.\(digest)")
        guard unsafe rename("\(self.directory)/.\(digest)", "\(self.directory)/\(digest)") == 0 else { throw FixtureError("rename failed") }
        return digest
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw FixtureError("\(path) cannot be made") }
        defer { close(file) }
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress.map { unsafe $0 + done }, $0.count - done) }
            guard count > 0 else { throw FixtureError("\(path) cannot be written") }
            done += count
        }
    }
}

struct FixtureError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// What every test of the boot services needs.
final class BootFixture: Sendable {
    static let mac = MACAddress(rawValue: 0x5254_00AB_CDEF)
    let content: DirectoryContent
    let answers = BootAnswers(httpPort: 5248)
    let observations = BootObservations()
    let fetches: ContentFetches
    /// What `fetch` finds elsewhere.
    let remote = Mutex<[String: [UInt8]]>([:])
    let fetchCount = Atomic<Int>(0)
    private let seen = Mutex<[BootObservation]>([])
    var logger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    init() throws {
        let content = try DirectoryContent()
        let box = FixtureBox()
        self.content = content
        self.fetches = ContentFetches(source: content, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { digest in
            try box.fetch(digest)
        }
        box.fixture.withLock { $0 = WeakFixture(fixture: self) }
    }

    fileprivate func fetch(_ digest: String) throws {
        self.fetchCount.wrappingAdd(1, ordering: .relaxed)
        guard let bytes = self.remote.withLock({ $0[digest] }) else { throw FixtureError("nobody has \(digest)") }
        try self.content.insert(bytes)
    }

    static func intent(
        _ purpose: BootPurpose, macs: [MACAddress] = [BootFixture.mac], id: String? = "abc346", options: [String] = []
    ) -> BootIntent {
        BootIntent(
            macAddresses: macs, systemID: id.flatMap { SystemID($0) }, hostname: "node", purpose: purpose,
            image: purpose.bootsEphemeral
                ? EphemeralImage(
                    kernel: String(repeating: "a", count: 64), initrd: String(repeating: "b", count: 64),
                    squashfs: String(repeating: "c", count: 64)) : nil,
            kernelOptions: options, preseedPath: "metadata/latest/by-id/abc346/?op=get_preseed")
    }

    /// Octets in which every place differs from its neighbours; they repeat after 64 KiB.
    static func pattern(_ count: Int) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(count)
        while octets.count + Self.period.count <= count { octets += Self.period }
        octets += Self.period.prefix(count - octets.count)
        return octets
    }

    private static let period: [UInt8] = (0..<65536).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &* 7) }

    /// Runs the body with the fetching service and everything that was observed.
    func serving<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.fetches.run() }
            group.addTask { for await observation in self.observations.events { self.seen.withLock { $0.append(observation) } } }
            defer {
                group.cancelAll()
                self.observations.finish()
            }
            return try await body()
        }
    }

    func observed(_ kind: BootObservation.Kind) -> [BootObservation] {
        self.seen.withLock { $0.filter { $0.kind == kind } }
    }
}

private struct WeakFixture: Sendable {
    weak let fixture: BootFixture?
}

private final class FixtureBox: Sendable {
    let fixture = Mutex<WeakFixture?>(nil)

    func fetch(_ digest: String) throws {
        guard let fixture = self.fixture.withLock({ $0?.fixture }) else { throw FixtureError("the test is over") }
        try fixture.fetch(digest)
    }
}

/// Runs a program to its end.
func execute(_ name: String, _ arguments: [String], limit: Int = 64 << 20) async throws -> (status: String, output: [UInt8], error: String) {
    let result = try await run(
        .name(name), arguments: Arguments(arguments), output: .bytes(limit: limit), error: .string(limit: 1 << 20))
    return ("\(result.terminationStatus)", result.standardOutput, result.standardError)
}
