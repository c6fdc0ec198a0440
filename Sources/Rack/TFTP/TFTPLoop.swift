// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import BootConfiguration
import CSys
import Domain
import Glibc
import Logging
import TFTP
import Transfers

/// The TFTP server's thread: waits for datagrams and deadlines, asks the transfers' cores what to do, and does it.
final class TFTPLoop {
    private struct Client: Hashable {
        var address: IPAddress
        var port: UInt16
    }

    private struct ForeignKey: Hashable {
        var client: Client
        var slot: Int
    }

    private static let wakeupToken: UInt64 = 0
    private static let listenerToken: UInt64 = 1
    private static let firstSlotToken: UInt64 = 2
    /// Requests that are read before the transfers have their turn.
    private static let fairShare = 32
    /// The longest file that is sent as netascii: it is turned into that as a whole.
    private static let maximumTextBytes = 1 << 20
    /// Transfers of other racks that are remembered.
    private static let maximumForeign = 1024
    /// How long another rack's transfer is remembered without news: longer than any loader waits.
    private static let foreignLifetime = Duration.seconds(60)

    private let service: TFTPService
    private let wakeup: Int32
    private let epoll: Int32
    private var sessions: [TFTPSession?]
    /// The slots without a session, longest unused first, so that late packets find nobody on their port.
    private var freeSlots: [Int]
    private var slots: [Client: Int] = [:]
    /// Transfers by the client's address.
    private var held: [IPAddress: Int] = [:]
    private var timers: TransferTimers
    /// Kept from packet to packet.
    private var effects: [ReadTransfer.Effect] = []
    private var foreign: [ForeignKey: (record: TFTPTransferRecord, until: Duration)] = [:]
    private var receiveBuffer = [UInt8](repeating: 0, count: 2048)
    private var drainUntil: Duration?

    init(service: TFTPService, wakeup: Int32) throws {
        self.service = service
        self.wakeup = wakeup
        self.epoll = csys_epoll_create()
        self.sessions = Array(repeating: nil, count: service.sockets.count)
        self.freeSlots = Array(service.sockets.indices)
        self.timers = TransferTimers(slots: service.sockets.count)
        guard self.epoll >= 0 else { throw TFTPServiceError(.socketFailed, "no epoll: error \(-self.epoll)") }
        try self.watch(wakeup, token: Self.wakeupToken)
        try self.watch(service.listener.descriptor, token: Self.listenerToken)
        for (slot, socket) in service.sockets.enumerated() {
            try self.watch(socket.descriptor, token: Self.firstSlotToken + UInt64(slot))
        }
    }

    deinit {
        if self.epoll >= 0 { _ = close(self.epoll) }
    }

    private func watch(_ descriptor: Int32, token: UInt64) throws {
        let result = csys_epoll_add(self.epoll, descriptor, UInt32(CSYS_EPOLL_READABLE), token)
        guard result >= 0 else { throw TFTPServiceError(.socketFailed, "epoll refuses a socket: error \(-result)") }
    }

    /// Serves until it was told to stop and the transfers have ended.
    func run() throws {
        var events = [CSysEpollEvent](repeating: CSysEpollEvent(), count: 64)
        while !self.isDone {
            let count = unsafe events.withUnsafeMutableBufferPointer { events in
                unsafe csys_epoll_wait(self.epoll, events.baseAddress, Int32(events.count), self.waitMilliseconds)
            }
            guard count >= 0 else { throw TFTPServiceError(.socketFailed, "epoll failed: error \(-count)") }
            let now = BootClock.monotonic
            for index in 0..<Int(count) {
                switch events[index].token {
                case Self.wakeupToken: self.obey()
                case Self.listenerToken: self.readListener()
                case let token: self.readSlot(Int(clamping: token - Self.firstSlotToken), now: now)
                }
            }
            self.fireTimers(now: now)
        }
        let now = BootClock.monotonic
        for slot in self.sessions.indices { self.handle(.stopped, slot: slot, now: now) }
    }

    private var isDone: Bool {
        guard let drainUntil = self.drainUntil else { return false }
        return self.slots.isEmpty || BootClock.monotonic >= drainUntil
    }

    private var waitMilliseconds: Int32 {
        let next = [self.drainUntil, self.timers.earliest].compactMap { $0 }.min()
        guard let next else { return -1 }
        let (seconds, attoseconds) = (next - BootClock.monotonic).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
    }

    private func fireTimers(now: Duration) {
        while let slot = self.timers.takeDue(by: now) {
            guard let deadline = self.sessions[slot]?.transfer.deadline else { continue }
            if deadline <= now {
                self.handle(.timerFired, slot: slot, now: now)
            } else {
                self.timers.schedule(slot, at: deadline)
            }
        }
    }

    // MARK: Datagrams

