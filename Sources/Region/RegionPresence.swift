// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Glibc
internal import Logging
internal import PostgresStorage

/// Shows this region among the controllers.
struct RegionPresence: Sendable {
    var store: Store
    var region: SystemID
    var logger: Logger

    func run() async {
        repeat {
            do {
                let now = WallClock.now
                let controller = Controller(
                    id: self.region, kind: .region, hostname: Self.hostname, softwareVersion: RegionDaemon.softwareVersion, interfaces: [],
                    firstSeen: now, lastSeen: now, connected: true
                )
                try await self.store.transaction { try await $0.upsert(controller) }
            } catch {
                self.logger.warning("region presence not stored", metadata: ["error": "\(error)"])
            }
        } while (try? await Task.sleep(for: .seconds(60))) != nil  // cancelled: the region stops
    }

    static var hostname: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "region" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
