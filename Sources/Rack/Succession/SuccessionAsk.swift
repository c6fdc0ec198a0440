// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain

/// What a segment's succession wants of the other racks, by way of their links.
enum SuccessionAsk: Sendable {
    case order(PeerSuccessionOrder.Kind, segmentID: Int, to: SystemID)
    /// All bindings of the segment, from every rack of it that can be reached.
    case synchronize(segmentID: Int)
}
