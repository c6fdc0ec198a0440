// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TFTP

/// A TFTP client as firmware has them: one socket, windows, and nothing done that a test does not ask for.
final class TFTPTestClient {
    struct Datagram {
        let packet: TFTPPacket
        let port: UInt16
        let address: String
    }

    private let descriptor: Int32
    /// Where replies of the transfer come from.
    private(set) var serverPort: UInt16 = 0

    init() throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard self.descriptor >= 0 else { throw FixtureError("no socket: errno \(errno)") }
        var size: Int32 = 4 << 20
        unsafe setsockopt(self.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit {
        close(self.descriptor)
    }

    /// The client's own port, after it has sent something.
    var localPort: Int? {
        var own = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = unsafe withUnsafeMutablePointer(to: &own) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(self.descriptor, $0, &length) }
        }
        return result == 0 ? Int(UInt16(bigEndian: own.sin_port)) : nil
    }

    func send(_ packet: TFTPPacket, to port: UInt16, address: String = "127.0.0.1") {
        self.send(packet.encoded, to: port, address: address)
    }

    func send(_ bytes: [UInt8], to port: UInt16, address: String = "127.0.0.1") {
        var to = sockaddr_in()
        to.sin_family = sa_family_t(AF_INET)
        to.sin_port = port.bigEndian
        unsafe inet_pton(AF_INET, address, &to.sin_addr)
        unsafe withUnsafePointer(to: &to) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = unsafe sendto(self.descriptor, bytes, bytes.count, 0, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// The next datagram; nil when none comes in time.
    func receive(within limit: Duration = .seconds(30)) async throws -> Datagram? {
        let deadline = ContinuousClock.now + limit
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            var from = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let count = unsafe withUnsafeMutablePointer(to: &from) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    unsafe recvfrom(self.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT), pointer, &length)
                }
            }
            if count >= 0 {
                var text = [CChar](repeating: 0, count: 16)
                unsafe inet_ntop(AF_INET, &from.sin_addr, &text, 16)
                self.serverPort = UInt16(bigEndian: from.sin_port)
                return Datagram(
                    packet: try TFTPPacket(decoding: Array(buffer[..<count])), port: self.serverPort,
                    address: String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
            guard ContinuousClock.now < deadline else { return nil }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    static func request(_ name: String, _ options: [(String, String)] = [], mode: TFTPRequest.Mode = .octet) -> TFTPPacket {
        .readRequest(TFTPRequest(filename: name, mode: mode, options: options.map { TFTPOption(name: $0.0, value: $0.1) }))
    }

    /// Reads a whole file in windows, or the part of it until `stopAfter` blocks were acknowledged.
    func read(
        _ name: String, from port: UInt16, address: String = "127.0.0.1", blockSize: Int, windowSize: Int, stopAfter: UInt64 = .max
    ) async throws -> (bytes: [UInt8], blocks: UInt64) {
        let request = Self.request(name, [("blksize", "\(blockSize)"), ("windowsize", "\(windowSize)")])
        var answer: TFTPPacket?
        for _ in 0..<60 where answer == nil {
            self.send(request, to: port, address: address)
            answer = try await self.receive(within: .seconds(1))?.packet
        }
        guard case .optionAcknowledgement? = answer else { throw FixtureError("no option acknowledgement but \(String(describing: answer))") }
        self.send(.acknowledgement(block: 0), to: self.serverPort, address: address)
        return try await self.goOn(after: 0, address: address, blockSize: blockSize, windowSize: windowSize, stopAfter: stopAfter)
    }

    /// Reads on after the block that was acknowledged last.
    func goOn(
        after last: UInt64, address: String = "127.0.0.1", blockSize: Int, windowSize: Int, stopAfter: UInt64 = .max
    ) async throws -> (bytes: [UInt8], blocks: UInt64) {
        var (bytes, block, inWindow): ([UInt8], UInt64, Int) = ([], last, 0)
        while block < stopAfter {
            guard let datagram = try await self.receive() else { throw FixtureError("silence after block \(block)") }
            if case .optionAcknowledgement = datagram.packet {
                // Repeated, or the one that was meant, after a late one of a former transfer.
                if block == 0 { self.send(.acknowledgement(block: 0), to: datagram.port, address: address) }
                continue
            }
            guard case .data(let number, let payload) = datagram.packet else { throw FixtureError("\(datagram.packet)") }
            guard number == UInt16(truncatingIfNeeded: block + 1) else { continue }
            block += 1
            inWindow += 1
            bytes += payload
            let isLast = payload.count < blockSize
            if isLast || inWindow == windowSize {
                inWindow = 0
                self.send(.acknowledgement(block: number), to: datagram.port, address: address)
            }
            if isLast { break }
        }
        return (bytes, block)
    }
}
