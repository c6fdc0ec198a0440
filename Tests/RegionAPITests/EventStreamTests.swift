// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import HTTPClient
import PostgresStorage
import RegionAPI
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct EventStreamTests {
    final class Received: Sendable {
        let text = Mutex("")

        var ids: [Int] {
            self.text.withLock { $0 }.split(separator: "\n").filter { $0.hasPrefix("id: ") }.compactMap { Int($0.dropFirst(4)) }
        }
    }

    static func event(_ description: String) -> Event {
        Event(machineID: nil, source: .audit, type: "Test", description: description, occurred: RegionAPIServer.wallClock())
    }

    @Test func `events arrive as they happen, and a stream resumes where it was cut`() async throws {
        try await TestRegion.run { region in
            try await region.store.transaction { try await $0.append([Self.event("one"), Self.event("two")]) }
            let ids = try await region.store.read { try await $0.events().map(\.id).sorted() }
            let received = Received()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let response = try await region.client.open(
                        HTTPRequest(
                            url: region.url("/MAAS/api/2.0/events/?op=stream"),
                            headers: [HTTPHeader("Authorization", TestRegion.oauth(region.admin)), HTTPHeader("Last-Event-ID", "\(ids[0])")]
                        )
                    )
                    #expect(response.status == 200)
                    for try await bytes in response.body { received.text.withLock { $0 += String(decoding: bytes, as: UTF8.self) } }
                }
                try await eventually("the missed event has come") { received.ids == [ids[1]] }
                try await region.store.transaction { try await $0.append([Self.event("three")]) }
                try await eventually("the new event has come") { received.ids.count == 2 }
                #expect(received.text.withLock { $0 }.contains("\"description\":\"three\""))
                group.cancelAll()
            }
        }
    }

    @Test func `streams are bounded`() async throws {
        var limits = RegionAPILimits()
        limits.maximumEventStreams = 0
        try await TestRegion.run(limits: limits) { region in
            let answer = try await region.api("GET", "events/?op=stream")
            #expect(answer.status == 503)
            #expect(answer.header("Retry-After") == "30")
        }
    }
}
