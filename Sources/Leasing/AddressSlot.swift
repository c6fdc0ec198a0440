// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain

/// Everything a rack knows about one address, without storage of its own.
struct AddressSlot: Sendable {
    /// What the address is to this rack, in its current generation. Each case names where it can go.
    enum State: UInt8, Sendable {
        /// Nothing is known, or it is over. → arriving, bound
        case vacant = 0
        /// A token came and is not yet durable. → free, vacant
        case arriving = 1
        /// An unspent token. → debiting, vacant
        case free = 2
        /// The debit is being written. → ready, vacant
        case debiting = 3
        /// Durably written off, may be given to a client at once; `client` has an offer until `expiry`. → bound, vacant
        case ready = 4
        /// A client has it or had it, and nobody else can (rule R2); its lease lasts until `expiry`. → vacant, quarantined
        case bound = 5
        /// Written off before a crash, to whom is not known: treated as bound to a stranger (rule R1). → bound, vacant
        case undecided = 6
        /// Declined: not used until `expiry`. → vacant
        case quarantined = 7
    }

    let address: UInt32
    var state = State.vacant
    /// The generation that `state` is about.
    var generation: UInt32 = 0
    /// The lowest generation that this rack may act on.
    var floor: UInt32 = 0
    /// One more than the highest generation this rack was ever handed a token of (rule R6); zero for none.
    var handed: UInt32 = 0
    /// The client of a binding or of an offer; zero for none.
    var client: UInt64 = 0
    /// The machine that the address is reserved for; zero for none.
    var reservedFor: UInt64 = 0
    /// Nil in `Reservation.generation` is this flag.
    var reservationIsLocal = false
    var reservedGeneration: UInt32 = 0
    var expiry = Instant.distantPast
    /// The neighbours in the queue that the slot is in; -1 for none.
    var previous: Int32 = -1
    var next: Int32 = -1
    /// The client gave the address back. It stays bound until its lease would have ended: a late or forged message must not
    /// free an address that somebody uses.
    var isReleased = false
    /// Declined since the last report.
    var isDeclined = false
    /// Is in the list of changes.
    var isChanged = false
    /// The journal, the region, the other racks have not been told yet.
    var isUnrecorded = false
    var isUnreported = false
    var isUnreplicated = false
    /// The binding is not yet on disk.
    var isAwaitingDisk = false

    init(address: UInt32) {
        self.address = address
    }

    func token(_ generation: UInt32) -> Token {
        Token(address: IPv4Address(rawValue: self.address), generation: generation)
    }
}

/// The two ends of a queue of slots, linked through the slots themselves.
struct SlotQueue: Sendable {
    var head: Int32 = -1
    var tail: Int32 = -1
    var count = 0
}
