// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterMessages

/// The first request on a link, and its reply: what each end can do. A link is up when the client has this reply, because in TLS 1.3 the
/// client's handshake ends before the server has looked at its certificate.
struct LinkHello: LinkMessage {
    static let name = "link.hello"
    typealias Reply = LinkHello

    /// Which release the sender is; for people.
    var software: String
    /// How many requests the sender handles at once.
    var maximumInFlight: Int
    /// The largest frame that the sender takes.
    var maximumFrameBytes: Int
}

/// The last event on a link, when the sender closes it on purpose.
enum LinkGoodbye {
    static let name = "link.goodbye"
    /// Another connection with the same identity has taken this one's place.
    static let replaced = "replaced by a newer link of the same identity"
    /// As many peers are connected as are allowed.
    static let full = "no more peers are accepted here"
    /// The identity is genuine, but it is not wanted.
    static let notAdmitted = "this identity is not admitted"
    /// The sender's process ends.
    static let shutDown = "shutting down"
    /// The longest reason that is read, in bytes.
    static let maximumByteCount = 256
}
