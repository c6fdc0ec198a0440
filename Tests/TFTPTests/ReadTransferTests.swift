// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import TFTP
import Testing
import Transfers

@Suite struct ReadTransferTests {
    static func request(_ options: [(String, String)] = [], mode: TFTPRequest.Mode = .octet) -> TFTPRequest {
        TFTPRequest(filename: "f", mode: mode, options: options.map { TFTPOption(name: $0.0, value: $0.1) })
    }

    static func transfer(
        size: UInt64, _ options: [(String, String)] = [], configuration: ReadTransferConfiguration = ReadTransferConfiguration()
    ) -> ReadTransfer {
        ReadTransfer(size: size, request: Self.request(options), configuration: configuration)
    }

    static func acknowledge(_ block: UInt16) -> ReadTransfer.Event { .received(.acknowledgement(block: block)) }

    @Test func `a request without options begins with block 1 and ends with a short block`() {
        var transfer = Self.transfer(size: 1000)
        #expect(transfer.handle(.started, now: .zero) == [.sendBlocks(first: 1, count: 1)])
        #expect(transfer.offset(ofBlock: 1) == 0 && transfer.length(ofBlock: 1) == 512)
        #expect(transfer.handle(Self.acknowledge(1), now: .milliseconds(1)) == [.sendBlocks(first: 2, count: 1)])
        #expect(transfer.offset(ofBlock: 2) == 512 && transfer.length(ofBlock: 2) == 488)
        #expect(transfer.handle(Self.acknowledge(2), now: .milliseconds(2)) == [.finished(.completed)])
        #expect(transfer.acknowledgedBytes == 1000 && transfer.deadline == nil && transfer.isFinished)
        #expect(transfer.handle(Self.acknowledge(2), now: .milliseconds(3)).isEmpty)
    }

    @Test(arguments: [(0, 1, 0), (511, 1, 511), (512, 2, 0), (1024, 3, 0)])
    func `a file that fills its blocks ends with an empty one`(size: UInt64, blocks: UInt64, last: Int) {
        let transfer = Self.transfer(size: size)
        #expect(transfer.lastBlock == blocks)
        #expect(transfer.length(ofBlock: blocks) == last)
    }

