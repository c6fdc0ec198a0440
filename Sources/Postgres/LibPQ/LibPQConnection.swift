// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CLibPQ

/// libpq's connection object with its pointers wrapped up. Not thread safe, does not block; belongs to one ``PostgresConnection``.
@safe final class LibPQConnection {
    /// What `PQconnectPoll` wants next.
    enum Progress {
        case wantsToRead
        case wantsToWrite
        case done
        case failed
    }

    /// Where the session stands, as the last ReadyForQuery said.
    enum TransactionStatus {
        case idle
        case active
        case inTransaction
        case inFailedTransaction
        case unknown
    }

    private let handle: OpaquePointer

    /// Begins to connect. Look at ``failureMessage`` afterwards only if ``hasFailed``.
    init(_ parameters: ConnectionParameters) throws {
        let sorted = parameters.values.sorted { $0.key < $1.key }
        let handle = unsafe withCStrings(sorted.map(\.key)) { keywords in
            unsafe withCStrings(sorted.map(\.value)) { values in
                unsafe PQconnectStartParams(keywords, values, 0)
            }
        }
        guard let handle = unsafe handle else { throw PostgresError(.connectionFailed, "libpq has no memory for a connection") }
        unsafe self.handle = handle
        // Notices go to stderr by default.
        unsafe PQsetNoticeProcessor(handle, { _, _ in }, nil)
    }

    deinit {
        unsafe PQfinish(self.handle)
    }

    var hasFailed: Bool { unsafe PQstatus(self.handle) == CONNECTION_BAD }

    /// libpq's last words, on one line.
    var failureMessage: String {
        guard let text = unsafe PQerrorMessage(self.handle) else { return "no reason given" }
        let lines = unsafe String(cString: text).split(separator: "\n")
        return lines.isEmpty ? "no reason given" : lines.joined(separator: " ")
    }

    /// The descriptor to wait on; libpq may change it while connecting.
    var socket: Int32 { unsafe PQsocket(self.handle) }

    var serverProcess: Int32 { unsafe PQbackendPID(self.handle) }

    var transactionStatus: TransactionStatus {
        switch unsafe PQtransactionStatus(self.handle) {
        case PQTRANS_IDLE: .idle
        case PQTRANS_ACTIVE: .active
        case PQTRANS_INTRANS: .inTransaction
        case PQTRANS_INERROR: .inFailedTransaction
        default: .unknown
        }
    }

    func continueConnecting() -> Progress {
        switch unsafe PQconnectPoll(self.handle) {
        case PGRES_POLLING_READING: .wantsToRead
        case PGRES_POLLING_WRITING: .wantsToWrite
        case PGRES_POLLING_OK: .done
        default: .failed
        }
    }

    /// Makes an open connection non-blocking and pipelined.
    func enterPipeline() -> Bool {
        unsafe PQsetnonblocking(self.handle, 1) == 0 && PQenterPipelineMode(self.handle) == 1
    }

    func sendPrepare(name: String, sql: String, types: [PostgresType]) -> Bool {
        unsafe PQsendPrepare(self.handle, name, sql, Int32(types.count), types.map(\.oid)) == 1
    }

    func sendPrepared(name: String, _ parameters: [PostgresValue]) -> Bool {
        unsafe self.withParameters(parameters) { values, lengths, formats in
            unsafe PQsendQueryPrepared(self.handle, name, Int32(parameters.count), values, lengths, formats, 0) == 1
        }
    }

    func sendUnprepared(sql: String, _ parameters: [PostgresValue]) -> Bool {
        unsafe self.withParameters(parameters) { values, lengths, formats in
            unsafe PQsendQueryParams(
                self.handle, sql, Int32(parameters.count), parameters.map(\.type.oid), values, lengths, formats, 0
            ) == 1
        }
    }

    func sendSync() -> Bool { unsafe PQpipelineSync(self.handle) == 1 }

