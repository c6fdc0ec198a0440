// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Passes requests on to any of the regions, over connections that are kept for a while.
///
/// Another region is tried when one cannot be reached, when it certainly did not act on the request, and, for requests that may be made
/// twice, when it is lost, late, or answers 502 or 503.
public final class RegionHTTPForwarder: RegionForwarder, Sendable {
    /// Adds the TLS handler to a new connection's pipeline; is called on its event loop.
    public typealias Securing = @Sendable (any Channel, RegionEndpoint) throws -> Void

    private struct Idle {
        let channel: any Channel
        let since: Duration
    }

    private struct State {
        var endpoints: [RegionEndpoint] = []
        var idle: [RegionEndpoint: [Idle]] = [:]
        var open: [RegionEndpoint: Int] = [:]
        var avoidedUntil: [RegionEndpoint: Duration] = [:]
        var turn = 0
    }

    private let configuration: RegionForwarderConfiguration
    private let group: any EventLoopGroup
    private let secure: Securing?
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameter secure: Makes connections private; nil for plain TCP, which only tests use.
    public init(
        endpoints: [RegionEndpoint] = [], configuration: RegionForwarderConfiguration = RegionForwarderConfiguration(),
        group: any EventLoopGroup, secure: Securing?, logger: Logger
    ) {
        self.configuration = configuration
        self.group = group
        self.secure = secure
        self.logger = logger
        self.state = Mutex(State(endpoints: endpoints))
    }

    /// Takes over the regions that are known now. Exchanges with others go on.
    public func replace(endpoints: [RegionEndpoint]) {
        let unwanted = self.state.withLock { state in
            state.endpoints = endpoints
            let gone = state.idle.filter { !endpoints.contains($0.key) }
            for endpoint in gone.keys {
                state.idle[endpoint] = nil
                state.avoidedUntil[endpoint] = nil
            }
            return gone.values.flatMap { $0 }
        }
        for idle in unwanted { idle.channel.close(promise: nil) }
    }

    /// Closes the connections that are kept for later.
    public func closeIdleConnections() {
        let idle = self.state.withLock { state in
            defer { state.idle = [:] }
            return state.idle.values.flatMap { $0 }
        }
        for connection in idle { connection.channel.close(promise: nil) }
    }

    public func forward(_ request: ForwardRequest) async throws -> ForwardResponse {
        var refusal: ForwardResponse?
        var failure = RegionForwardError(.noRegions, "no region is known")
        for endpoint in self.candidates() {
            do {
                let response = try await self.exchange(request, with: endpoint)
                guard request.isIdempotent, response.status == 502 || response.status == 503 else { return response }
                refusal = response
            } catch {
                let problem = error as? RegionForwardError ?? RegionForwardError(.connectionLost, "\(error)")
                self.logger.debug("a region did not answer", metadata: ["region.endpoint": "\(endpoint)", "error": "\(problem)"])
                failure = problem
                guard problem.isBeforeSending || request.isIdempotent, problem.code != .responseTooLarge else { throw problem }
                if problem.code != .busy { self.avoid(endpoint) }
            }
        }
        guard let refusal else { throw failure }
        return refusal
    }

    /// The regions to try, in turn, with those that failed lately at the end.
    private func candidates() -> [RegionEndpoint] {
        let now = BootClock.monotonic
        return self.state.withLock { state in
            guard !state.endpoints.isEmpty else { return [] }
            state.turn = (state.turn + 1) % state.endpoints.count
            let ordered = Array(state.endpoints[state.turn...] + state.endpoints[..<state.turn])
            let avoided = ordered.filter { (state.avoidedUntil[$0] ?? .zero) > now }
            return Array((ordered.filter { !avoided.contains($0) } + avoided).prefix(self.configuration.maximumAttempts))
        }
    }

    private func avoid(_ endpoint: RegionEndpoint) {
        let until = BootClock.monotonic + self.configuration.avoidance
        self.state.withLock { $0.avoidedUntil[endpoint] = until }
    }

