// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Whether a process that listened is gone: its host is there, and refuses connections to the port.
enum PeerDeath {
    /// One try may be lost, and a process that ends closes its links before its listener: so there are five. A host that answers with anything
    /// but a refusal proves nothing.
    private static let tries = 5
    private static let pause = Duration.milliseconds(20)

    static func isProven(host: String, port: Int) async -> Bool {
        for attempt in 0..<Self.tries {
            if attempt > 0, (try? await Task.sleep(for: Self.pause)) == nil { return false }  // cancelled: the rack stops
            if await Self.isRefused(host: host, port: port) { return true }
        }
        return false
    }

    private static func isRefused(host: String, port: Int) async -> Bool {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(.milliseconds(200))
                .connect(host: host, port: port).get()
            channel.close(promise: nil)
            return false
        } catch let error as NIOConnectionError {
            return error.connectionErrors.contains { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }
        } catch {
            return (error as? IOError)?.errnoCode == ECONNREFUSED
        }
    }
}
