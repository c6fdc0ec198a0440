// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain
internal import Succession

/// What one rack has to know in order to take part in a segment's succession.
struct SuccessionConfiguration: Sendable, Hashable {
    var segmentID: Int
    var rack: SystemID
    var interfaceName: String
    var serviceAddress: IPv4Address
    var succession: SegmentSuccession
    var terms = SuccessionTerms.standard
}