    private func readListener() {
        for _ in 0..<Self.fairShare {
            guard let (count, path) = self.service.listener.receive(into: &self.receiveBuffer) else { return }
            guard self.drainUntil == nil else { continue }
            do throws(TFTPDecodingError) {
                let packet = try TFTPPacket(decoding: self.receiveBuffer.span.extracting(first: count))
                self.received(packet, from: path, count: count)
            } catch {
                self.service.count { $0.strays += 1 }
                self.service.logger.debug(
                    "not a TFTP request", metadata: ["client.address": "\(path.peer)", "error": "\(error)"])
                if case .unknownMode = error { self.refuse(.illegalOperation, "the mode must be octet or netascii", path, asked: count) }
            }
        }
    }

    private func received(_ packet: TFTPPacket, from path: UDPPath, count: Int) {
        switch packet {
        case .readRequest(let request):
            self.requested(request, from: path, count: count)
        case .writeRequest(let request):
            self.service.count { $0.refused += 1 }
            self.service.logger.debug(
                "write request refused", metadata: ["client.address": "\(path.peer)", "file.name": "\(request.filename.prefix(128))"])
            self.refuse(.accessViolation, "this server is read-only", path, asked: count)
        case .data, .acknowledgement, .error, .optionAcknowledgement:
            self.service.count { $0.strays += 1 }
        }
    }

    /// Reads one datagram: clients send one for a window, and epoll tells again when there are more.
    private func readSlot(_ slot: Int, now: Duration) {
        guard self.service.sockets.indices.contains(slot),
            let (count, path) = self.service.sockets[slot].receive(into: &self.receiveBuffer)
        else { return }
        let packet = try? TFTPPacket(decoding: self.receiveBuffer.span.extracting(first: count))  // Junk is counted below.
        guard let packet, self.isClient(path, ofSlot: slot) else {
            // RFC 1350 answers with an error; silence cannot be used against a third party whose address was forged.
            return self.service.count { $0.strays += 1 }
        }
        self.handle(.received(packet), slot: slot, now: now)
    }

    /// Whether the slot's transfer is this client's, or can be: another rack may have begun it.
    private func isClient(_ path: UDPPath, ofSlot slot: Int) -> Bool {
        guard let session = self.sessions[slot] else { return self.goOn(slot: slot, from: path) }
        return session.path.peer == path.peer && session.path.peerPort == path.peerPort
    }

    /// Says why there is nothing to be had, in no more octets than were asked with: the sender may be somebody else.
    private func refuse(_ code: TFTPErrorCode, _ message: String, _ path: UDPPath, asked count: Int) {
        let room = max(0, count - TFTPPacket.error(code, message: "").encoded.count)
        self.service.listener.send(TFTPPacket.error(code, message: String(message.prefix(room))).encoded, to: path)
    }

    // MARK: Requests

    private func requested(_ request: TFTPRequest, from path: UDPPath, count: Int) {
        let client = Client(address: path.peer, port: path.peerPort)
        if let slot = self.slots[client], let session = self.sessions[slot] {
            // The client did not see our answer and asks again, or it left that transfer and uses the same port for another one.
            guard session.request != request else { return self.handle(.received(.readRequest(request)), slot: slot, now: BootClock.monotonic) }
            self.handle(.replaced, slot: slot, now: BootClock.monotonic)
        }
        let answer = self.service.answers.answer(
            BootRequest(name: request.filename, client: path.peer, service: path.local, transport: .tftp)
        )
        switch answer.content {
        case .notFound:
            self.refuse(.fileNotFound, "file not found", answer, request, path, asked: count)
        case .refused:
            self.refuse(.accessViolation, "the name is not allowed", answer, request, path, asked: count)
        case .bytes, .file:
            if request.mode == .mail {
                return self.refuse(.illegalOperation, "the mode must be octet or netascii", answer, request, path, asked: count)
            }
            guard let content = self.content(answer, request, path) else { return }
            guard request.mode == .netascii else { return self.start(content, answer, request, path) }
            guard let text = content.bytes(limit: Self.maximumTextBytes) else {
                return self.refuse(.illegalOperation, "this file needs the mode octet", answer, request, path, asked: count)
            }
            self.start(.bytes(TFTPSession.netascii(text)), answer, request, path)
        }
    }

    /// The content of an answer; nil when the rack has yet to fetch it. Then the client is not answered: it asks again every few seconds.
    private func content(_ answer: BootAnswer, _ request: TFTPRequest, _ path: UDPPath) -> TFTPSession.Content? {
        switch answer.content {
        case .notFound, .refused: return nil
        case .bytes(let bytes): return .bytes(bytes)
        case .file(let digest):
            if let file = self.service.descriptors.content(ofDigest: digest) { return .file(file, digest: digest) }
            self.service.fetches.request(digest)
            self.observe(.tftpRequest, answer.macAddress, path, request.filename, detail: "waits for the file to arrive on the rack")
            return nil
        }
    }

