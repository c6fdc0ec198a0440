// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import ClusterLink

struct LinkCoreTests {
    static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    static func at(_ seconds: Int64) -> NIODeadline { Self.start + .seconds(seconds) }

    @Test func `requests beyond the window wait for their turn in order`() throws {
        var core = LinkCore(limits: LinkLimits(maximumInFlight: 2, maximumWaiting: 2), now: Self.start)
        let ids = try (0..<4).map { _ in try core.beginRequest(bytes: 10, now: Self.start) }
        #expect(core.inFlight == [ids[0], ids[1]] && core.waiting == [ids[2], ids[3]])
        #expect(throws: LinkError.tooManyRequests) { try core.beginRequest(bytes: 10, now: Self.start) }
        #expect(core.endRequest(ids[1], unsentBytes: 10, now: Self.start) == [ids[2]])
        #expect(core.endRequest(ids[1], unsentBytes: 10, now: Self.start) == [], "ending twice is nothing")
        #expect(core.endRequest(ids[0], unsentBytes: 10, now: Self.start) == [ids[3]])
        #expect(core.inFlight == [ids[2], ids[3]] && core.waiting.isEmpty)
    }

    @Test func `a request that ends while it waits gives its place back`() throws {
        var core = LinkCore(limits: LinkLimits(maximumInFlight: 1, maximumWaiting: 2), now: Self.start)
        let ids = try (0..<3).map { _ in try core.beginRequest(bytes: 10, now: Self.start) }
        #expect(core.endRequest(ids[1], unsentBytes: 10, now: Self.start) == [])
        #expect(core.queuedFrames == 2 && core.queuedBytes == 20)
        #expect(core.endRequest(ids[0], unsentBytes: 10, now: Self.start) == [ids[2]])
    }

    @Test func `the queue is bounded in frames and in bytes`() throws {
        var core = LinkCore(limits: LinkLimits(maximumFrameBytes: 1024, maximumQueuedFrames: 2, maximumQueuedBytes: 2000), now: Self.start)
        #expect(core.enqueue(bytes: 1500, now: Self.start) == true)
        #expect(core.enqueue(bytes: 501, now: Self.start) == false)
        #expect(throws: LinkError.queueFull) { try core.beginRequest(bytes: 501, now: Self.start) }
        #expect(core.enqueue(bytes: 500, now: Self.start) == true)
        #expect(core.enqueue(bytes: 0, now: Self.start) == false)
        core.written(bytes: 1500, now: Self.start)
        #expect(core.enqueue(bytes: 1500, now: Self.start) == true)
    }

    @Test func `the peer's messages are bounded in number and in bytes, events apart from requests`() {
        var core = LinkCore(limits: LinkLimits(maximumFrameBytes: 1024, maximumInFlight: 2, maximumIncomingBytes: 2000), now: Self.start)
        // Twice the window of the peer, which may go on before this end has counted a handler as done.
        for _ in 0..<4 { #expect(core.admit(bytes: 10, isEvent: false) == true) }
        #expect(core.admit(bytes: 10, isEvent: false) == false)
        #expect(core.admit(bytes: 1900, isEvent: true) == true)
        #expect(core.admit(bytes: 100, isEvent: true) == false)
        core.finish(bytes: 10, isEvent: false)
        #expect(core.admit(bytes: 10, isEvent: false) == true)
    }

    @Test func `a peer that says nothing is dead, and one that speaks is not`() {
        var core = LinkCore(limits: LinkLimits(), now: Self.start)
        #expect(core.tick(now: Self.at(2)) == .ping)
        #expect(core.tick(now: Self.at(4)) == .nothing, "the first ping has not been sent yet")
        core.pingWritten()
        #expect(core.tick(now: Self.at(6)) == .ping)
        core.heard(now: Self.at(9))
        core.pingWritten()
        #expect(core.tick(now: Self.at(19)) == .ping)
        guard case .dead = core.tick(now: Self.at(20)) else {
            Issue.record("alive after 11 s of silence")
            return
        }
    }

    @Test func `a peer that pings but reads nothing is dead`() {
        var core = LinkCore(limits: LinkLimits(), now: Self.start)
        core.heard(now: Self.at(100))
        #expect(core.enqueue(bytes: 10, now: Self.at(100)) == true)
        #expect(core.enqueue(bytes: 10, now: Self.at(105)) == true)
        core.heard(now: Self.at(108))
        core.written(bytes: 10, now: Self.at(108))
        core.heard(now: Self.at(117))
        #expect(core.tick(now: Self.at(118)) == .ping, "one of the two was taken 10 s ago")
        core.heard(now: Self.at(119))
        guard case .dead = core.tick(now: Self.at(119)) else {
            Issue.record("alive after 11 s without reading")
            return
        }
    }

    @Test func `requests that wait for replies are no sign of death`() throws {
        var core = LinkCore(limits: LinkLimits(maximumInFlight: 1), now: Self.start)
        _ = try core.beginRequest(bytes: 10, now: Self.start)
        core.written(bytes: 10, now: Self.start)
        _ = try core.beginRequest(bytes: 10, now: Self.start)
        core.heard(now: Self.at(59))
        #expect(core.tick(now: Self.at(60)) == .ping)
    }

    @Test func `many pings get one pong at a time`() {
        var core = LinkCore(limits: LinkLimits(), now: Self.start)
        #expect(core.shouldAnswerPing() == true)
        #expect(core.shouldAnswerPing() == false)
        core.pongWritten()
        #expect(core.shouldAnswerPing() == true)
    }

    @Test(arguments: [Int.min, -1, 0, 1, 100, Int.max])
    func `a peer's hello can only make the limits smaller`(value: Int) {
        var core = LinkCore(limits: LinkLimits(), now: Self.start)
        core.adopt(peerInFlight: value, peerFrameBytes: value)
        #expect((1...256).contains(core.window) && (1024...(4 << 20)).contains(core.maximumFrameBytes))
    }

    @Test func `every region is tried at once, then the pauses double up to the longest`() {
        var schedule = ReconnectSchedule(first: .milliseconds(200), longest: .seconds(5))
        let pauses = (0..<10).map { _ in schedule.next(regionCount: 3, fraction: 1) }
        #expect(pauses[0...2].allSatisfy { $0 == .milliseconds(100) })
        #expect(Array(pauses[3...9]) == [200, 400, 800, 1600, 3200, 5000, 5000].map { Duration.milliseconds($0) })
        #expect(schedule.next(regionCount: 3, fraction: 0) == .milliseconds(2500))
        schedule.succeeded()
        #expect(schedule.next(regionCount: 3, fraction: 0) == .zero)
        for _ in 0..<1000 { #expect(schedule.next(regionCount: 0, fraction: 0.5) <= .seconds(5)) }
    }

    @Test func `refusals keep known codes, pass on unknown ones, and are cut`() {
        let codes: [LinkRefusal.Code] = [.unknownMessage, .malformedMessage, .handlerFailed, .busy, .replyTooLarge, .other("later")]
        for code in codes {
            let refusal = LinkRefusal(code, "why")
            #expect(LinkRefusal(refusal.frame(requestID: 7)) == refusal)
        }
        let long = LinkRefusal(.other(String(repeating: "ä", count: 400)), String(repeating: "ü", count: 4000)).frame(requestID: 1)
        #expect(long.name.utf8.count <= 255 && long.body.count <= 1024)
    }
}
