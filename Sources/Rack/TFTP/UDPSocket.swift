// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import CSys
import Domain
import Glibc

/// The two ends of a datagram's way.
struct UDPPath: Hashable {
    var peer: IPAddress
    var peerPort: UInt16
    /// The interface that a link-local peer is on; 0 for others.
    var scope: UInt32 = 0
    /// What the peer sent to, and what answers must come from.
    var local: IPAddress
}

/// A bound, non-blocking UDP socket that knows the local address of each datagram.
final class UDPSocket: Sendable {
    /// The most datagrams in one system call.
    private static let maximumBatch = 64

    let descriptor: Int32
    let port: UInt16

    /// - Parameter sendBufferOctets: What the kernel may hold of datagrams that are not on the wire yet.
    init(address: IPAddress?, port: UInt16, sendBufferOctets: Int) throws {
        let descriptor = csys_udp_open(Self.number(address?.mapped ?? .unspecified), port, Int32(clamping: sendBufferOctets))
        guard descriptor >= 0 else {
            let reason = unsafe String(cString: strerror(-descriptor))
            throw TFTPServiceError(.socketFailed, "UDP \(address?.urlHost ?? "[::]"):\(port) cannot be opened: \(reason)")
        }
        self.descriptor = descriptor
        self.port = UInt16(clamping: csys_udp_port(descriptor))
    }

    deinit {
        _ = close(self.descriptor)
    }

    /// Reads one datagram; nil when none is there.
    func receive(into buffer: inout [UInt8]) -> (count: Int, path: UDPPath)? {
        var path = CSysUDPPath()
        let count = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            unsafe csys_udp_receive(self.descriptor, buffer.baseAddress, buffer.count, &path)
        }
        guard count >= 0 else { return nil }
        let sender = UDPPath(
            peer: Self.address(path.peer_address), peerPort: path.peer_port, scope: path.scope, local: Self.address(path.local_address)
        )
        return (min(count, buffer.count), sender)
    }

    /// Sends one datagram. What the kernel does not take is lost, as on any network.
    func send(_ datagram: [UInt8], to path: UDPPath) {
        var route = Self.route(path)
        _ = unsafe datagram.withUnsafeBufferPointer { unsafe csys_udp_send(self.descriptor, $0.baseAddress, $0.count, &route) }
    }

    /// Sends `count` blocks with the octets of `content`, from block number `first` on, in as few system calls as the kernel allows.
    ///
    /// - Parameter offload: Whether the kernel may cut up one large datagram; it becomes false where it cannot.
    func send(_ content: UnsafeRawBufferPointer, first: UInt64, blockSize: Int, count: Int, to path: UDPPath, offload: inout Bool) {
        guard content.count <= count * blockSize else { return }
        var route = Self.route(path)
        var mayOffload: Int32 = offload ? 1 : 0
        var done = 0
        while done < count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: content.dropFirst(done * blockSize))
            let batch = min(Self.maximumBatch, count - done)
            let sent = unsafe csys_tftp_send(
                self.descriptor, &route, rest.baseAddress?.assumingMemoryBound(to: UInt8.self), min(rest.count, batch * blockSize),
                UInt16(truncatingIfNeeded: first + UInt64(done)), UInt32(clamping: blockSize), Int32(batch), &mayOffload
            )
            guard sent > 0 else { break }
            done += Int(sent)
        }
        offload = mayOffload != 0
    }

    private static func route(_ path: UDPPath) -> CSysUDPPath {
        CSysUDPPath(
            peer_address: Self.number(path.peer.mapped), local_address: Self.number(path.local.mapped), scope: path.scope, peer_port: path.peerPort
        )
    }

    private static func number(_ address: IPv6Address) -> CSysIPv6Address {
        CSysIPv6Address(high: address.high, low: address.low)
    }

    private static func address(_ number: CSysIPv6Address) -> IPAddress {
        IPAddress(mapped: IPv6Address(high: number.high, low: number.low))
    }
}