    /// `true` when everything is written, `false` when the socket must become writable first, `nil` on failure.
    func flush() -> Bool? {
        switch unsafe PQflush(self.handle) {
        case 0: true
        case 1: false
        default: nil
        }
    }

    /// Reads what the socket has. `false` when the connection is gone.
    func consumeInput() -> Bool { unsafe PQconsumeInput(self.handle) == 1 }

    /// Whether ``nextResult()`` would block.
    var isBusy: Bool { unsafe PQisBusy(self.handle) == 1 }

    /// The next result; `nil` between the results of two commands.
    func nextResult() -> LibPQResult? {
        guard let result = unsafe PQgetResult(self.handle) else { return nil }
        defer { unsafe PQclear(result) }
        return unsafe LibPQResult(result)
    }

    /// The notifications that came with what was consumed.
    func notifications() -> [(channel: String, payload: String)] {
        var found: [(channel: String, payload: String)] = []
        while let notification = unsafe PQnotifies(self.handle) {
            unsafe found.append((String(cString: notification.pointee.relname), String(cString: notification.pointee.extra)))
            unsafe PQfreemem(notification)
        }
        return found
    }

    func cancelToken() -> LibPQCancelToken? {
        guard let token = unsafe PQgetCancel(self.handle) else { return nil }
        return unsafe LibPQCancelToken(token)
    }

    private func withParameters<Result>(
        _ parameters: [PostgresValue],
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Int32>, UnsafePointer<Int32>) -> Result
    ) -> Result {
        // One extra element each, so that no array is empty and has no address.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(parameters.reduce(1) { $0 + ($1.bytes?.count ?? 0) + 1 })
        var offsets: [Int?] = []
        var lengths: [Int32] = []
        for parameter in parameters {
            offsets.append(parameter.bytes == nil ? nil : bytes.count)
            lengths.append(Int32(clamping: parameter.bytes?.count ?? 0))
            if let value = parameter.bytes { bytes += value }
            bytes.append(0)
        }
        bytes.append(0)
        lengths.append(0)
        let formats: [Int32] = parameters.map { $0.format == .binary ? 1 : 0 } + [0]
        return unsafe bytes.withUnsafeBytes { buffer in
            let start = buffer.baseAddress
            var values: [UnsafePointer<CChar>?] = unsafe []
            for offset in offsets {
                unsafe values.append(offset.flatMap { unsafe start?.advanced(by: $0).assumingMemoryBound(to: CChar.self) })
            }
            unsafe values.append(nil)
            return unsafe body(values, lengths, formats)
        }
    }
}

/// Asks a server to cancel what a connection runs. Independent of the connection's life; may be used on any thread.
@safe final class LibPQCancelToken: @unchecked Sendable {
    // PGcancel is immutable, and libpq says that PQcancel may be called from any thread.
    private let token: OpaquePointer

    init(_ token: OpaquePointer) {
        unsafe self.token = token
    }

    deinit {
        unsafe PQfreeCancel(self.token)
    }

    /// Opens a connection, sends the request and waits for the server to close. Blocks, on a silent host for minutes.
    ///
    /// Returns the reason when the request could not be delivered.
    func send() -> String? {
        var text = [CChar](repeating: 0, count: 256)
        guard unsafe PQcancel(self.token, &text, Int32(text.count)) == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Calls `body` with an array of C strings that a nil pointer ends.
private func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    var bytes: [CChar] = []
    var offsets: [Int] = []
    for text in strings {
        offsets.append(bytes.count)
        bytes += text.utf8CString
    }
    return unsafe bytes.withUnsafeBufferPointer { buffer in
        var pointers: [UnsafePointer<CChar>?] = unsafe []
        for offset in offsets { unsafe pointers.append(buffer.baseAddress?.advanced(by: offset)) }
        unsafe pointers.append(nil)
        return unsafe body(pointers)
    }
}