    private func refuse(
        _ code: TFTPErrorCode, _ message: String, _ answer: BootAnswer, _ request: TFTPRequest, _ path: UDPPath, asked count: Int
    ) {
        self.service.count { $0.refused += 1 }
        self.refuse(code, message, path, asked: count)
        guard !answer.isProbe else { return }
        self.observe(.tftpFailed, answer.macAddress, path, request.filename, detail: message)
    }

    private func start(_ content: TFTPSession.Content, _ answer: BootAnswer, _ request: TFTPRequest, _ path: UDPPath) {
        let now = BootClock.monotonic
        guard self.held[path.peer, default: 0] < self.service.configuration.maximumSessionsPerClient, let slot = self.freeSlot(now: now) else {
            self.service.count { $0.busy += 1 }
            self.service.logger.debug("too many TFTP transfers", metadata: ["client.address": "\(path.peer)"])
            return
        }
        let transfer = ReadTransfer(
            size: TFTPSession.size(of: content), request: request, configuration: self.service.configuration.transfer
        )
        let session = TFTPSession(
            path: path, request: request, name: request.filename, macAddress: answer.macAddress, content: content, startedAt: now,
            transfer: transfer
        )
        self.service.count { $0.transfers += 1 }
        let options = request.options.prefix(8).map { "\($0.name.prefix(32))=\($0.value.prefix(32))" }.joined(separator: " ")
        self.observe(
            .tftpRequest, answer.macAddress, path, request.filename, purpose: answer.purpose, detail: answer.problem ?? options)
        self.open(session, slot: slot)
        self.handle(.started, slot: slot, now: now)
    }

    /// A slot for a new transfer. When all are taken, the oldest request whose client has not shown itself for longer than clients need
    /// gives way: requests from forged addresses must not keep machines out.
    private func freeSlot(now: Duration) -> Int? {
        if let slot = self.freeSlots.first { return slot }
        let latest = now - self.service.configuration.transfer.initialTimeout
        let silent = self.sessions.indices.filter { self.sessions[$0].map { !$0.transfer.isVerified && $0.startedAt <= latest } ?? false }
        guard let oldest = silent.min(by: { (self.sessions[$0]?.startedAt ?? now) < (self.sessions[$1]?.startedAt ?? now) }) else { return nil }
        self.handle(.replaced, slot: oldest, now: now)
        return self.freeSlots.first
    }

    private func open(_ session: TFTPSession, slot: Int) {
        self.freeSlots.removeAll { $0 == slot }
        self.sessions[slot] = session
        self.held[session.path.peer, default: 0] += 1
        self.slots[Client(address: session.path.peer, port: session.path.peerPort)] = slot
        self.tell(slot, isFinished: false)
    }

    // MARK: Transfers

    private func handle(_ event: ReadTransfer.Event, slot: Int, now: Duration) {
        guard let session = self.sessions[slot] else { return }
        let socket = self.service.sockets[slot]
        var outcome: TransferOutcome?
        session.transfer.handle(event, now: now, effects: &self.effects)
        var index = 0
        while index < self.effects.count {
            switch self.effects[index] {
            case .sendOptionAcknowledgement(let options):
                socket.send(TFTPPacket.optionAcknowledgement(options).encoded, to: session.path)
            case .sendBlocks(let first, let count):
                if !session.send(first: first, count: count, through: socket) {
                    session.transfer.handle(.readFailed, now: now, effects: &self.effects)
                }
            case .sendError(let code, let message):
                socket.send(TFTPPacket.error(code, message: message).encoded, to: session.path)
            case .finished(let result):
                outcome = result
            }
            index += 1
        }
        self.effects.removeAll(keepingCapacity: true)
        if let outcome { return self.finish(slot, session, outcome, now: now) }
        if let deadline = session.transfer.deadline { self.timers.schedule(slot, at: deadline) }
        let progress = session.transfer.acknowledgedBlock
        if progress >= session.toldBlock + TFTPTransferRecord.progressInterval {
            session.toldBlock = progress
            self.tell(slot, isFinished: false)
        }
    }

    private func finish(_ slot: Int, _ session: TFTPSession, _ outcome: TransferOutcome, now: Duration) {
        self.tell(slot, isFinished: true)
        self.sessions[slot] = nil
        self.slots[Client(address: session.path.peer, port: session.path.peerPort)] = nil
        let others = self.held[session.path.peer, default: 1] - 1
        self.held[session.path.peer] = others > 0 ? others : nil
        self.freeSlots.append(slot)
        self.service.count { counters in
            if outcome.isSuccess { counters.completed += 1 } else { counters.failed += 1 }
            counters.retransmissions += session.transfer.retransmissionCount
        }
        self.observe(
            outcome.isSuccess ? .tftpDone : .tftpFailed, session.macAddress, session.path, session.name,
            bytes: session.transfer.acknowledgedBytes, duration: now - session.startedAt,
            detail: Self.text(outcome, retransmissions: session.transfer.retransmissionCount)
        )
    }

