// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import TFTP
import Testing
import Transfers

/// Transfers over a simulated network that loses, repeats and delays, to clients of the kinds that exist.
@Suite struct TransferSimulationTests {
    enum ClientKind: CaseIterable {
        /// EDK2: acknowledges what it has for each block that it did not expect, and asks again after 4 s.
        case edk2
        /// iPXE: one block at a time, acknowledges what it has for each block, and asks again after 0.25 s, doubling.
        case ipxe
        /// GRUB: acknowledges old blocks by their number, ignores later ones, and never asks again.
        case grub
    }

    struct Client {
        let kind: ClientKind
        let blockSize: Int
        let windowSize: Int
        var received: UInt64 = 0
        var inWindow = 0
        var octets: UInt64 = 0
        var isDone = false

        /// The acknowledgement that a block causes, if any.
        mutating func take(block: UInt64, length: Int) -> UInt64? {
            guard block == self.received + 1 else {
                switch self.kind {
                case .edk2, .ipxe:
                    self.inWindow = 0
                    return self.received
                case .grub: return block <= self.received ? block : nil
                }
            }
            self.received = block
            self.octets += UInt64(length)
            self.inWindow += 1
            if length < self.blockSize { self.isDone = true }
            guard self.isDone || self.inWindow >= self.windowSize else { return nil }
            self.inWindow = 0
            return block
        }
    }

    private enum Item {
        case block(UInt64)
        case acknowledgement(UInt64)
        case clientTimer(received: UInt64)
    }

    struct Faults {
        var lossPercent = 0
        var duplicatePercent = 0
        var delayPercent = 0
        /// Blocks that the client can hold; it works through one in 0.1 ms, and what does not fit is lost.
        var receiveQueue = Int.max
    }

    /// Runs one transfer to its end.
    ///
    /// - Returns: How it ended, the octets the client has, and the blocks that were sent for them.
    static func run(
        size: UInt64, kind: ClientKind, window: Int, faults: Faults, seed: UInt64
    ) -> (outcome: TransferOutcome?, octets: UInt64, blocksSent: UInt64, blocksNeeded: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let options = [TFTPOption(name: "blksize", value: "1024"), TFTPOption(name: "windowsize", value: "\(window)")]
        var transfer = ReadTransfer(
            size: size, request: TFTPRequest(filename: "f", options: options), configuration: ReadTransferConfiguration())
        var client = Client(kind: kind, blockSize: 1024, windowSize: window)
        var queue: [(at: Duration, Item)] = []
        var now = Duration.zero
        var sent: UInt64 = 0
        var outcome: TransferOutcome?
        var busyUntil = Duration.zero

        func post(_ item: Item, after delay: Duration) {
            let at = now + delay
            queue.insert((at, item), at: queue.firstIndex { $0.at > at } ?? queue.count)
        }
        func deliver(_ item: Item) {
            if case .block = item, faults.receiveQueue < .max {
                let work = Duration.microseconds(100)
                guard busyUntil - now < work * faults.receiveQueue else { return }
                busyUntil = max(busyUntil, now) + work
                return post(item, after: busyUntil - now)
            }
            func happens(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }
            guard !happens(faults.lossPercent) else { return }
            for _ in 0..<(happens(faults.duplicatePercent) ? 2 : 1) {
                post(item, after: .microseconds(200) + (happens(faults.delayPercent) ? .milliseconds(5) : .zero))
            }
        }
        func perform(_ effects: [ReadTransfer.Effect]) {
            for effect in effects {
                switch effect {
                case .sendOptionAcknowledgement: deliver(.block(0))
                case .sendBlocks(let first, let count):
                    for block in first..<first + UInt64(count) {
                        sent += 1
                        deliver(.block(block))
                    }
                case .sendError: break
                case .finished(let result): outcome = result
                }
            }
        }
        perform(transfer.handle(.started, now: now))
        if kind != .grub { post(.clientTimer(received: 0), after: .seconds(kind == .edk2 ? 4 : 1)) }
        while outcome == nil, sent < 100_000 {
            if let deadline = transfer.deadline, queue.first.map({ $0.at > deadline }) ?? true {
                now = deadline
                perform(transfer.handle(.timerFired, now: now))
                continue
            }
            guard !queue.isEmpty else { break }
            let (at, item) = queue.removeFirst()
            now = at
            switch item {
            case .block(0):
                deliver(.acknowledgement(0))
            case .block(let block):
                if let answer = client.take(block: block, length: transfer.length(ofBlock: block)) { deliver(.acknowledgement(answer)) }
            case .acknowledgement(let block):
                perform(transfer.handle(.received(.acknowledgement(block: UInt16(truncatingIfNeeded: block))), now: now))
            case .clientTimer(let received):
                if client.received == received, !client.isDone { deliver(.acknowledgement(received)) }
                if !client.isDone { post(.clientTimer(received: client.received), after: .seconds(kind == .edk2 ? 4 : 1)) }
            }
        }
        return (outcome, client.octets, sent, transfer.lastBlock)
    }

    @Test(arguments: ClientKind.allCases, [1, 4, 16])
    func `transfers survive loss, repetition and delay`(kind: ClientKind, window: Int) {
        guard kind != .grub || window == 1, kind != .ipxe || window == 1 else { return }
        for seed in 0..<10 as Range<UInt64> {
            let faults = Faults(lossPercent: 8, duplicatePercent: 8, delayPercent: 8)
            let result = Self.run(size: 200_000, kind: kind, window: window, faults: faults, seed: seed)
            #expect(result.outcome?.isSuccess == true, "seed \(seed): \(String(describing: result.outcome))")
            #expect(result.octets == 200_000, "seed \(seed)")
            #expect(result.blocksSent <= 5 * result.blocksNeeded, "seed \(seed): \(result.blocksSent) for \(result.blocksNeeded)")
        }
    }

    @Test(arguments: [1, 4, 16])
    func `duplicates on the way do not breed duplicates`(window: Int) {
        // Every datagram arrives twice. A server that answered each acknowledgement would send for ever growing crowds.
        for kind in [ClientKind.edk2, .ipxe] {
            let result = Self.run(
                size: 500_000, kind: kind, window: window, faults: Faults(duplicatePercent: 100), seed: UInt64(window))
            #expect(result.outcome == .completed)
            #expect(result.blocksSent <= 2 * result.blocksNeeded, "\(kind): \(result.blocksSent) blocks for \(result.blocksNeeded)")
        }
    }

    @Test(arguments: [4, 8, 16]) func `a client that cannot hold a window is not drowned in it`(queue: Int) {
        let result = Self.run(size: 4_000_000, kind: .edk2, window: 32, faults: Faults(receiveQueue: queue), seed: 1)
        #expect(result.outcome == .completed && result.octets == 4_000_000)
        #expect(result.blocksSent * 2 <= result.blocksNeeded * 3, "\(result.blocksSent) blocks for \(result.blocksNeeded)")
    }

    @Test func `a clean network needs each block once`() {
        let result = Self.run(size: 2_000_000, kind: .edk2, window: 16, faults: Faults(), seed: 1)
        #expect(result.outcome == .completed)
        #expect(result.blocksSent == result.blocksNeeded)
    }
}
