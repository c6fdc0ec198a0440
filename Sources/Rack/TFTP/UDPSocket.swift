// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import CSys
import Domain
import Glibc

/// The two ends of a datagram's way.
struct UDPPath: Hashable {
    var peer: IPv4Address
    var peerPort: UInt16
    /// What the peer sent to, and what answers must come from.
    var local: IPv4Address
}

/// A bound, non-blocking UDP socket that knows the local address of each datagram.
final class UDPSocket: Sendable {
    /// The most datagrams in one `send`.
    static let maximumBatch = 64

    let descriptor: Int32
    let port: UInt16

    /// - Parameter sendBufferOctets: What the kernel may hold of datagrams that are not on the wire yet.
    init(address: IPv4Address?, port: UInt16, sendBufferOctets: Int) throws {
        let descriptor = csys_udp_open(address?.rawValue ?? 0, port, Int32(clamping: sendBufferOctets))
        guard descriptor >= 0 else {
            let reason = unsafe String(cString: strerror(-descriptor))
            throw TFTPServiceError(.socketFailed, "UDP \(address.map { "\($0)" } ?? "0.0.0.0"):\(port) cannot be opened: \(reason)")
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
            peer: IPv4Address(rawValue: path.peer_address), peerPort: path.peer_port, local: IPv4Address(rawValue: path.local_address)
        )
        return (min(count, buffer.count), sender)
    }

    /// Sends datagrams that begin `stride` octets apart. What the kernel does not take is lost, as on any network.
    func send(_ buffer: [UInt8], stride: Int, lengths: [UInt32], to path: UDPPath) {
        guard !lengths.isEmpty, lengths.count <= Self.maximumBatch, stride >= 0,
            (lengths.count - 1) * stride + Int(lengths[lengths.count - 1]) <= buffer.count
        else { return }
        var route = CSysUDPPath(peer_address: path.peer.rawValue, local_address: path.local.rawValue, peer_port: path.peerPort)
        unsafe buffer.withUnsafeBufferPointer { buffer in
            unsafe lengths.withUnsafeBufferPointer { lengths in
                guard let octets = buffer.baseAddress, let counts = lengths.baseAddress else { return }
                var done = 0
                while done < lengths.count {
                    let sent = unsafe csys_udp_send(
                        self.descriptor, octets + done * stride, stride, counts + done, Int32(lengths.count - done), &route
                    )
                    guard sent > 0 else { return }
                    done += Int(sent)
                }
            }
        }
    }

    /// Sends one datagram.
    func send(_ datagram: [UInt8], to path: UDPPath) {
        self.send(datagram, stride: 0, lengths: [UInt32(clamping: datagram.count)], to: path)
    }
}
