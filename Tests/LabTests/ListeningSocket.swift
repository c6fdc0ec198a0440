// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Glibc

/// A TCP socket that can be connected to.
final class ListeningSocket: Sendable {
    private let descriptor: Int32
    let port: UInt16

    struct Failure: Error {
        var code: Int32
    }

    init(_ host: IPv4Address) throws {
        let stream: Int32 = 1
        self.descriptor = socket(AF_INET, stream, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = host.rawValue.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = self.descriptor
        let failure = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard unsafe bind(descriptor, address, length) == 0, listen(descriptor, 8) == 0 else { return Int32(-1) }
                return unsafe getsockname(descriptor, address, &length)
            }
        }
        self.port = UInt16(bigEndian: address.sin_port)
        guard failure == 0 else { throw Failure(code: errno) }
    }

    deinit {
        close(self.descriptor)
    }
}
