// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A message that one controller sends to another over a cluster link, and that is answered.
///
/// Both the message and its reply travel as JSON objects. A field that is added later must be optional or have a default when
/// decoded, because racks and regions one release apart work together; a change of meaning needs a new ``name``.
public protocol LinkMessage: Codable, Sendable {
    /// What the receiver answers. ``LinkNothing`` when there is nothing to say.
    associatedtype Reply: Codable, Sendable

    /// The name on the wire: lower-case words with dots, such as `power.set`; at most 255 bytes of UTF-8, and never changed.
    static var name: String { get }

    /// The message as JSON, for kinds of which there are so many that `JSONEncoder` would be what the rack is busy with; nil for all others.
    var encodedJSON: [UInt8]? { get }
}

extension LinkMessage {
    public var encodedJSON: [UInt8]? { nil }
}

/// The reply of a message that needs no answer beyond "received and handled".
public struct LinkNothing: Codable, Sendable, Equatable {
    /// Nothing.
    public init() {}
}
