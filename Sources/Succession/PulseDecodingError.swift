// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why bytes are no pulse.
public enum PulseDecodingError: Error, Sendable, Hashable {
    case tooShort(count: Int)
    /// Not this protocol at all.
    case wrongMagic
    /// A later version, which this rack does not know.
    case unknownVersion(UInt8)
    case unknownRole(UInt8)
    /// Six bytes at `offset` that are no system id.
    case invalidRack(offset: Int)
    /// More racks are said to be heard than fit.
    case invalidHeard(count: UInt8)
}
