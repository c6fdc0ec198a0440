// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import OpenSSL
import Postgres
import Testing

@testable import PostgresStorage

struct SecretTests {
    @Test func `no secret can be read in the database`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<1)[0]
            let (userToken, machineToken) = try await test.store.transaction { store in
                try await store.setUserData(Array("#cloud-config\npassword: hunter2".utf8), of: machine.id)
                try await store.insert(User.sample("alice"), passwordHash: "scrypt$hash")
                return (try await store.createToken(user: "alice", name: "cli"), try await store.machineToken(machine.id))
            }
            let dump = try await Self.dump(test.pool)
            #expect(dump.contains("node-0"))
            #expect(dump.contains(userToken.tokenKey))
            let secrets = ["Tr0ub4dor", "10.0.0.9", "hunter2", userToken.tokenSecret, machineToken.tokenSecret]
            for secret in secrets {
                #expect(!dump.contains(secret))
                #expect(!dump.contains(Hexadecimal.encode(secret.utf8)))
            }
            try await test.store.read { store async throws in
                #expect(try await store.power(of: machine.id) == .sample)
                #expect(try await store.userData(of: machine.id) == Array("#cloud-config\npassword: hunter2".utf8))
                #expect(try await store.token(key: userToken.tokenKey)?.token == userToken)
            }
        }
    }

    /// Every row of every table, as text.
    private static func dump(_ pool: PostgresPool) async throws -> String {
        var text = ""
        let tables = try await pool.query("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        for table in try tables.map({ try $0.decode(String.self, "relname") }) {
            let query: PostgresQuery = "SELECT whole::text AS row FROM \(identifier: table) AS whole"
            for row in try await pool.query(query.unprepared()) {
                text += try row["row"] + "\n"
            }
        }
        return text
    }

    @Test func `a secret that was moved to another machine does not open`() async throws {
        try await TestStore.with { test async throws in
            try await test.addMachines(0..<2)
            try await test.pool.execute("UPDATE machine_secret AS one SET power = other.power FROM machine_secret AS other WHERE one <> other")
            let error = await #expect(throws: StoreError.self) { try await test.store.read { try await $0.power(of: .sample(0)) } }
            #expect(error?.code == .failed)
            #expect(error?.description.contains("Tr0ub4dor") == false)
        }
    }

    @Test func `power and user data are changed and taken away`() async throws {
        try await TestStore.with { test async throws in
            let machine = try await test.addMachines(0..<2)[0]
            let manual = PowerConfiguration(type: .manual, parameters: [:])
            try await test.store.transaction { store in
                try await store.setPower(manual, of: machine.id)
                try await store.setUserData([0, 1, 255], of: machine.id)
                // The copy that was read before is still good.
                try await store.update(machine)
            }
            try await test.store.read { store async throws in
                #expect(try await store.machine(machine.id)?.powerType == .manual)
                #expect(try await store.powers(of: [machine.id, .sample(1), .sample(2)]) == [machine.id: manual, .sample(1): .sample])
                #expect(try await store.userData(of: machine.id) == [0, 1, 255])
            }
            try await test.store.transaction { try await $0.setUserData(nil, of: machine.id) }
            #expect(try await test.store.read { try await $0.userData(of: machine.id) } == nil)
            await #expect(throws: StoreError.notFound("")) { try await test.store.transaction { try await $0.setPower(manual, of: .sample(9)) } }
            await #expect(throws: StoreError.notFound("")) { try await test.store.transaction { try await $0.setUserData(nil, of: .sample(9)) } }
        }
    }
}
