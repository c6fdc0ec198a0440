// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Logging
import OpenSSL
import Postgres
import PostgresStorage
import TestSupport

/// A store with a database of its own.
struct TestStore {
    let store: Store
    let pool: PostgresPool
    let secrets: SecretBox

    /// Gives the body a migrated store, and closes its connections afterwards.
    static func with(_ body: (TestStore) async throws -> Void) async throws {
        var configuration = PostgresConfiguration(try await TestPostgres.shared().makeDatabase())
        configuration.maximumConnections = 4
        let pool = try PostgresPool(configuration, logger: Logger(label: "test"))
        let secrets = try SecretBox(key: [UInt8](repeating: 7, count: 32))
        do {
            let store = Store(pool: pool, secrets: secrets)
            try await store.migrate()
            try await body(TestStore(store: store, pool: pool, secrets: secrets))
        } catch {
            await pool.shutdown()
            throw error
        }
        await pool.shutdown()
    }

    /// Adds machines with these numbers, one interface and one disk each.
    @discardableResult func addMachines(_ numbers: Range<Int>) async throws -> [Machine] {
        try await self.store.transaction { store in
            var machines: [Machine] = []
            for number in numbers {
                machines.append(try await store.insert(.sample(number), power: .sample))
            }
            return machines
        }
    }
}

extension SystemID {
    /// A different one for each number below 24⁵.
    static func sample(_ number: Int) -> SystemID {
        var digits: [UInt8] = []
        var rest = number
        for _ in 0..<5 {
            digits.append(SystemID.alphabet[rest % 24])
            rest /= 24
        }
        guard let id = SystemID("4" + String(decoding: digits.reversed(), as: UTF8.self)) else { preconditionFailure("\(number)") }
        return id
    }
}

extension MACAddress {
    static func sample(_ number: Int) -> MACAddress {
        MACAddress(rawValue: 0x5254_0000_0000 + UInt64(number))
    }
}

extension IPv4Address {
    init(_ first: UInt32, _ second: UInt32, _ third: UInt32, _ fourth: UInt32) {
        self.init(rawValue: first << 24 | second << 16 | third << 8 | fourth)
    }
}

extension Timestamp {
    /// Microseconds matter, so there are some.
    static func sample(_ seconds: Int64) -> Timestamp {
        Timestamp(microseconds: 1_700_000_000_000_000 + seconds * 1_000_000 + 123_457)
    }
}

extension PowerConfiguration {
    static let sample = PowerConfiguration(
        type: .ipmi, parameters: ["power_address": "10.0.0.9", "power_user": "root", "power_pass": "Tr0ub4dor & 3"]
    )
}

extension Machine {
    static func sample(_ number: Int) -> Machine {
        var machine = Machine(
            id: .sample(number), hostname: "node-\(number)", architecture: "amd64/generic", powerType: .ipmi, created: .sample(0)
        )
        machine.interfaces = [NetworkInterface(id: 0, name: "eth0", macAddress: .sample(number))]
        machine.blockDevices = [.sample("vda")]
        return machine
    }
}

extension BlockDevice {
    static func sample(_ name: String, id: Int = 0) -> BlockDevice {
        BlockDevice(
            id: id, name: name, model: "QEMU HARDDISK", serial: "serial-\(name)", idPath: "/dev/disk/by-id/\(name)",
            sizeBytes: 8_589_934_592, blockSizeBytes: 512, firmwareVersion: "2.5+", tags: ["ssd"]
        )
    }
}

extension Subnet {
    static func sample(_ network: String, vlan: Int) throws -> Subnet {
        Subnet(
            id: 0, name: "", description: "", vlanID: vlan, network: try required(IPv4Network(network)), gateway: nil, dnsServers: [],
            rdnsMode: 2, allowDNS: true, allowProxy: true, activeDiscovery: false, managed: true
        )
    }
}

extension User {
    static func sample(_ name: String) -> User {
        User(id: 0, username: name, email: "\(name)@example.com", isSuperuser: false)
    }
}

struct Missing: Error {}

/// The value, or an error for the test.
func required<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw Missing() }
    return value
}
