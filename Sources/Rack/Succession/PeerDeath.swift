// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Whether a process that listened is gone: its host is there, and refuses connections to the port.
enum PeerDeath {
    /// One try may be lost, so there are three; a host that answers with anything but a refusal proves nothing.
    private static let tries = 3
    private static let pause = Duration.milliseconds(20)

    static func isProven(host: String, port: Int) async -> Bool {
        for attempt in 0..<Self.tries {
            if attempt > 0, (try? await Task.sleep(for: Self.pause)) == nil { return false }  // cancelled: the rack stops
            switch await Self.knock(host: host, port: port) {
            case .refused: return true
            case .open: return false
            case .silent: continue
            }
        }
        return false
    }

    private enum Answer { case refused, open, silent }

    private static func knock(host: String, port: Int) async -> Answer {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(.milliseconds(200))
                .connect(host: host, port: port).get()
            channel.close(promise: nil)
            return .open
        } catch let error as NIOConnectionError {
            let isRefused = error.connectionErrors.contains { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }
            return isRefused ? .refused : .silent
        } catch let error as IOError {
            return error.errnoCode == ECONNREFUSED ? .refused : .silent
        } catch {
            return .silent
        }
    }
}
