// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The unit of transport on a cluster link.
///
/// All numbers are big-endian:
///
/// | bytes | what |
/// | --- | --- |
/// | 4 | length of all that follows |
/// | 1 | magic, `G` (0x47) |
/// | 1 | version: major in the upper four bits, minor in the lower four; this is 1.0 |
/// | 1 | kind |
/// | 1 | flags: sent as 0, ignored when received |
/// | 8 | request id: chosen by the asker, repeated in the reply or refusal; 0 for the other kinds, save that a pong repeats its ping's |
/// | 2 | length of the name |
/// | n | name, UTF-8, at most 255 bytes: of the message, or of the refusal's code |
/// | rest | body: JSON, or for a refusal its text |
///
/// A receiver refuses another major version. A frame of a higher minor version may be of a kind that the receiver does not know; it is
/// skipped.
struct LinkFrame: Sendable, Equatable {
    /// What a frame is for.
    enum Kind: UInt8, Sendable, CaseIterable {
        /// A message that wants a reply.
        case request = 1
        /// The answer to a request.
        case reply = 2
        /// A message that wants none.
        case event = 3
        /// Asks whether the other end is alive.
        case ping = 4
        /// Answers a ping.
        case pong = 5
        /// The answer to a request that is not a reply: unknown, malformed, or the handler failed.
        case refusal = 6
    }

    /// The first byte after the length.
    static let magic: UInt8 = 0x47
    /// Our major version: receivers of another one cannot understand us.
    static let majorVersion: UInt8 = 1
    /// Our minor version: receivers with a lower one understand all that matters to them.
    static let minorVersion: UInt8 = 0
    /// The bytes after the length and before the name.
    static let fixedByteCount = 14
    /// The longest name in bytes.
    static let maximumNameByteCount = 255

    var kind: Kind
    var requestID: UInt64
    var name: String
    var body: [UInt8]

    init(_ kind: Kind, requestID: UInt64 = 0, name: String = "", body: [UInt8] = []) {
        self.kind = kind
        self.requestID = requestID
        self.name = name
        self.body = body
    }

    /// What the length field says.
    var byteCount: Int {
        Self.fixedByteCount + self.name.utf8.count + self.body.count
    }
}
