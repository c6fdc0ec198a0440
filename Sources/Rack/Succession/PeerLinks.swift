// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterLink
internal import ClusterMessages
internal import Domain
internal import Leasing
internal import Logging
internal import OpenSSL
internal import Succession
internal import Synchronization

/// The links to the racks that this one shares segments with: everyone dials everyone, so each pair has two connections.
///
/// They carry heartbeats, bindings and what racks ask of each other. A link that breaks and a port that then refuses connections prove
/// that a process is gone; nothing else does.
final class PeerLinks: Sendable {
    private struct State {
        var addresses: [SystemID: RackPeerAddress] = [:]
        var clients: [SystemID: LinkClient] = [:]
        var boots: [SystemID: UInt64] = [:]
        var segments: [Int: Segment] = [:]
    }

    /// What shares of a segment are served here.
    struct Segment: Sendable {
        var succession: SuccessionService
        var dhcp: DHCPService
        /// The other racks of the ensemble.
        var others: [SystemID]
    }

    private let rack: SystemID
    private let boot: UInt64
    private let identity: TLSIdentity
    private let logger: Logger
    private let server: LinkServer
    private let state = Mutex(State())
    private let newClients: AsyncStream<LinkClient>
    private let newClient: AsyncStream<LinkClient>.Continuation
    private let newSegments: AsyncStream<Segment>
    private let newSegment: AsyncStream<Segment>.Continuation

    /// Four a second: three may be lost before a rack that shares a segment counts as silent.
    private static let heartbeat = Duration.milliseconds(250)
    /// Bindings that a message holds at most.
    private static let maximumBindings = 4_096

