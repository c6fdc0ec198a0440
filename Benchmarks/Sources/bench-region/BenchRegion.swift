// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterLink
import ClusterMessages
import Domain
import Glibc
import Leasing
import Logging
import OpenSSL

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif

/// The region's end of one rack's link, without a database: pushes one configuration, and mints leases from memory. So that the rack
/// under test is the real one, with everything that it does besides answering.
///
/// `bench-region DIRECTORY PORT`: issues certificates into the directory, pushes its `configuration.json`, and gives out the addresses
/// of its `pool.json`. Says `ready` when it listens and `granted` when the rack has had its addresses.
@main
struct BenchRegion {
    private static var logger: Logger {
        var logger = Logger(label: "bench-region")
        logger.logLevel = .warning
        return logger
    }

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let port = Int(arguments[2]) else {
            throw BenchRegionError("usage: bench-region DIRECTORY PORT")
        }
        let directory = arguments[1]
        let decoder = JSONDecoder()
        func file(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: "\(directory)/\(name)")) }
        let configuration = try decoder.decode(RackConfiguration.self, from: file("configuration.json"))
        let pool = try decoder.decode(Pool.self, from: file("pool.json"))

        let authority = try CertificateAuthority.create(commonName: "Gantry benchmarks")
        let region = try authority.issue(commonName: "region", subjectAlternativeNames: [.uri("gantry:region:regn34")], validity: .seconds(86_400))
        let rack = try authority.issue(
            commonName: "rack", subjectAlternativeNames: [.uri("gantry:rack:\(pool.rack)")], validity: .seconds(86_400)
        )
        for (name, text) in [
            ("authority.crt", authority.certificatePEM), ("rack.crt", rack.certificatePEM), ("rack.key", rack.privateKeyPEM),
        ] { try Data(text.utf8).write(to: URL(filePath: "\(directory)/\(name)")) }

        let logger = Self.logger
        let server = LinkServer(
            configuration: LinkServerConfiguration(
                host: "127.0.0.1", port: port, identity: try TLSIdentity(region, trustedAuthorityPEM: authority.certificatePEM)
            ), logger: logger
        )
        let leases = try BenchLeases(pool: pool)
        server.on(RackHello.self) { _, _ in try RegionWelcome(region: SystemID(valid: "regn34"), softwareVersion: "benchmark") }
        server.on(RackObservations.self) { _, _ in LinkNothing() }
        server.on(LeaseRackReport.self) { report, peer in
            for order in await leases.answers(to: report.message) { _ = try await peer.send(LeaseAuthorityOrder(order), deadline: .seconds(60)) }
            return LinkNothing()
        }
        server.onConnect { peer in
            do {
                let applied = try await peer.send(configuration, deadline: .seconds(60))
                for problem in applied.problems { logger.error("the rack has a problem: \(problem)") }
            } catch {
                logger.error("the rack did not take its configuration: \(error)")
            }
        }
        try await withThrowingTaskGroup { group in
            group.addTask { try await server.run() }
            guard await server.waitUntilListening() != nil else { throw BenchRegionError("port \(port) cannot be listened on") }
            say("ready")
            try await group.waitForAll()
        }
    }
}

/// The addresses that the rack gets, all of them at once.
struct Pool: Decodable, Sendable {
    var rack: String
    var segment: Int
    var first: IPv4Address
    var count: Int
}

/// The lease authority of one segment, in memory.
actor BenchLeases {
    private var authority: LeaseAuthority
    private let pool: Pool
    private let rack: SystemID
    private var journal: UInt64?
    private var delivered = 0

    init(pool: Pool) throws {
        self.pool = pool
        self.rack = try SystemID(valid: pool.rack)
        self.authority = LeaseAuthority(segmentID: pool.segment)
        let last = IPv4Address(rawValue: pool.first.rawValue + UInt32(pool.count) - 1)
        _ = self.authority.handle(.poolChanged(ranges: [AddressRange(first: pool.first, last: last)], reservations: []), now: Self.now)
        _ = self.authority.handle(.ensembleChanged([self.rack]), now: Self.now)
    }

    private static let start = ContinuousClock.now

    private static var now: Instant {
        let (seconds, attoseconds) = (ContinuousClock.now - Self.start).components
        return Instant(nanoseconds: seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    /// What the authority answers; the first grant comes with as many addresses as the pool has, because the rate of a rack that waits
    /// for a region's addresses says nothing about the rack.
    func answers(to message: LeaseRackMessage) -> [LeaseAuthorityMessage] {
        var effects = self.authority.handle(.received(message), now: Self.now)
        if case .grantRequest(let request) = message, self.journal != request.journal {
            self.journal = request.journal
            self.delivered = 0
            effects += self.authority.handle(
                .received(
                    .demand(
                        TokenDemand(segmentID: self.pool.segment, rack: self.rack, journal: request.journal, wanted: self.pool.count, held: 0)
                    )), now: Self.now
            )
        }
        if case .receipt(let receipt) = message {
            self.delivered += receipt.tokens.count
            if self.delivered >= self.pool.count { say("granted") }
        }
        return effects.compactMap { effect in
            guard case .send(let answer, to: _) = effect else { return nil }
            return answer
        }
    }
}

/// One line for whoever started this, at once.
func say(_ line: String) {
    print(line)
    fflush(nil)
}

struct BenchRegionError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension SystemID {
    /// - Throws: when the text is none.
    init(valid text: String) throws {
        guard let id = SystemID(text) else { throw BenchRegionError("'\(text)' is not a system id") }
        self = id
    }
}
