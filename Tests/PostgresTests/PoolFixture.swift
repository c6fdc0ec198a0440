// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Postgres
import TestSupport

/// Runs `body` with a pool on a fresh database, and shuts the pool down however that ends.
func withPool<Value>(
    on server: TestPostgres? = nil,
    _ adjust: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresPool) async throws -> Value
) async throws -> Value {
    let owner: TestPostgres
    if let server { owner = server } else { owner = try await TestPostgres.shared() }
    return try await withPool(url: try await owner.makeDatabase(), adjust, body)
}

/// Runs `body` with a pool on the database at `url`.
func withPool<Value>(
    url: String,
    _ adjust: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresPool) async throws -> Value
) async throws -> Value {
    var configuration = PostgresConfiguration(url)
    // Generous: the machine may be busy. Tests about deadlines set their own.
    configuration.acquireTimeout = .seconds(60)
    configuration.connectTimeout = .seconds(60)
    adjust(&configuration)
    let pool = try PostgresPool(configuration, logger: silent)
    let result: Result<Value, any Error>
    do { result = .success(try await body(pool)) } catch { result = .failure(error) }
    await pool.shutdown()
    return try result.get()
}

/// The error that `body` throws, or `nil`.
func postgresError<Value>(_ body: () async throws -> Value) async throws -> PostgresError? {
    do {
        _ = try await body()
        return nil
    } catch let error as PostgresError {
        return error
    }
}
