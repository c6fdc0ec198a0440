// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterLink
import ClusterMessages
import Domain
import Leasing
import Logging
import Testing

@testable import Region

@Suite struct LeaseAuthorityServiceTests {
    @Test func `a rack speaks for itself only`() async throws {
        let rack = try await TestRack(try #require(SystemID("rack34")))
        let other = try #require(SystemID("rack43"))
        let service = LeaseAuthorityService(
            store: rack.store, racks: rack.racks, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let messages: [LeaseRackMessage] = [
            .demand(TokenDemand(segmentID: 1, rack: other, journal: 1, wanted: 9, held: 0)),
            .report(LeaseReport(segmentID: 1, rack: other, entries: [])),
        ]
        for message in messages {
            await #expect(throws: LinkRefusal.self) { try await service.received(message, from: try #require(SystemID("rack34"))) }
            try await service.received(message, from: other)
        }
        await rack.close()
    }
}
