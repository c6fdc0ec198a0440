// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Lets others wait until both listeners are up.
final class ListeningPorts: Sendable {
    private struct State {
        var plain: Int?
        var rack: Int?
        var outcome: Result<RegionAPIPorts, any Error>?
        var waiting: [CheckedContinuation<RegionAPIPorts, any Error>] = []
    }

    private let expectsRack: Bool
    private let state = Mutex(State())

    init(expectsRack: Bool) {
        self.expectsRack = expectsRack
    }

    func opened(plain port: Int) {
        self.update { $0.plain = port }
    }

    func opened(rack port: Int) {
        self.update { $0.rack = port }
    }

    func failed(_ error: any Error) {
        self.update { $0.outcome = $0.outcome ?? .failure(error) }
    }

    func wait() async throws -> RegionAPIPorts {
        try await withCheckedThrowingContinuation { continuation in
            let outcome = self.state.withLock { state in
                if state.outcome == nil { state.waiting.append(continuation) }
                return state.outcome
            }
            if let outcome { continuation.resume(with: outcome) }
        }
    }

    private func update(_ change: (inout State) -> Void) {
        let (waiting, outcome) = self.state.withLock { state in
            change(&state)
            if state.outcome == nil, let plain = state.plain, state.rack != nil || !self.expectsRack {
                state.outcome = .success(RegionAPIPorts(plain: plain, rack: state.rack))
            }
            guard state.outcome != nil else { return ([CheckedContinuation<RegionAPIPorts, any Error>](), state.outcome) }
            defer { state.waiting = [] }
            return (state.waiting, state.outcome)
        }
        guard let outcome else { return }
        for continuation in waiting { continuation.resume(with: outcome) }
    }
}