    init(rack: SystemID, boot: UInt64, identity: TLSIdentity, port: Int, software: String, logger: Logger) {
        self.rack = rack
        self.boot = boot
        self.identity = identity
        self.logger = logger
        var configuration = LinkServerConfiguration(port: port, identity: identity)
        configuration.software = software
        self.server = LinkServer(configuration: configuration, logger: logger)
        (self.newClients, self.newClient) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1_024))
        (self.newSegments, self.newSegment) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1_024))
        self.answerPeers()
    }

    /// Runs until its task is cancelled.
    ///
    /// - Throws: when the port cannot be listened on.
    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.server.run() }
            group.addTask { await self.beat() }
            group.addTask {
                await withDiscardingTaskGroup { segments in
                    for await segment in self.newSegments {
                        segments.addTask { await self.replicate(segment) }
                        segments.addTask { for await ask in segment.succession.asks { await self.carryOut(ask) } }
                    }
                    segments.cancelAll()
                }
            }
            for await client in self.newClients { group.addTask { try await client.run() } }
            group.cancelAll()
        }
    }

    // MARK: Who there is

    /// Keeps links to these racks and no others.
    func apply(_ peers: [RackPeerAddress]) {
        var added: [LinkClient] = []
        var removed: [LinkClient] = []
        let wanted = Dictionary(peers.filter { $0.rack != self.rack }.map { ($0.rack, $0) }, uniquingKeysWith: { first, _ in first })
        self.state.withLock { state in
            for (rack, client) in state.clients where wanted[rack] == nil {
                removed.append(client)
                state.clients[rack] = nil
            }
            for (rack, address) in wanted {
                if let client = state.clients[rack] {
                    client.replaceRegions([LinkAddress(host: address.host, port: address.port)])
                } else {
                    let client = self.client(address)
                    state.clients[rack] = client
                    added.append(client)
                }
            }
            state.addresses = wanted
        }
        for client in removed { client.shutDown() }
        for client in added { self.newClient.yield(client) }
    }

    func add(_ segment: Segment) {
        self.state.withLock { $0.segments[segment.succession.segmentID] = segment }
        segment.dhcp.setPeersPresent(true)
        self.newSegment.yield(segment)
    }

    /// The racks that share a segment have changed.
    func update(segmentID: Int, racks: [SystemID]) {
        self.state.withLock { $0.segments[segmentID]?.others = racks.filter { $0 != self.rack } }
    }

    func remove(segmentID: Int) {
        self.state.withLock { $0.segments[segmentID] = nil }
    }

    private func client(_ address: RackPeerAddress) -> LinkClient {
        var configuration = LinkClientConfiguration(
            regions: [LinkAddress(host: address.host, port: address.port)], identity: self.identity,
            regionRolePrefix: "gantry:rack:\(address.rack)")
        configuration.firstPause = .milliseconds(100)
        configuration.longestPause = .seconds(2)
        let client = LinkClient(configuration: configuration, logger: self.logger)
        let rack = address.rack
        client.onDown { _ in await self.lookAfter(rack) }
        return client
    }

    private func rack(of peer: LinkPeer) -> SystemID? {
        peer.identity.split(separator: ":").last.flatMap { SystemID(String($0)) }
    }

    // MARK: Listening

    private func answerPeers() {
        self.server.on(PeerHeartbeat.self) { beat, peer in
            if let rack = self.rack(of: peer) { self.heard(beat, from: rack) }
            return LinkNothing()
        }
        self.server.on(PeerBindings.self) { bindings, peer in
            guard self.rack(of: peer) == bindings.replication.rack else { throw LinkRefusal(.handlerFailed, "a rack speaks for itself only") }
            self.segment(bindings.replication.segmentID)?.dhcp.receive(bindings.replication)
            return LinkNothing()
        }
        self.server.on(PeerBindingsRequest.self) { request, _ in
            guard let segment = self.segment(request.segmentID) else { throw LinkRefusal(.handlerFailed, "this rack does not serve the segment") }
            return PeerBindingsReply(self.bindings(of: segment, request.segmentID))
        }
        self.server.on(PeerSuccessionOrder.self) { order, peer in
            guard let rack = self.rack(of: peer), let segment = self.segment(order.segmentID) else { return LinkNothing() }
            switch order.kind {
            case .offerHandover: segment.succession.tell(.handoverOffered(by: rack))
            case .acceptHandover: segment.succession.tell(.handoverReady(rack))
            case .yield: segment.succession.tell(.yieldRequested)
            }
            return LinkNothing()
        }
        self.server.onDisconnect { peer in
            if let rack = self.rack(of: peer) { await self.lookAfter(rack) }
        }
    }

    private func segment(_ id: Int) -> Segment? { self.state.withLock { $0.segments[id] } }

    private var segments: [Segment] { self.state.withLock { $0.segments.values.sorted { $0.succession.segmentID < $1.succession.segmentID } } }

    private func heard(_ beat: PeerHeartbeat, from rack: SystemID) {
        self.state.withLock { $0.boots[rack] = beat.boot }
        for segment in self.segments where segment.others.contains(rack) {
            segment.succession.confirm(rack, boot: beat.boot)
            segment.succession.tell(.gossiped(rack, isServing: beat.serving.contains(segment.succession.segmentID)))
        }
    }

    private func bindings(of segment: Segment, _ segmentID: Int) -> BindingReplication {
        BindingReplication(
            segmentID: segmentID, rack: self.rack,
            updates: segment.dhcp.leases().prefix(Self.maximumBindings).map {
                BindingReplication.Update(
                    address: $0.address, generation: $0.generation, client: $0.client, remainingSeconds: $0.remainingSeconds)
            })
    }

    // MARK: Speaking

    private func beat() async {
        while (try? await Task.sleep(for: Self.heartbeat)) != nil {  // cancelled: the rack stops
            let serving = self.segments.filter { $0.succession.view.role.isServing }.map(\.succession.segmentID)
            for client in self.state.withLock({ Array($0.clients.values) }) {
                try? client.notify(PeerHeartbeat(boot: self.boot, serving: serving))  // silence says the same as a lost link
            }
        }
    }

    private func replicate(_ segment: Segment) async {
        for await replication in segment.dhcp.replications {
            for other in self.segment(replication.segmentID)?.others ?? [] {
                // Whoever misses it gets all bindings when its link is up again, and every renewal.
                try? self.state.withLock({ $0.clients[other] })?.notify(PeerBindings(replication))
            }
        }
    }

    private func carryOut(_ ask: SuccessionAsk) async {
        switch ask {
        case .order(let kind, let segmentID, let rack):
            guard let client = self.state.withLock({ $0.clients[rack] }) else { return }
            _ = try? await client.send(PeerSuccessionOrder(segmentID: segmentID, kind: kind), deadline: .seconds(1))  // asked again
        case .synchronize(let segmentID): await self.synchronize(segmentID)
        }
    }

    /// Gets the bindings of every rack that can be reached; of none when none can, since then there is nobody to hear of.
    private func synchronize(_ segmentID: Int) async {
        guard let segment = self.segment(segmentID) else { return }
        await withDiscardingTaskGroup { group in
            for other in segment.others {
                guard let client = self.state.withLock({ $0.clients[other] }) else { continue }
                group.addTask {
                    guard (try? await client.waitUntilUp(within: .seconds(2))) != nil,  // not there: nothing to get
                        let reply = try? await client.send(PeerBindingsRequest(segmentID: segmentID), deadline: .seconds(5))  // the same
                    else { return }
                    segment.dhcp.receive(reply.replication)
                }
            }
        }
        segment.succession.tell(.synchronized)
    }

    /// A link is gone: is the process, too?
    private func lookAfter(_ rack: SystemID) async {
        let (address, boot) = self.state.withLock { ($0.addresses[rack], $0.boots[rack]) }
        guard let address, let boot else { return }
        guard await PeerDeath.isProven(host: address.host, port: address.port) else { return }
        self.logger.notice("a rack's process is gone", metadata: ["rack.id": "\(rack)"])
        for segment in self.segments where segment.others.contains(rack) { segment.succession.tell(.died(rack, boot: boot)) }
    }
}
