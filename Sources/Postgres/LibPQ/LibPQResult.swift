// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CLibPQ

/// A `PGresult`, copied into Swift memory.
enum LibPQResult {
    /// A command ended, with or without rows.
    case complete(PostgresResult)
    /// A command failed.
    case failed(PostgresError.ServerFields)
    /// A command was skipped because an earlier one before the same sync had failed.
    case skipped
    /// All before the sync is done.
    case sync
    /// Something that has no place in a pipeline, such as COPY.
    case unsupported(String)

    init(_ result: OpaquePointer) {
        switch unsafe PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            unsafe self = .complete(Self.copy(result))
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR:
            unsafe self = .failed(Self.fields(result))
        case PGRES_PIPELINE_ABORTED:
            self = .skipped
        case PGRES_PIPELINE_SYNC:
            self = .sync
        case let status:
            self = .unsupported(unsafe String(cString: PQresStatus(status)))
        }
    }

    private static func copy(_ result: OpaquePointer) -> PostgresResult {
        let rowCount = unsafe Int(PQntuples(result))
        let columnCount = unsafe Int(PQnfields(result))
        var columns: [PostgresResultStorage.Column] = []
        for column in 0..<Int32(columnCount) {
            let name = unsafe PQfname(result, column).map { unsafe String(cString: $0) } ?? ""
            columns.append(.init(name: name, type: PostgresType(oid: unsafe PQftype(result, column))))
        }
        var bytes: [UInt8] = []
        var ends: [Int] = []
        ends.reserveCapacity(rowCount * columnCount)
        for row in 0..<Int32(rowCount) {
            for column in 0..<Int32(columnCount) {
                if unsafe PQgetisnull(result, row, column) == 1 {
                    ends.append(-bytes.count - 1)
                    continue
                }
                let count = unsafe Int(PQgetlength(result, row, column))
                let value = unsafe PQgetvalue(result, row, column)
                unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: value, count: count))
                ends.append(bytes.count)
            }
        }
        let storage = PostgresResultStorage(columns: columns, bytes: bytes, ends: ends)
        let affected = unsafe PQcmdTuples(result).map { unsafe String(cString: $0) } ?? ""
        return PostgresResult(
            rows: (0..<rowCount).map { PostgresRow(storage: storage, index: $0) },
            rowsAffected: Int(affected) ?? 0,
            command: unsafe PQcmdStatus(result).map { unsafe String(cString: $0) } ?? ""
        )
    }

    private static func fields(_ result: OpaquePointer) -> PostgresError.ServerFields {
        // PG_DIAG_* are character constants, which Swift does not import.
        func field(_ code: UnicodeScalar) -> String? {
            unsafe PQresultErrorField(result, Int32(code.value)).map { unsafe String(cString: $0) }
        }
        var message = field("M") ?? ""
        if message.isEmpty, let text = unsafe PQresultErrorMessage(result) {
            // libpq's own errors have no fields.
            message = unsafe String(cString: text).split(separator: "\n").joined(separator: " ")
        }
        return PostgresError.ServerFields(
            sqlState: field("C") ?? "",
            message: message,
            detail: field("D"),
            constraint: field("n"),
            column: field("c")
        )
    }
}
