// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterLink
internal import ClusterMessages
internal import Domain
internal import Synchronization

/// The racks whose link is up, as they described themselves.
final class RackDirectory: Sendable {
    struct Entry: Sendable {
        var peer: LinkPeer
        var hello: RackHello
        /// The configuration that the rack has confirmed.
        var appliedDigest: String?
    }

    private let entries = Mutex<[SystemID: Entry]>([:])

    var all: [Entry] {
        self.entries.withLock { Array($0.values) }.sorted { $0.hello.rack < $1.hello.rack }
    }

    subscript(rack: SystemID) -> Entry? {
        self.entries.withLock { $0[rack] }
    }

    func insert(_ peer: LinkPeer, _ hello: RackHello) {
        self.entries.withLock { $0[hello.rack] = Entry(peer: peer, hello: hello, appliedDigest: nil) }
    }

    /// Removes the rack unless a newer link has taken its place.
    ///
    /// - Returns: the rack, when it is gone.
    func remove(_ peer: LinkPeer) -> SystemID? {
        self.entries.withLock { entries in
            guard let rack = entries.first(where: { $0.value.peer === peer })?.key else { return nil }
            entries[rack] = nil
            return rack
        }
    }

    func applied(_ digest: String, by rack: SystemID, over peer: LinkPeer) {
        self.entries.withLock { entries in
            if entries[rack]?.peer === peer { entries[rack]?.appliedDigest = digest }
        }
    }
}
