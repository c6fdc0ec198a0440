// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// One identity association of a client (RFC 8415, sections 21.4, 21.5 and 21.21).
public struct DHCPv6Association: Sendable, Hashable {
    public enum Kind: UInt8, Sendable, Hashable {
        case addresses, temporaryAddresses, prefixes
    }

    public let kind: Kind
    /// The client's own number for it (IAID).
    public let identifier: UInt32
    let option: DHCPv6OptionRange

    var headLength: Int { self.kind == .temporaryAddresses ? 4 : 12 }
}

/// An address in an association, with what the client says of its lifetimes.
public struct DHCPv6AssociatedAddress: Sendable, Hashable {
    public let address: IPv6Address
    public let preferredSeconds: UInt32
    public let validSeconds: UInt32
}

extension DHCPv6MessageView {
    /// Walks over the identity associations, in their order.
    public struct Associations: Sendable {
        var cursor: DHCPv6OptionCursor

        /// The next one; nil after the last.
        public mutating func next(in bytes: borrowing Span<UInt8>) -> DHCPv6Association? {
            // The same bytes were read without an error before; other bytes merely end the walk.
            while let option = try? self.cursor.next(in: bytes) {
                let kind: DHCPv6Association.Kind
                switch DHCPv6OptionCode(rawValue: option.code) {
                case .nonTemporaryAddresses: kind = .addresses
                case .temporaryAddresses: kind = .temporaryAddresses
                case .prefixDelegation: kind = .prefixes
                default: continue
                }
                guard option.length >= 4 else { continue }
                return DHCPv6Association(kind: kind, identifier: bytes.number(at: option.offset), option: option)
            }
            return nil
        }
    }

    /// Walks over the addresses in an association.
    public struct Addresses: Sendable {
        var cursor: DHCPv6OptionCursor

        public mutating func next(in bytes: borrowing Span<UInt8>) -> DHCPv6AssociatedAddress? {
            while let option = try? self.cursor.next(in: bytes) {
                guard option.code == DHCPv6OptionCode.address.rawValue, option.length >= 24 else { continue }
                return DHCPv6AssociatedAddress(
                    address: bytes.ipv6Address(at: option.offset), preferredSeconds: bytes.number(at: option.offset + 16),
                    validSeconds: bytes.number(at: option.offset + 20)
                )
            }
            return nil
        }
    }

    public var associations: Associations {
        Associations(cursor: DHCPv6OptionCursor(from: self.options.lowerBound, to: self.options.upperBound))
    }

    public func addresses(of association: DHCPv6Association) -> Addresses {
        Addresses(cursor: DHCPv6OptionCursor(inside: association.option, after: association.headLength))
    }

    /// The status inside an option, or of the message itself. For clients and tests; a missing one is a success (section 21.13).
    public func status(of association: DHCPv6Association? = nil, in bytes: borrowing Span<UInt8>) -> DHCPv6StatusCode? {
        var cursor =
            association.map { DHCPv6OptionCursor(inside: $0.option, after: $0.headLength) }
            ?? DHCPv6OptionCursor(from: self.options.lowerBound, to: self.options.upperBound)
        while let option = try? cursor.next(in: bytes) {
            guard option.code == DHCPv6OptionCode.statusCode.rawValue, option.length >= 2 else { continue }
            return DHCPv6StatusCode(rawValue: bytes.short(at: option.offset))
        }
        return .success
    }

    /// An option's value, the first of its number. Allocates: not for the hot path.
    public func value(of code: DHCPv6OptionCode, in bytes: borrowing Span<UInt8>) -> [UInt8]? {
        var cursor = DHCPv6OptionCursor(from: self.options.lowerBound, to: self.options.upperBound)
        while let option = try? cursor.next(in: bytes) {
            guard option.code == code.rawValue else { continue }
            return (option.offset..<option.end).map { bytes[$0] }
        }
        return nil
    }

    /// Whether the server identifier is exactly these bytes.
    public func isFor(server identifier: [UInt8], in bytes: borrowing Span<UInt8>) -> Bool {
        guard let option = self.serverIdentifier, option.length == identifier.count, option.end <= bytes.count else { return false }
        for index in 0..<option.length where bytes[option.offset + index] != identifier[index] { return false }
        return true
    }

    /// The client's hardware address, by the best of what there is: a relay's word, the link-local address that was made from it, or the
    /// DUID, which may be made from another interface of the same machine.
    ///
    /// - Parameter source: where the datagram came from.
    public func macAddress(from source: IPv6Address, in bytes: borrowing Span<UInt8>) -> MACAddress? {
        if let address = self.relayedMACAddress { return address }
        let peer = self.peerAddress ?? source
        if peer.isLinkLocal, let address = peer.embeddedMACAddress { return address }
        guard let option = self.clientIdentifier, option.end <= bytes.count else { return nil }
        return DHCPUniqueIdentifier.macAddress(in: bytes, at: option.offset, length: option.length)
    }
}
