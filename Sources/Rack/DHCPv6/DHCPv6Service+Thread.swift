// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CSys
internal import Leasing
internal import LeasingV6
internal import Logging
internal import NeighborDiscovery
internal import Synchronization

extension DHCPv6Service {
    /// How often what has ended is forgotten.
    private static let sweepInterval: Int64 = 30_000_000_000

    /// Receives, decides, answers, in batches, until the service stops.
    func serve(_ sockets: DHCPv6Sockets, wakeup: Int32) {
        _ = unsafe csys_thread_name("dhcpv6")
        var sockets = sockets
        var advertiser = RouterAdvertiser(self.state.withLock { $0.configuration }, now: Self.now)
        var sweep = Self.now.advanced(byNanoseconds: Self.sweepInterval)
        while true {
            let ready = Self.wait(for: sockets, wakeup: wakeup, until: advertiser?.due)
            let (isRunning, isChanged, configuration) = self.state.withLock { state in
                defer { state.isChanged = false }
                return (state.phase == .running, state.isChanged, state.configuration)
            }
            if !isRunning { break }
            if ready & 1 != 0 { csys_eventfd_clear(wakeup) }
            if isChanged {
                advertiser = advertiser?.changed(to: configuration, now: Self.now) ?? RouterAdvertiser(configuration, now: Self.now)
            }
            // Silence, an error or other settings: perhaps the interface is another one by now, of the same name.
            if ready <= 0 || isChanged { sockets = self.current(sockets, configuration) }
            let received = ready & 2 != 0 ? sockets.receive() : 0
            if received > 0 { self.answer(sockets, received) }
            if received < 0, csys_wait_readable(wakeup, -1, 100) & 1 != 0 { continue }
            if ready & 4 != 0 { self.solicited(sockets.receiveSolicitations(), &advertiser) }
            if let due = advertiser?.due, due <= Self.now { self.advertise(sockets, &advertiser) }
            if sweep < Self.now {
                self.state.withLock { $0.responder?.core.sweep(now: Self.now) }
                sweep = Self.now.advanced(byNanoseconds: Self.sweepInterval)
            }
            self.observations.wake()
        }
        self.observations.wake()
    }

    /// Bit 0: told something; bit 1: DHCPv6; bit 2: a solicitation. 0 after two seconds, or when an advertisement is due.
    private static func wait(for sockets: DHCPv6Sockets, wakeup: Int32, until due: Instant?) -> Int32 {
        let left = due.map { Self.now.nanoseconds(until: $0) / 1_000_000 + 1 } ?? 2_000
        return sockets.wait(for: wakeup, milliseconds: Int32(min(max(left, 0), 2_000)))
    }

    private func answer(_ sockets: DHCPv6Sockets, _ received: Int) {
        let now = Self.now
        let milliseconds = csys_wall_milliseconds()
        self.state.withLock { state in
            for index in 0..<received {
                unsafe sockets.answer(index) { bytes, origin, slot in
                    unsafe state.responder?.respond(to: bytes, from: origin, slot: slot, now: now, milliseconds: milliseconds) ?? nil
                }
            }
        }
        let failures = sockets.send()
        if failures > 0 { self.state.withLock { $0.responder?.counters.sendFailures &+= failures } }
    }

    private func solicited(_ count: Int, _ advertiser: inout RouterAdvertiser?) {
        guard count > 0 else { return }
        advertiser?.solicited(now: Self.now)
        self.state.withLock { $0.responder?.counters.routerSolicitations &+= count }
    }

    private func advertise(_ sockets: DHCPv6Sockets, _ advertiser: inout RouterAdvertiser?) {
        guard let bytes = advertiser?.bytes else { return }
        // A standby's hosts hear the active rack.
        let isActive = self.state.withLock { $0.responder?.isActive ?? false }
        let isSent = isActive && sockets.icmp >= 0 && sockets.advertise(bytes)
        advertiser?.advertised(isSent: isSent, now: Self.now)
        if isSent { self.state.withLock { $0.responder?.counters.routerAdvertisements &+= 1 } }
    }

    /// The same sockets while their interface exists and they serve the purpose; else new ones.
    private func current(_ sockets: DHCPv6Sockets, _ configuration: DHCPv6SegmentConfiguration) -> DHCPv6Sockets {
        let index = unsafe csys_interface_index(configuration.interfaceName)
        guard index > 0, index != sockets.interface || configuration.routerAdvertisements != (sockets.icmp >= 0) else { return sockets }
        do throws(DHCPServiceError) {
            return try DHCPv6Sockets(configuration)
        } catch {
            self.logger.warning("network interface cannot be used yet", metadata: ["error": "\(error)"])
            return sockets
        }
    }
}
