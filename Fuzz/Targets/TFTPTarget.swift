// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import TFTP
import Transfers

/// One datagram on UDP port 69, and, when it asks for a file, a whole transfer whose client acknowledges the input's own bytes.
enum TFTPTarget: FuzzTarget {
    static let name = "tftp"

    static func take(_ input: [UInt8]) {
        guard let packet = try? TFTPPacket(decoding: input) else { return }
        Self.checkRoundTrip(packet)
        guard case .readRequest(let request) = packet else { return }
        if let path = BootPath.normalised(request.filename) { Self.checkPath(path) }
        for size in [0, 511, 512, 100_000, 1 << 40] as [UInt64] {
            Self.transfer(size: size, request: request, acknowledgements: input)
        }
    }

    /// What was read is written so that it is read again.
    private static func checkRoundTrip(_ packet: TFTPPacket) {
        let bytes = packet.encoded
        guard let again = try? TFTPPacket(decoding: bytes) else {
            // Octets that are not UTF-8 grow when they are replaced.
            precondition(bytes.count > TFTPPacket.maximumRequestLength, "\(packet) cannot be read again")
            return
        }
        if case .error = packet {
            precondition(bytes.count <= 4 + TFTPPacket.maximumMessageLength + 1)
        } else {
            precondition(again == packet, "\(packet) became \(again)")
        }
    }

    /// No name leads out of the tree.
    static func checkPath(_ path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        precondition(!path.isEmpty && parts.allSatisfy { !$0.isEmpty && $0 != ".." && $0 != "." }, "the path '\(path)'")
        precondition(path.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }, "the path '\(path)'")
    }

    private static func transfer(size: UInt64, request: TFTPRequest, acknowledgements: [UInt8]) {
        let configuration = ReadTransferConfiguration()
        var transfer = ReadTransfer(size: size, request: request, configuration: configuration)
        precondition((8...configuration.maximumBlockSize).contains(transfer.terms.blockSize))
        precondition((1...configuration.maximumWindowSize).contains(transfer.terms.windowSize))
        var now = Duration.zero
        var blocksSent = 0
        var acknowledged: UInt64 = 0
        func carryOut(_ effects: [ReadTransfer.Effect]) {
            for effect in effects {
                guard case .sendBlocks(let first, let count) = effect else { continue }
                blocksSent += count
                precondition(first >= 1 && count >= 1 && count <= transfer.terms.windowSize, "\(count) blocks from \(first)")
                let last = first + UInt64(count) - 1
                precondition(last <= transfer.lastBlock && transfer.offset(ofBlock: last) + UInt64(transfer.length(ofBlock: last)) <= size)
            }
            precondition(transfer.acknowledgedBlock >= acknowledged && transfer.acknowledgedBlock <= transfer.lastBlock)
            acknowledged = transfer.acknowledgedBlock
        }
        carryOut(transfer.handle(.started, now: now))
        var packetsReceived = 1
        for pair in stride(from: 0, to: acknowledgements.count - 1, by: 2) where !transfer.isFinished {
            let (high, low) = (acknowledgements[pair], acknowledgements[pair + 1])
            packetsReceived += 1
            switch (high, low) {
            case (0x2F, _):
                now += .seconds(Int(low))
                carryOut(transfer.handle(.timerFired, now: now))
            case (0x2E, _):
                now += .milliseconds(Int(low))
                carryOut(
                    transfer.handle(
                        .received(.acknowledgement(block: UInt16(truncatingIfNeeded: transfer.acknowledgedBlock + UInt64(low)))), now: now))
            default:
                carryOut(transfer.handle(.received(.acknowledgement(block: UInt16(high) << 8 | UInt16(low))), now: now))
            }
        }
        // One packet from a client is never worth more than a window.
        precondition(blocksSent <= packetsReceived * transfer.terms.windowSize, "\(blocksSent) blocks for \(packetsReceived) packets")
        if !transfer.isFinished {
            precondition(transfer.deadline != nil, "a transfer that waits for ever")
            precondition(transfer.handle(.stopped, now: now) == [.finished(.stopped)] && transfer.deadline == nil)
        }
        precondition(transfer.handle(.received(.acknowledgement(block: 1)), now: now).isEmpty, "an answer after the end")
    }
}
