// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import HTTPClient
public import Logging

/// How far an import is.
public struct ImageImportProgress: Sendable, Hashable {
    public var filesDone: Int
    public var filesTotal: Int
    public var bytesDone: Int64
    public var bytesTotal: Int64
    /// What is being fetched, for people.
    public var current: String
}

/// Brings the files of a stream into a content store. May be repeated at any time: what is there is not fetched again, and an interrupted
/// file goes on where it was.
public struct ImageImporter: Sendable {
    private let client: HTTPClient
    private let logger: Logger
    private let attempts: Int
    private let pause: Duration
    private let clock: any Clock<Duration>

    /// - Parameters:
    ///   - attempts: how often a file is tried before the import gives up (default 8); progress starts the count anew.
    ///   - pause: the first pause between attempts; it doubles up to a minute.
    public init(
        client: HTTPClient, logger: Logger, attempts: Int = 8, pause: Duration = .seconds(1), clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.client = client
        self.logger = logger
        self.attempts = attempts
        self.pause = pause
        self.clock = clock
    }

    /// Imports what the selections want.
    ///
    /// - Parameter progress: called after each piece; it must not block.
    /// - Returns: the assets, all of them in the store.
    /// - Throws: `ImageImportError`; `CancellationError`.
    public func run(
        _ source: ImageSource, selections: [ImageSelection] = [.everything], into store: ContentStore,
        progress: @Sendable (ImageImportProgress) -> Void = { _ in }
    ) async throws -> [ImageAsset] {
        let assets = try await ImageStreamReader(client: self.client).assets(of: source, matching: selections)
        guard !assets.isEmpty else { throw ImageImportError(.nothingSelected, "\(source.location) has nothing of what was selected") }
        var state = ImageImportProgress(
            filesDone: 0, filesTotal: assets.count, bytesDone: 0, bytesTotal: assets.reduce(0) { $0 &+ $1.size }, current: "")
        for asset in assets {
            state.current = "\(asset.productName) \(asset.itemName)"
            let before = state.bytesDone
            if !store.contains(asset.digest, size: asset.size) {
                try await self.fetch(asset, from: source, into: store) { bytes in
                    state.bytesDone = before &+ bytes
                    progress(state)
                }
            }
            state.bytesDone = before &+ asset.size
            state.filesDone += 1
            progress(state)
        }
        return assets
    }

    private func fetch(_ asset: ImageAsset, from source: ImageSource, into store: ContentStore, progress: (Int64) -> Void) async throws {
        let url = source.url(of: asset.path)
        var failures = 0
        var last: Int64 = 0
        while true {
            let writer: ContentWriter
            do {
                writer = try await store.writer(for: asset.digest, size: asset.size)
            } catch let error as ContentStoreError {
                throw Self.failure(error, url)
            }
            do {
                try await self.fill(writer, from: url, progress: progress)
                try await writer.finish()
                self.logger.info("image file imported", metadata: ["image.path": "\(asset.path)", "image.bytes": "\(asset.size)"])
                return
            } catch let error as ContentStoreError where error.code == .incomplete {
                // The connection ended early without an error: as any lost connection
                await writer.abandon(keepingPartial: true)
                try self.countFailure(&failures, &last, writer.offset, ImageImportError(.unreachable, "\(url): \(error.message)"))
            } catch let error as ContentStoreError {
                await writer.abandon(keepingPartial: false)
                throw Self.failure(error, url)
            } catch let error as HTTPClientError {
                await writer.abandon(keepingPartial: error.code != .rangeRefused)
                guard Self.isTransient(error.code) else { throw ImageImportError(.unreachable, error.message) }
                try self.countFailure(&failures, &last, writer.offset, ImageImportError(.unreachable, error.message))
            }
            try await self.clock.sleep(for: min(self.pause * (1 << min(failures, 6)), .seconds(60)))
        }
    }

    /// Gives up after too many failures in a row without a new byte.
    private func countFailure(_ failures: inout Int, _ last: inout Int64, _ offset: Int64, _ error: ImageImportError) throws {
        failures = offset > last ? 1 : failures + 1
        last = max(last, offset)
        self.logger.warning("image file interrupted", metadata: ["error": "\(error.message)", "image.bytes": "\(offset)", "attempt": "\(failures)"])
        if failures >= self.attempts { throw error }
    }

    private func fill(_ writer: ContentWriter, from url: String, progress: (Int64) -> Void) async throws {
        let offset = writer.offset
        if let file = LocalFile(url: url) {
            try await file.read(from: offset) { piece in
                try await writer.append(piece)
                progress(writer.offset)
            }
            return
        }
        let answer = try await self.client.open(HTTPRequest(url: url), offset: offset)
        switch answer.status {
        case 200 where offset == 0, 206 where offset > 0: break
        case 200, 206, 416: throw HTTPClientError(.rangeRefused, "\(url): the server does not go on at byte \(offset) (status \(answer.status))")
        case 500...: throw HTTPClientError(.connectionLost, "\(url): status \(answer.status)")
        default: throw HTTPClientError(.refused, "\(url): status \(answer.status)")
        }
        for try await chunk in answer.body {
            try await writer.append(chunk)
            progress(writer.offset)
        }
    }

    private static func isTransient(_ code: HTTPClientError.Code) -> Bool {
        switch code {
        case .cannotResolve, .connectionRefused, .unreachable, .timedOut, .connectionLost, .rangeRefused: true
        default: false
        }
    }

    private static func failure(_ error: ContentStoreError, _ url: String) -> ImageImportError {
        let code: ImageImportError.Code =
            switch error.code {
            case .wrongDigest, .wrongSize, .incomplete: .wrongContent
            case .diskFull: .diskFull
            case .busy, .storageFailed: .storageFailed
            }
        return ImageImportError(code, "\(url): \(error.message)")
    }
}
