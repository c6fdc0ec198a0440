// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A UDP socket on loopback that takes everything and says nothing, as a hung BMC does.
final class SilentSocket: Sendable {
    private let descriptor: Int32
    let port: UInt16

    struct Failure: Error {
        var code: Int32
    }

    init() throws {
        let datagram: Int32 = 2
        self.descriptor = socket(AF_INET, datagram, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = self.descriptor
        let failure = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        self.port = UInt16(bigEndian: address.sin_port)
        guard failure == 0 else { throw Failure(code: errno) }
    }

    deinit {
        close(self.descriptor)
    }

    /// Waits until somebody has knocked.
    func waitForPacket() async throws {
        var byte: UInt8 = 0
        let doNotWait: Int32 = 0x40
        while unsafe recv(self.descriptor, &byte, 1, doNotWait) < 0 { try await Task.sleep(for: .milliseconds(10)) }
    }
}
