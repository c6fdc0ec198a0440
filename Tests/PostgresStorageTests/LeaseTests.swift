// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import PostgresStorage

struct LeaseTests {
    private static func lease(_ host: UInt32, mac: Int = 1, generation: Int = 1, updated: Int64 = 0, vlan: Int = 1) -> Lease {
        Lease(
            vlanID: vlan, address: IPv4Address(10, 0, 0, host), macAddress: .sample(mac), generation: generation, hostname: "h",
            expires: .sample(updated + 600), updated: .sample(updated)
        )
    }

    @Test func `the newest report of an address wins, whenever it comes`() async throws {
        try await TestStore.with { test async throws in
            try await test.store.transaction { store in
                try await store.upsert([Self.lease(5, mac: 1, updated: 10)])
                try await store.upsert([Self.lease(5, mac: 2, updated: 5)])
                #expect(try await store.lease(address: IPv4Address(10, 0, 0, 5)) == Self.lease(5, mac: 1, updated: 10))
                try await store.upsert([Self.lease(5, mac: 3, generation: 2, updated: 1)])
                #expect(try await store.lease(address: IPv4Address(10, 0, 0, 5))?.macAddress == .sample(3))
                // Twice in one report, the older one last; and a VLAN that is gone.
                try await store.upsert([
                    Self.lease(6, mac: 4, updated: 9), Self.lease(6, mac: 5, updated: 8), Self.lease(7, vlan: 99),
                ])
                #expect(try await store.leases(vlanID: 1).map(\.macAddress) == [.sample(3), .sample(4)])
                #expect(try await store.leases().count == 2)
                #expect(try await store.lease(of: .sample(4))?.address == IPv4Address(10, 0, 0, 6))
                try await store.upsert([Self.lease(8, mac: 4, updated: 20)])
                #expect(try await store.lease(of: .sample(4))?.address == IPv4Address(10, 0, 0, 8))
                let hosts = try await store.leases(of: [.sample(4), .sample(9)]).map(\.address.octets.3)
                #expect(hosts == [8, 6])
                try await store.removeLease(vlanID: 1, address: IPv4Address(10, 0, 0, 8))
                #expect(try await store.lease(address: IPv4Address(10, 0, 0, 8)) == nil)
                try await store.upsert([Lease]())
            }
        }
    }

    @Test func `leases that ended are forgotten, a bounded number at a time`() async throws {
        try await TestStore.with { test async throws in
            try await test.store.transaction { store in
                try await store.upsert((1...20).map { Self.lease($0, updated: Int64($0)) } as [Lease])
                #expect(try await store.pruneLeases(expiredBefore: .sample(611), limit: 4) == 4)
                #expect(try await store.pruneLeases(expiredBefore: .sample(611)) == 6)
                #expect(try await store.leases().count == 10)
            }
        }
    }
}
