// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The numbers that racks and the authority must agree on, and the sizes of what they hold.
public struct LeaseTerms: Sendable, Hashable, Codable {
    /// L: no lease is ever longer. Lowering it is safe once the old time has passed everywhere.
    public var maximumLeaseSeconds: Int
    /// G: how long a rack may serve after the authority last answered it. It bounds how long one dead rack can block recycling,
    /// and how long racks serve without any region.
    public var grantSeconds: Int
    /// ε: how far two clocks may drift apart, in thousandths. Crystals are below 0.2.
    public var clockErrorPerMille: Int
    /// How many addresses are at least written off at a time before any of them is given out (rule R1): one disk write for so many
    /// clients. An eighth of the unspent tokens is written off when that is more, so that a whole row of racks can boot at once.
    public var debitBlock: Int
    /// How many unspent tokens a rack wants to hold; the authority gives it at most an equal share.
    public var tokenTarget: Int
    /// How long an address that a client found in use stays unused.
    public var quarantineSeconds: Int
    /// How long an offered address is kept for the client that it was offered to.
    public var offerSeconds: Int
    /// The most addresses that one segment's rack keeps in memory, about 100 bytes each.
    public var maximumAddresses: Int

    public init(
        maximumLeaseSeconds: Int = 3_600, grantSeconds: Int = 86_400, clockErrorPerMille: Int = 20, debitBlock: Int = 16,
        tokenTarget: Int = 1_024, quarantineSeconds: Int = 86_400, offerSeconds: Int = 30, maximumAddresses: Int = 65_536
    ) {
        self.maximumLeaseSeconds = maximumLeaseSeconds
        self.grantSeconds = grantSeconds
        self.clockErrorPerMille = clockErrorPerMille
        self.debitBlock = debitBlock
        self.tokenTarget = tokenTarget
        self.quarantineSeconds = quarantineSeconds
        self.offerSeconds = offerSeconds
        self.maximumAddresses = maximumAddresses
    }

    public static let standard = LeaseTerms()

    /// That many seconds, lengthened by the clock error: what the side that must wait counts.
    func lengthened(_ seconds: Int) -> Int64 {
        Int64(seconds) * 1_000_000 * Int64(1_000 + self.clockErrorPerMille)
    }

    /// That many seconds, shortened by the clock error: what the side that may act counts.
    func shortened(_ seconds: Int) -> Int64 {
        Int64(seconds) * 1_000_000 * Int64(1_000 - self.clockErrorPerMille)
    }
}
