// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPClient
internal import Images
internal import Logging
internal import PostgresStorage
internal import RegionAPI
internal import Synchronization

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// Imports images from the boot sources into this region's folder: at start, each hour, and when asked.
final class ImageService: Sendable {
    private let store: Store
    private let content: ContentStore
    private let directory: String
    private let logger: Logger
    private let bell = Doorbell()
    private struct State {
        var isRequested = false
        var task: Task<Void, Never>?
        var progress: ImportProgress?
    }
    private let state = Mutex(State())
    private static let period = Duration.seconds(3600)

    init(store: Store, directory: String, logger: Logger) throws {
        self.store = store
        self.content = try ContentStore(directory: directory)
        self.directory = directory
        self.logger = logger
    }

    var isImporting: Bool { self.state.withLock { $0.isRequested || $0.task != nil } }

    /// How far the running import is; nil before the first file.
    var progress: ImportProgress? { self.state.withLock { $0.progress } }

    func requestImport() {
        self.state.withLock { $0.isRequested = true }
        self.bell.ring()
    }

    func stopImport() { self.state.withLock { $0.task?.cancel() } }

    func path(sha256: String) -> String? {
        guard let digest = ContentDigest(hex: sha256), self.content.contains(digest) else { return nil }
        return self.content.path(of: digest)
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while (try? await Task.sleep(for: Self.period)) != nil { self.bell.ring() }  // cancelled: the region stops
            }
            self.bell.ring()
            for await _ in self.bell.rings {
                // A task of its own, so that an operator can stop this import without stopping the service.
                let task = Task { await self.importAll() }
                self.state.withLock { $0 = State(isRequested: false, task: task) }
                await withTaskCancellationHandler {
                    await task.value
                } onCancel: {
                    task.cancel()
                }
                self.state.withLock {
                    $0.task = nil
                    $0.progress = nil
                }
            }
            group.cancelAll()
        }
    }

    private func importAll() async {
        do {
            for source in try await self.store.read({ try await $0.bootSources() }) {
                do {
                    try await self.importImages(from: source)
                } catch is CancellationError {
                    await self.report("Image import stopped", "\(source.url)", .warning)
                } catch {
                    await self.report("Image import failed", "\(source.url): \(error)", .error)
                }
            }
        } catch {
            self.logger.warning("boot sources not read", metadata: ["error": "\(error)"])
        }
    }

    private func importImages(from source: BootSource) async throws {
        let client = HTTPClient()
        let origin = ImageSource(location: source.url, verification: try self.verification(of: source))
        let assets = try await ImageStreamReader(client: client).assets(of: origin, matching: [.everything])
        let wanted = assets.compactMap { $0.bootAsset(complete: $0.isStored(in: self.content)) }
        try await self.store.transaction { try await $0.upsert(wanted) }
        let missing = wanted.filter { !$0.complete }
        guard !missing.isEmpty else { return }
        let bytes = missing.reduce(0) { $0 &+ $1.sizeBytes }
        await self.report("Image import started", "\(source.url): \(missing.count) files, \(bytes / 1_000_000) MB", .info)
        let store = self.store
        let imported = try await ImageImporter(client: client, logger: self.logger).run(origin, selections: [.everything], into: self.content) {
            progress in
            self.state.withLock {
                $0.progress = ImportProgress(
                    filesDone: progress.filesDone, filesTotal: progress.filesTotal, bytesDone: progress.bytesDone,
                    bytesTotal: progress.bytesTotal, current: progress.current)
            }
        }
        let complete = imported.compactMap { $0.bootAsset(complete: true) }
        try await store.transaction { try await $0.upsert(complete) }
        await self.report("Image import finished", "\(source.url): \(complete.count) files", .info)
    }

    private func verification(of source: BootSource) throws -> ImageSource.Verification {
        if source.allowUnsigned { return .allowUnsigned }
        let path = "\(self.directory)/keyring-\(source.id).gpg"
        try Data(source.keyring).write(to: URL(filePath: path))
        return .keyring(path: path)
    }

    private func report(_ type: String, _ description: String, _ level: EventLevel) async {
        self.logger.notice("\(type)", metadata: ["detail": "\(description)"])
        do {
            let event = Event(machineID: nil, level: level, source: .image, type: type, description: description, occurred: WallClock.now)
            try await self.store.transaction { try await $0.append([event]) }
        } catch {
            self.logger.warning("event not stored", metadata: ["error": "\(error)"])
        }
    }
}

extension ImageAsset {
    /// Whether the whole file is there.
    func isStored(in store: ContentStore) -> Bool {
        store.contains(self.digest, size: self.size)
    }
}