    @Test func `options are agreed to within the limits, and unknown or senseless ones left out`() {
        let (terms, accepted) = TransferTerms.agree(
            to: Self.request([
                ("BLKSIZE", "65464"), ("windowsize", "65535"), ("timeout", "0"), ("tsize", "0"), ("multicast", ""), ("utimeout", "1"),
            ]), size: 77, configuration: ReadTransferConfiguration())
        #expect(terms == TransferTerms(blockSize: 1468, windowSize: 32, timeoutSeconds: nil))
        #expect(
            accepted == [
                TFTPOption(name: "BLKSIZE", value: "1468"), TFTPOption(name: "windowsize", value: "32"), TFTPOption(name: "tsize", value: "77"),
            ])
        let big = ReadTransferConfiguration(maximumBlockSize: 65464)
        #expect(TransferTerms.agree(to: Self.request([("blksize", "65464")]), size: 1, configuration: big).terms.blockSize == 65464)
        let senseless = Self.request([("blksize", "7"), ("windowsize", "0"), ("timeout", "256"), ("tsize", "x")])
        #expect(TransferTerms.agree(to: senseless, size: 1, configuration: big).accepted.isEmpty)
        #expect(TransferTerms.agree(to: senseless, size: 1, configuration: big).terms == .plain)
        let text = TransferTerms.agree(to: Self.request([("tsize", "0")], mode: .netascii), size: 1, configuration: big)
        #expect(text.accepted.isEmpty)
    }

    @Test func `options are acknowledged before the first block`() {
        var transfer = Self.transfer(size: 3000, [("blksize", "1468"), ("tsize", "0")])
        let options = [TFTPOption(name: "blksize", value: "1468"), TFTPOption(name: "tsize", value: "3000")]
        #expect(transfer.handle(.started, now: .zero) == [.sendOptionAcknowledgement(options)])
        #expect(transfer.handle(.started, now: .zero).isEmpty)
        // The client did not see it and asks again.
        #expect(
            transfer.handle(.received(.readRequest(Self.request())), now: .zero) == [.sendOptionAcknowledgement(options)])
        #expect(transfer.handle(Self.acknowledge(1), now: .zero).isEmpty)
        #expect(transfer.handle(Self.acknowledge(0), now: .zero) == [.sendBlocks(first: 1, count: 1)])
    }

    @Test func `EDK2 asks for the size, leaves with error 8 and comes again`() {
        var probe = Self.transfer(size: 9, [("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")])
        _ = probe.handle(.started, now: .zero)
        let refusal = TFTPPacket.error(.optionsRefused, message: "User aborted the transfer")
        #expect(probe.handle(.received(refusal), now: .zero) == [.finished(.sizeAsked)])
        #expect(TransferOutcome.sizeAsked.isSuccess)
        var other = Self.transfer(size: 9, [("blksize", "1468")])
        _ = other.handle(.started, now: .zero)
        #expect(
            other.handle(.received(refusal), now: .zero)
                == [.finished(.abortedByClient(.optionsRefused, message: "User aborted the transfer"))])
    }

    @Test func `repeated acknowledgements of a lock-step transfer are not answered`() {
        // RFC 1123, section 4.2.3.1: the Sorcerer's Apprentice.
        var transfer = Self.transfer(size: 5000)
        _ = transfer.handle(.started, now: .zero)
        #expect(transfer.handle(Self.acknowledge(1), now: .zero) == [.sendBlocks(first: 2, count: 1)])
        for _ in 0..<5 { #expect(transfer.handle(Self.acknowledge(1), now: .zero).isEmpty) }
        #expect(transfer.handle(Self.acknowledge(0), now: .zero).isEmpty)
        #expect(transfer.handle(Self.acknowledge(3), now: .zero).isEmpty)
        #expect(transfer.handle(Self.acknowledge(2), now: .zero) == [.sendBlocks(first: 3, count: 1)])
    }

    @Test func `a window is sent at once, and a gap is filled from the block after it`() {
        var transfer = Self.transfer(size: 512 * 20, [("windowsize", "4")])
        _ = transfer.handle(.started, now: .zero)
        #expect(transfer.handle(Self.acknowledge(0), now: .zero) == [.sendBlocks(first: 1, count: 4)])
        #expect(transfer.handle(Self.acknowledge(4), now: .zero) == [.sendBlocks(first: 5, count: 4)])
        // Block 6 was lost: the client acknowledges 5, once for each block behind the gap. The window now comes in two bursts.
        #expect(transfer.handle(Self.acknowledge(5), now: .zero) == [.sendBlocks(first: 6, count: 2)])
        #expect(transfer.handle(Self.acknowledge(5), now: .zero).isEmpty)
        #expect(Self.pause(&transfer) == [.sendBlocks(first: 8, count: 2)])
        #expect(transfer.handle(Self.acknowledge(9), now: .zero) == [.sendBlocks(first: 10, count: 2)])
        #expect(Self.pause(&transfer) == [.sendBlocks(first: 12, count: 2)])
        // Blocks were sent twice lately, so these signs are not believed; but the window moves on with the client.
        #expect(transfer.handle(Self.acknowledge(9), now: .zero).isEmpty)
        #expect(transfer.handle(Self.acknowledge(11), now: .zero) == [.sendBlocks(first: 14, count: 2)])
        #expect(transfer.handle(Self.acknowledge(15), now: .zero) == [.sendBlocks(first: 16, count: 2)])
        #expect(Self.pause(&transfer) == [.sendBlocks(first: 18, count: 2)])
        // A window later they are again: the first block of the window was lost. But only once.
        #expect(transfer.handle(Self.acknowledge(15), now: .zero) == [.sendBlocks(first: 16, count: 1)])
        #expect(transfer.handle(Self.acknowledge(15), now: .zero).isEmpty)
        for block in 17...19 as ClosedRange<UInt64> { #expect(Self.pause(&transfer) == [.sendBlocks(first: block, count: 1)]) }
        #expect(transfer.handle(Self.acknowledge(19), now: .zero) == [.sendBlocks(first: 20, count: 1)])
        #expect(Self.pause(&transfer) == [.sendBlocks(first: 21, count: 1)])
        #expect(transfer.handle(Self.acknowledge(21), now: .zero) == [.finished(.completed)])
    }

    /// What follows when nothing happens until the deadline, which must be a pause and not a retransmission.
    static func pause(_ transfer: inout ReadTransfer) -> [ReadTransfer.Effect] {
        let (before, deadline) = (transfer.retransmissionCount, transfer.deadline ?? .zero)
        #expect(deadline <= .milliseconds(50))
        defer { #expect(transfer.retransmissionCount == before) }
        return transfer.handle(.timerFired, now: deadline)
    }

    @Test func `bursts grow again while nothing is lost`() {
        var transfer = Self.transfer(size: 512 * 400, [("windowsize", "16")])
        _ = transfer.handle(.started, now: .zero)
        _ = transfer.handle(Self.acknowledge(0), now: .zero)
        #expect(transfer.handle(Self.acknowledge(3), now: .zero) == [.sendBlocks(first: 4, count: 8)])
        _ = Self.pause(&transfer)
        var (acknowledged, bursts): (UInt16, [Int]) = (19, [])
        for _ in 0..<6 {
            var count = 0
            if case .sendBlocks(_, let first)? = transfer.handle(Self.acknowledge(acknowledged), now: .zero).first {
                bursts.append(first)
                count = first
            }
            while count < 16, case .sendBlocks(_, let more)? = Self.pause(&transfer).first { count += more }
            acknowledged += 16
        }
        #expect(bursts == [8, 10, 12, 14, 16, 16])
    }

    @Test(arguments: [[], [("tsize", "0"), ("blksize", "1468"), ("windowsize", "16"), ("timeout", "255")]])
    func `whoever has not acknowledged anything is sent one packet, and repeats it a few times only`(options: [(String, String)]) throws {
        var transfer = Self.transfer(size: 1 << 30, options)
        let first = transfer.handle(.started, now: .zero)
        #expect(first.count == 1 && transfer.deadline ?? .zero <= .seconds(8), "a forged address is not waited for")
        // Whatever makes it repeat the packet: requests and time count together.
        var answers = first
        for _ in 0..<2 { answers += transfer.handle(.received(.readRequest(Self.request(options))), now: .zero) }
        while let deadline = transfer.deadline { answers += transfer.handle(.timerFired, now: deadline) }
        #expect(answers == Array(repeating: first[0], count: 4) + [.finished(.timedOut)])
        #expect(!transfer.isVerified)
        if case .sendBlocks(let block, let count) = first[0] { #expect(count == 1 && transfer.length(ofBlock: block) == 512) }
    }

    @Test func `files of more octets than anybody has are counted right`() {
        var transfer = ReadTransfer(
            size: UInt64(Int64.max), terms: TransferTerms(blockSize: 8, windowSize: 4, timeoutSeconds: nil), progress: .max - 5,
            configuration: ReadTransferConfiguration())
        #expect(transfer.lastBlock == 1 << 60 && transfer.acknowledgedBlock == 1 << 60 - 1)
        #expect(transfer.handle(.started, now: .zero) == [.sendBlocks(first: 1 << 60, count: 1)])
        #expect(transfer.length(ofBlock: 1 << 60) == 7)
        #expect(transfer.handle(Self.acknowledge(0), now: .zero) == [.finished(.completed)])
    }

    @Test func `block numbers go on with 0 after 65535`() {
        var transfer = Self.transfer(size: 8 * 150_000, [("blksize", "8"), ("windowsize", "7")])
        _ = transfer.handle(.started, now: .zero)
        var effects = transfer.handle(Self.acknowledge(0), now: .zero)
        var expected: UInt64 = 1
        while case .sendBlocks(let first, let count)? = effects.first {
            guard first == expected else {
                Issue.record("block \(first) instead of \(expected)")
                return
            }
            expected += UInt64(count)
            effects = transfer.handle(Self.acknowledge(UInt16(truncatingIfNeeded: expected - 1)), now: .zero)
        }
        #expect(effects == [.finished(.completed)])
        #expect(expected == 150_002)
    }

    @Test func `silence is answered with repetitions at growing distances, and then given up`() throws {
        var transfer = Self.transfer(size: 5000)
        _ = transfer.handle(.started, now: .zero)
        _ = transfer.handle(Self.acknowledge(1), now: .zero)
        var waits: [Duration] = []
        var now = Duration.zero
        while let deadline = transfer.deadline {
            #expect(transfer.handle(.timerFired, now: deadline - .nanoseconds(1)).isEmpty)
            waits.append(deadline - now)
            now = deadline
            let effects = transfer.handle(.timerFired, now: now)
            #expect(effects == (waits.count <= 7 ? [.sendBlocks(first: 2, count: 1)] : [.finished(.timedOut)]))
        }
        #expect(waits == [250, 500, 1000, 2000, 4000, 8000, 8000, 8000].map { .milliseconds($0) })
    }

    @Test func `the client's own timeout is kept`() {
        var transfer = Self.transfer(size: 5000, [("timeout", "3")])
        _ = transfer.handle(.started, now: .zero)
        #expect(transfer.deadline == .seconds(3))
        _ = transfer.handle(Self.acknowledge(0), now: .milliseconds(1))
        #expect(transfer.deadline == .seconds(3) + .milliseconds(1))
    }

    @Test func `slow clients are given more time`() {
        var transfer = Self.transfer(size: 50_000)
        _ = transfer.handle(.started, now: .zero)
        var now = Duration.zero
        for block in 1...20 {
            now += .milliseconds(400)
            _ = transfer.handle(Self.acknowledge(UInt16(block)), now: now)
        }
        let wait = (transfer.deadline ?? .zero) - now
        #expect(wait > .milliseconds(400) && wait < .seconds(1))
    }

    @Test func `a missing last acknowledgement is no failure`() {
        var transfer = Self.transfer(size: 100)
        _ = transfer.handle(.started, now: .zero)
        var effects: [ReadTransfer.Effect] = []
        while let deadline = transfer.deadline { effects = transfer.handle(.timerFired, now: deadline) }
        #expect(effects == [.finished(.completedUnconfirmed)])
    }

    @Test func `what does not belong to a read transfer ends it with an error`() {
        let packets: [TFTPPacket] = [.data(block: 1, payload: []), .writeRequest(Self.request()), .optionAcknowledgement([])]
        for packet in packets {
            var transfer = Self.transfer(size: 100)
            _ = transfer.handle(.started, now: .zero)
            #expect(
                transfer.handle(.received(packet), now: .zero)
                    == [.sendError(.illegalOperation, message: "only acknowledgements are expected here"), .finished(.protocolViolation)])
        }
    }

    @Test func `a crawling client does not hold a session for ever`() {
        var transfer = Self.transfer(size: 512 * 60_000, configuration: ReadTransferConfiguration(maximumDuration: .seconds(60)))
        _ = transfer.handle(.started, now: .zero)
        var now = Duration.zero
        var block: UInt16 = 0
        var effects: [ReadTransfer.Effect] = []
        while !transfer.isFinished, now < .seconds(100) {
            now += .milliseconds(200)
            block += 1
            effects = transfer.handle(Self.acknowledge(block), now: now)
        }
        #expect(effects.last == .finished(.tookTooLong))
        #expect(now == .seconds(60))
    }

    @Test func `another rack's transfer goes on where the client is`() {
        let terms = TransferTerms(blockSize: 512, windowSize: 4, timeoutSeconds: nil)
        // The client asks again: its acknowledgement is up to some blocks ahead of the record, also across the end of the numbers.
        var asked = ReadTransfer(size: 512 * 100_000, terms: terms, progress: 65_500, configuration: ReadTransferConfiguration())
        #expect(asked.handle(Self.acknowledge(100), now: .zero) == [.sendBlocks(first: 65_637, count: 4)])
        #expect(asked.handle(Self.acknowledge(104), now: .zero) == [.sendBlocks(first: 65_641, count: 4)])
        // GRUB does not ask: it gets what followed the record, and acknowledges the blocks it has had.
        var silent = ReadTransfer(size: 512 * 1000, terms: .plain, progress: 512, configuration: ReadTransferConfiguration())
        #expect(silent.handle(.started, now: .zero) == [.sendBlocks(first: 513, count: 1)])
        #expect(silent.handle(Self.acknowledge(513), now: .zero) == [.sendBlocks(first: 514, count: 1)])
        // A record that is older than the file.
        let short = ReadTransfer(size: 10, terms: terms, progress: 9_000_000, configuration: ReadTransferConfiguration())
        #expect(short.acknowledgedBlock == 0)
    }

    @Test func `the ends that the shell reports are passed on`() {
        for (event, outcome) in [(ReadTransfer.Event.replaced, TransferOutcome.replaced), (.stopped, .stopped)] {
            var transfer = Self.transfer(size: 100)
            _ = transfer.handle(.started, now: .zero)
            #expect(transfer.handle(event, now: .zero) == [.finished(outcome)])
        }
        var transfer = Self.transfer(size: 100)
        _ = transfer.handle(.started, now: .zero)
        #expect(
            transfer.handle(.readFailed, now: .zero)
                == [.sendError(.undefined, message: "the file cannot be read"), .finished(.readFailed)])
    }
}
