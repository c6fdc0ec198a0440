// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import JSON
import Testing

@testable import PostgresStorage

struct ImageTests {
    private static func asset(_ name: String, release: String = "bookworm", version: String = "1", digit: Character = "a") -> BootAsset {
        BootAsset(
            osystem: "debian", release: release, architecture: "amd64", subarchitecture: "generic", kind: .squashfs, name: name,
            version: version, label: "stable", sizeBytes: 7, sha256: String(repeating: digit, count: 64), complete: false
        )
    }

    @Test func `images are known by their files`() async throws {
        try await TestStore.with { test async throws in
            try await test.store.transaction { store in
                try await store.upsert([Self.asset("one"), Self.asset("two", digit: "b"), Self.asset("one", release: "trixie")])
                let resources = try await store.bootResources()
                #expect(resources.map(\.release) == ["bookworm", "trixie"])
                #expect(resources.map(\.assets.count) == [2, 1])
                #expect(try await store.bootResource(id: resources[0].id) == resources[0])
                #expect(try await store.bootAssets().count == 3)

                try await store.setAssetComplete(sha256: String(repeating: "a", count: 64))
                #expect(try await store.bootAssets().map(\.complete) == [true, false, true])
                var changed = Self.asset("two", digit: "c")
                changed.sizeBytes = 8
                try await store.upsert([Self.asset("two", digit: "d"), changed])
                #expect(try await store.bootAssets()[1] == changed)
                #expect(try await store.bootResources().map(\.id) == resources.map(\.id))

                try await store.delete([Self.asset("one", release: "trixie"), Self.asset("one", version: "9")])
                #expect(try await store.bootResources().map(\.release) == ["bookworm"])
                try await store.deleteBootResource(resources[0].id)
                #expect(try await store.bootAssets() == [])
            }
            await #expect(throws: StoreError.invalid(field: "sha256", message: "")) {
                try await test.store.transaction { try await $0.upsert([Self.asset("one", digit: "Z")]) }
            }
        }
    }

    @Test func `sources of images are kept with their keys`() async throws {
        try await TestStore.with { test async throws in
            try await test.store.transaction { store in
                var source = try await store.insert(BootSource(url: "https://example.com/", keyring: [1, 0, 2], allowUnsigned: false))
                #expect(source.created > .sample(0))
                #expect(try await store.bootSource(id: source.id) == source)
                source.allowUnsigned = true
                try await store.update(source)
                #expect(try await store.bootSources().map(\.allowUnsigned) == [true])
                try await store.deleteBootSource(source.id)
                #expect(try await store.bootSources() == [])
            }
            let source = BootSource(url: "https://example.com/", keyring: [], allowUnsigned: true)
            try await test.store.transaction { try await $0.insert(source) }
            await #expect(throws: StoreError.conflict(field: "url", message: "")) {
                try await test.store.transaction { try await $0.insert(source) }
            }
        }
    }

    @Test func `a controller keeps the time when it was first seen`() async throws {
        try await TestStore.with { test async throws in
            var rack = Controller(
                id: .sample(1), kind: .rack, hostname: "rack", softwareVersion: "1",
                interfaces: [
                    ControllerInterface(
                        name: "eth0", macAddress: .sample(1), addresses: [IPv4Address(10, 0, 0, 1)],
                        networks: [try required(IPv4Network("10.0.0.0/24"))]
                    ),
                    ControllerInterface(name: "lo", macAddress: nil, addresses: [], networks: []),
                ],
                firstSeen: .sample(1), lastSeen: .sample(1), connected: true
            )
            try await test.store.transaction { [rack] store in
                try await store.upsert(rack)
                #expect(try await store.controller(rack.id) == rack)
            }
            (rack.firstSeen, rack.lastSeen, rack.softwareVersion) = (.sample(9), .sample(9), "2")
            try await test.store.transaction { [rack] store in
                try await store.upsert(rack)
                try await store.setConnected(false, controller: rack.id)
            }
            rack.firstSeen = .sample(1)
            rack.connected = false
            try await test.store.transaction { [rack] store in
                #expect(try await store.controllers(kind: .rack) == [rack])
                #expect(try await store.controllers(kind: .region) == [])
                try await store.deleteController(rack.id)
                #expect(try await store.controllers() == [])
            }
            await #expect(throws: StoreError.notFound("")) {
                try await test.store.transaction { try await $0.setConnected(true, controller: .sample(1)) }
            }
        }
    }

    @Test func `settings are any JSON`() async throws {
        try await TestStore.with { test async throws in
            let values: [JSONValue] = [.null, true, 5, "text", ["a", 1], ["key": "value"], 1.5]
            try await test.store.transaction { store in
                for value in values {
                    try await store.setSetting("name", value)
                    #expect(try await store.setting("name") == value)
                }
                #expect(try await store.settings() == ["name": 1.5])
                try await store.setSetting("name", nil)
                #expect(try await store.setting("name") == nil)
            }
        }
    }
}
