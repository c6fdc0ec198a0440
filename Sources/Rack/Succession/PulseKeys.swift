// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import OpenSSL
internal import Succession

/// The keys of a segment's pulses: who has none of them can neither keep a dead rack alive nor take a living one's place.
struct PulseKeys: Sendable {
    private var keys: [(id: UInt32, secret: [UInt8])]

    /// A key that is no hexadecimal digits is left out: regions make none.
    init(_ keys: [PulseKey]) {
        self.keys = keys.compactMap { key in Hexadecimal.decode(key.secret).map { (key.id, $0) } }
    }

    /// A pulse as it goes on the wire; nil while there is no key.
    func frame(of pulse: Pulse) -> [UInt8]? {
        guard let key = self.keys.first else { return nil }
        let body = pulse.encoded(key: key.id)
        return body + HMAC.sha256(body, key: key.secret).prefix(Pulse.tagLength)
    }

    /// The pulse in a frame that one of the keys made; nil for anything else.
    func pulse(in frame: [UInt8]) -> Pulse? {
        guard frame.count > Pulse.tagLength, frame.count <= Pulse.maximumLength, let id = Pulse.key(of: frame),
            let key = self.keys.first(where: { $0.id == id })
        else { return nil }
        let body = Array(frame.dropLast(Pulse.tagLength))
        let tag = HMAC.sha256(body, key: key.secret).prefix(Pulse.tagLength)
        guard ConstantTime.areEqual(Array(tag), Array(frame.suffix(Pulse.tagLength))) else { return nil }
        return try? Pulse(decoding: body)  // a later version's pulse is none for this one
    }
}
