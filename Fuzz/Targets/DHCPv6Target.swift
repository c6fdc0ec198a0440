// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCPv6
import Domain

/// One datagram on UDP port 547: reading with all its relays' layers, and an answer in kind.
enum DHCPv6Target: FuzzTarget {
    static let name = "dhcp6"

    static func take(_ input: [UInt8]) {
        guard let request = try? DHCPv6MessageView(parsing: input.span) else { return }
        precondition(request.relayCount <= DHCPv6RelayCursor.maximumRelays && request.length == input.count)
        for option in [request.clientIdentifier, request.serverIdentifier] {
            guard let option else { continue }
            precondition(
                option.offset >= 8 && (3...130).contains(option.length) && option.offset + option.length <= input.count, "an identifier outside")
        }
        _ = request.macAddress(from: IPv6Address(high: 0xFE80 << 48, low: 1), in: input.span)
        for number in 0..<128 as Range<UInt16> {
            let code = DHCPv6OptionCode(rawValue: number)
            precondition((request.value(of: code, in: input.span) != nil) == request.present.contains(code), "option \(number) is there or not")
        }
        Self.answer(request, input)
    }

    /// Writes an answer with everything that the client named, in the least and in the usual room.
    private static func answer(_ request: DHCPv6MessageView, _ input: [UInt8]) {
        for room in [DHCPv6MessageWriter.minimumRoom, 1_232] {
            let slot = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 1)
            defer { unsafe slot.deallocate() }
            guard var writer = unsafe DHCPv6MessageWriter(slot: slot), writer.beginReply(.reply, to: request, in: input.span) else { continue }
            let hasClient = writer.echo(request.clientIdentifier, of: input.span)
            var named = 0
            var associations = request.associations
            while let association = associations.next(in: input.span), let open = writer.begin(association, renewal: 1, rebinding: 2) {
                named += 1
                var addresses = request.addresses(of: association)
                while let entry = addresses.next(in: input.span) {
                    writer.append(address: entry.address, preferredSeconds: entry.preferredSeconds, validSeconds: entry.validSeconds)
                }
                writer.end(open)
            }
            let length = writer.finish()
            precondition(length <= room, "\(length) bytes in a room of \(room)")
            Self.check(unsafe Array(slot.prefix(length)), to: request, input, hasClient: hasClient, named: named)
        }
    }

    private static func check(_ bytes: [UInt8], to request: DHCPv6MessageView, _ input: [UInt8], hasClient: Bool, named: Int) {
        guard let reply = try? DHCPv6MessageView(parsing: bytes.span) else { preconditionFailure("an answer that cannot be read: \(bytes)") }
        precondition(reply.type == .reply && reply.transactionID == request.transactionID, "an answer to something else")
        precondition(reply.relayCount == request.relayCount && reply.linkAddress == request.linkAddress, "an answer by another way")
        precondition(reply.peerAddress == request.peerAddress, "an answer by another way")
        if hasClient {
            let (asked, answered) = (request.value(of: .clientIdentifier, in: input.span), reply.value(of: .clientIdentifier, in: bytes.span))
            precondition(asked == answered, "an answer to another client")
        }
        var walk = reply.associations
        var found = 0
        while walk.next(in: bytes.span) != nil { found += 1 }
        precondition(found == named, "\(found) associations of \(named)")
    }
}
