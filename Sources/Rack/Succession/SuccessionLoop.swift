// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import DHCP
internal import Leasing
internal import Succession

/// What the succession's thread owns: the core, the wire, and when the next pulse is due.
struct SuccessionLoop: ~Copyable {
    var core: SegmentCore
    var replays = PulseReplayWindow()
    var wasGranted = false
    var clientsHeard = 0
    private var wire: SegmentWire
    private let address: ServiceAddress
    private let interval: Int64
    private var nextTick: Instant

    init(core: SegmentCore, wire: consuming SegmentWire, address: ServiceAddress, interval: Duration) {
        self.core = core
        self.wire = wire
        self.address = address
        let (seconds, attoseconds) = interval.components
        self.interval = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        self.nextTick = DHCPService.now
    }

    /// Waits for a packet, a wakeup or the next tick.
    mutating func wait(_ wakeup: Int32) {
        let remaining = DHCPService.now.nanoseconds(until: self.nextTick)
        guard remaining > 0 else { return }
        _ = csys_wait_readable3(self.wire.pulses, self.wire.arp, wakeup, Int32(clamping: (remaining + 999_999) / 1_000_000))
    }

    /// Whether a tick is due; if so the next one is an interval later, and none is made up for.
    var isTickDue: Bool {
        mutating get {
            let now = DHCPService.now
            guard now >= self.nextTick else { return false }
            let planned = self.nextTick.advanced(byNanoseconds: self.interval)
            self.nextTick = planned > now ? planned : now.advanced(byNanoseconds: self.interval)
            return true
        }
    }

    mutating func handle(_ event: SuccessionEvent) -> [SuccessionEffect] {
        self.core.handle(event, now: DHCPService.now)
    }

    /// The authentic pulses that have arrived, each once.
    mutating func heardPulses(_ keys: PulseKeys) -> [Pulse] {
        var heard: [Pulse] = []
        for frame in self.wire.receivePulses() {
            guard let pulse = keys.pulse(in: frame), pulse.segment == UInt32(truncatingIfNeeded: self.core.segment),
                pulse.rack != self.core.rack, self.replays.accepts(pulse)
            else { continue }
            heard.append(pulse)
        }
        return heard
    }

    /// Answers who asks for the service address, while this rack serves it.
    mutating func answerARP() {
        for packet in self.wire.receiveARP() {
            guard self.core.isServing, let reply = self.address.reply(to: packet, from: self.wire.hardware) else { continue }
            self.wire.send(reply)
        }
    }

    func announce() {
        for packet in self.address.announcements(from: self.wire.hardware) { self.wire.send(packet) }
    }

    func send(pulse frame: [UInt8]) {
        self.wire.send(pulse: frame)
    }
}
