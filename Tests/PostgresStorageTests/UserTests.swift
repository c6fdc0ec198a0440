// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Postgres
import Testing

@testable import PostgresStorage

struct UserTests {
    @Test func `users come back with what they were given`() async throws {
        try await TestStore.with { test async throws in
            try await test.store.transaction { store in
                var alice = try await store.insert(User.sample("alice"), passwordHash: "hash")
                #expect(try await store.user(named: "alice") == alice)
                #expect(try await store.passwordHash(of: "alice") == "hash")
                try await store.setPasswordHash(nil, of: "alice")
                #expect(try await store.passwordHash(of: "alice") == nil)
                #expect(try await store.passwordHash(of: "nobody") == nil)
                alice.isSuperuser = true
                alice.email = "new@example.com"
                try await store.update(alice)
                #expect(try await store.users() == [alice])
            }
            await #expect(throws: StoreError.conflict(field: "username", message: "")) {
                try await test.store.transaction { try await $0.insert(User.sample("alice"), passwordHash: nil) }
            }
            await #expect(throws: StoreError.invalid(field: "username", message: "")) {
                try await test.store.transaction { try await $0.insert(User.sample("a b"), passwordHash: nil) }
            }
        }
    }

    @Test func `a user with machines goes only when somebody takes them`() async throws {
        try await TestStore.with { test async throws in
            var machine = try await test.addMachines(0..<1)[0]
            try await test.store.transaction { store in
                for name in ["alice", "bob"] { try await store.insert(User.sample(name), passwordHash: nil) }
                _ = try await store.createToken(user: "alice", name: "")
                try await store.insertSSHKey("ssh-ed25519 AAAA alice", user: "alice")
            }
            machine.owner = "alice"
            try await test.store.transaction { [machine] in try await $0.update(machine) }
            await #expect(throws: StoreError.refused("")) { try await test.store.transaction { try await $0.deleteUser(named: "alice") } }
            await #expect(throws: StoreError.invalid(field: "transfer_resources_to", message: "")) {
                try await test.store.transaction { try await $0.deleteUser(named: "alice", transferringTo: "carol") }
            }
            try await test.store.transaction { try await $0.deleteUser(named: "alice", transferringTo: "bob") }
            #expect(try await test.store.read { try await $0.machine(machine.id) }?.owner == "bob")
            #expect(try await test.pool.query("SELECT FROM api_token UNION ALL SELECT FROM ssh_key").isEmpty)
            await #expect(throws: StoreError.notFound("")) { try await test.store.transaction { try await $0.deleteUser(named: "alice") } }
        }
    }

    @Test func `keys speak for their users and machines`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<1)[0]
            let alice = try await test.store.transaction { store in
                try await store.insert(User.sample("bob"), passwordHash: nil)
                return try await store.insert(User.sample("alice"), passwordHash: nil)
            }
            try await test.store.transaction { store in
                let token = try await store.createToken(user: "alice", name: "cli")
                #expect(token.consumerKey.count == 18)
                #expect(token.tokenKey.count == 18)
                #expect(token.tokenSecret.count == 32)
                let found = try #require(try await store.token(key: token.tokenKey))
                #expect(found.token == token)
                #expect(found.owner == .user(alice))
                try await store.renameToken(key: token.tokenKey, of: "alice", name: "new")
                #expect(try await store.tokens(of: "alice").map(\.name) == ["new"])
                #expect(try await store.tokens(of: "bob") == [])
                for change in [
                    { try await $0.deleteToken(key: token.tokenKey, of: "bob") },
                    { try await $0.renameToken(key: token.tokenKey, of: "bob", name: "x") },
                ] as [(StoreTransaction) async throws -> Void] {
                    await #expect(throws: StoreError.notFound("")) { try await change(store) }
                }
                try await store.deleteToken(key: token.tokenKey, of: "alice")
                #expect(try await store.token(key: token.tokenKey) == nil)

                let own = try await store.machineToken(machine.id)
                #expect(try await store.machineToken(machine.id) == own)
                #expect(try await store.existingMachineToken(machine.id) == own)
                #expect(try await store.token(key: own.tokenKey)?.owner == .machine(machine.id))
                let next = try await store.resetMachineToken(machine.id)
                #expect(next != own)
                #expect(try await store.token(key: own.tokenKey) == nil)
            }
            await #expect(throws: StoreError.notFound("")) { try await test.store.transaction { try await $0.machineToken(.sample(9)) } }
        }
    }

    @Test func `two regions that make a machine's key at once get the same one`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<1)[0]
            let store = test.store
            let tokens = try await withThrowingTaskGroup(of: APIToken.self) { group in
                for _ in 0..<8 { group.addTask { try await store.transaction { try await $0.machineToken(machine.id) } } }
                var tokens: Set<APIToken> = []
                for try await token in group { tokens.insert(token) }
                return tokens
            }
            #expect(tokens.count == 1)
        }
    }

    @Test func `SSH keys belong to one user and are there once`() async throws {
        try await TestStore.with { test async throws in
            // As long as an RSA key of 16384 bits.
            let long = "ssh-rsa " + String(repeating: "A9z/", count: 690) + " alice@host"
            let key = try await test.store.transaction { store in
                for name in ["alice", "bob"] { try await store.insert(User.sample(name), passwordHash: nil) }
                try await store.insertSSHKey(long, user: "bob")
                return try await store.insertSSHKey(long, user: "alice")
            }
            await #expect(throws: StoreError.conflict(field: "key", message: "")) {
                try await test.store.transaction { try await $0.insertSSHKey(long, user: "alice") }
            }
            for bad in ["", "two\nlines"] {
                await #expect(throws: StoreError.invalid(field: "key", message: "")) {
                    try await test.store.transaction { try await $0.insertSSHKey(bad, user: "alice") }
                }
            }
            await #expect(throws: StoreError.notFound("")) {
                try await test.store.transaction { try await $0.deleteSSHKey(key.id, of: "bob") }
            }
            try await test.store.transaction { store in
                #expect(try await store.sshKeys(of: "alice") == [key])
                try await store.deleteSSHKey(key.id, of: "alice")
                #expect(try await store.sshKey(id: key.id) == nil)
                #expect(try await store.sshKeys(of: "bob").count == 1)
            }
        }
    }
}