    private static func text(_ outcome: TransferOutcome, retransmissions: Int) -> String {
        let text =
            switch outcome {
            case .completed: "complete"
            case .completedUnconfirmed: "complete, the last acknowledgement is missing"
            case .sizeAsked: "asked for the size only"
            case .abortedByClient(let code, let message): "the client ended it: error \(code.rawValue) \(message.prefix(128))"
            case .timedOut: "no acknowledgement"
            case .tookTooLong: "took too long"
            case .replaced: "the client began another transfer"
            case .protocolViolation: "the client sent what does not belong here"
            case .readFailed: "the file cannot be read"
            case .stopped: "the server stopped"
            }
        return retransmissions == 0 ? text : "\(text); \(retransmissions) retransmissions"
    }

    private func observe(
        _ kind: BootObservation.Kind, _ macAddress: MACAddress?, _ path: UDPPath, _ name: String, bytes: UInt64 = 0,
        duration: Duration = .zero, purpose: BootPurpose? = nil, detail: String
    ) {
        self.service.observations.record(
            BootObservation(
                milliseconds: BootClock.unixMilliseconds, kind: kind, client: path.peer, macAddress: macAddress,
                name: String(name.prefix(BootPath.maximumLength)), bytes: bytes, duration: duration, purpose: purpose, detail: detail
            )
        )
    }

    // MARK: Other racks

    private func tell(_ slot: Int, isFinished: Bool) {
        guard self.service.configuration.transferPorts != nil, let session = self.sessions[slot], let digest = session.digest else { return }
        self.service.recorder.yield(
            TFTPTransferRecord(
                client: session.path.peer, clientPort: Int(session.path.peerPort), service: session.path.local,
                serverPort: Int(self.service.sockets[slot].port), digest: digest, terms: session.transfer.terms,
                acknowledgedBlock: session.transfer.acknowledgedBlock, isFinished: isFinished
            )
        )
    }

    private func obey() {
        let now = BootClock.monotonic
        for command in self.service.takeCommands() {
            switch command {
            case .stop:
                if self.drainUntil == nil { self.drainUntil = now + self.service.configuration.drainTime }
            case .remember(let record):
                self.remember(record, now: now)
            case .takeOver:
                for (key, entry) in self.foreign where entry.until > now && self.sessions[key.slot] == nil {
                    let path = UDPPath(peer: key.client.address, peerPort: key.client.port, local: entry.record.service)
                    if self.goOn(slot: key.slot, from: path) { self.handle(.started, slot: key.slot, now: now) }
                }
            }
        }
    }

    private func remember(_ record: TFTPTransferRecord, now: Duration) {
        guard let slot = self.service.sockets.firstIndex(where: { Int($0.port) == record.serverPort }),
            let port = UInt16(exactly: record.clientPort), BootName.isDigest(record.digest)
        else { return }
        let key = ForeignKey(client: Client(address: record.client, port: port), slot: slot)
        guard !record.isFinished else { return self.foreign[key] = nil }
        if self.foreign.count >= Self.maximumForeign, self.foreign[key] == nil {
            self.foreign = self.foreign.filter { $0.value.until > now }
            guard self.foreign.count < Self.maximumForeign else { return }
        }
        self.foreign[key] = (record, now + Self.foreignLifetime)
    }

    /// Opens a session for another rack's transfer, if one is known for this client and port.
    private func goOn(slot: Int, from path: UDPPath) -> Bool {
        let client = Client(address: path.peer, port: path.peerPort)
        let now = BootClock.monotonic
        guard self.drainUntil == nil, let entry = self.foreign.removeValue(forKey: ForeignKey(client: client, slot: slot)), entry.until > now,
            self.slots[client] == nil
        else { return false }
        let record = entry.record
        guard let file = self.service.descriptors.content(ofDigest: record.digest) else {
            self.service.fetches.request(record.digest)
            return false
        }
        let transfer = ReadTransfer(
            size: file.size, terms: record.terms, progress: record.acknowledgedBlock, configuration: self.service.configuration.transfer
        )
        self.service.count { $0.takenOver += 1 }
        let macAddress = self.service.answers.macAddress(of: path.peer)
        let name = "images/\(record.digest)"
        self.observe(
            .tftpRequest, macAddress, path, name, detail: "taken over from another rack after block \(record.acknowledgedBlock)")
        self.open(
            TFTPSession(
                path: path, request: nil, name: name, macAddress: macAddress, content: .file(file, digest: record.digest), startedAt: now,
                transfer: transfer
            ), slot: slot)
        return true
    }
}
