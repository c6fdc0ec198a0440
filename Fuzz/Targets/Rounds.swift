// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Leasing

/// Plays the disk and the network between a rack's lease core and the region's authority.
enum Rounds {
    /// Hands each side's messages to the other until both are silent.
    static func settle(_ core: inout LeaseCore, _ authority: inout LeaseAuthority, events: [LeaseEvent], now: Instant) {
        var events = events[...]
        // Two honest sides need some ten rounds; whatever was put between them, they come to an end.
        for _ in 0..<256 {
            guard let event = events.popFirst() else { return }
            for effect in core.handle(event, now: now) {
                switch effect {
                case .persist(_, sequence: let sequence), .rewrite(_, sequence: let sequence): events.append(.persisted(through: sequence))
                case .send(let message):
                    for answer in authority.handle(.received(message), now: now) {
                        if case .send(let message, to: _) = answer { events.append(.received(message)) }
                    }
                case .replicate, .report: break
                }
            }
        }
        preconditionFailure("rack and region keep talking")
    }
}