    private func exchange(_ request: ForwardRequest, with endpoint: RegionEndpoint) async throws -> ForwardResponse {
        if request.isIdempotent, let channel = self.takeIdle(endpoint) {
            do {
                return try await self.exchange(request, with: endpoint, over: channel)
            } catch let error as RegionForwardError where error.code == .notSent || error.code == .connectionLost {
                // The region closed it while it was idle: that says nothing about the region.
            }
        }
        return try await self.exchange(request, with: endpoint, over: try await self.connect(endpoint))
    }

    private func exchange(
        _ request: ForwardRequest, with endpoint: RegionEndpoint, over channel: any Channel
    ) async throws -> ForwardResponse {
        let promise = channel.eventLoop.makePromise(of: (response: ForwardResponse, isReusable: Bool).self)
        channel.writeAndFlush(RegionExchange(request: request, host: endpoint.description, promise: promise)).whenFailure { error in
            // The handler has failed the promise already, unless the channel was closed before it saw the request.
            promise.fail(RegionForwardError(.notSent, "the request was not sent: \(error)"))
        }
        // Who asked may be gone before the region says anything.
        let (response, isReusable) = try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
        if isReusable { self.keep(channel, of: endpoint) }
        return response
    }

    // MARK: Connections

    private func takeIdle(_ endpoint: RegionEndpoint) -> (any Channel)? {
        let oldest = BootClock.monotonic - self.configuration.idleLifetime
        var expired: [any Channel] = []
        let channel: (any Channel)? = self.state.withLock { state in
            while let idle = state.idle[endpoint]?.popLast() {
                if idle.since >= oldest, idle.channel.isActive { return idle.channel }
                expired.append(idle.channel)
            }
            return nil
        }
        for channel in expired { channel.close(promise: nil) }
        return channel
    }

    private func keep(_ channel: any Channel, of endpoint: RegionEndpoint) {
        let now = BootClock.monotonic
        let isKept = self.state.withLock { state in
            guard state.endpoints.contains(endpoint), state.idle[endpoint, default: []].count < self.configuration.maximumIdlePerRegion else {
                return false
            }
            state.idle[endpoint, default: []].append(Idle(channel: channel, since: now))
            return true
        }
        if !isKept { channel.close(promise: nil) }
    }

    private func connect(_ endpoint: RegionEndpoint) async throws -> any Channel {
        let mayOpen = self.state.withLock { state in
            guard state.open[endpoint, default: 0] < self.configuration.maximumConnectionsPerRegion else { return false }
            state.open[endpoint, default: 0] += 1
            return true
        }
        guard mayOpen else { throw RegionForwardError(.busy, "all connections to \(endpoint) are in use") }
        do {
            let channel = try await self.bootstrap(endpoint).connect(host: endpoint.host, port: endpoint.port).get()
            channel.closeFuture.whenComplete { _ in self.closed(channel, of: endpoint) }
            return channel
        } catch {
            self.closed(nil, of: endpoint)
            throw RegionForwardError(.cannotConnect, "\(endpoint) cannot be reached: \(error)")
        }
    }

    private func closed(_ channel: (any Channel)?, of endpoint: RegionEndpoint) {
        self.state.withLock { state in
            let count = state.open[endpoint, default: 1] - 1
            state.open[endpoint] = count > 0 ? count : nil
            if let channel { state.idle[endpoint]?.removeAll { $0.channel === channel } }
        }
    }

    private func bootstrap(_ endpoint: RegionEndpoint) -> ClientBootstrap {
        let (secure, configuration) = (self.secure, self.configuration)
        return ClientBootstrap(group: self.group)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try secure?(channel, endpoint)
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(
                        RegionExchangeHandler(
                            eventLoop: channel.eventLoop, timeout: configuration.responseTimeout,
                            maximumResponseBytes: configuration.maximumResponseBytes
                        )
                    )
                }
            }
    }
}
