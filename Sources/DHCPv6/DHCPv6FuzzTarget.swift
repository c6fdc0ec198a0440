// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Everything that a stranger's bytes go through, for a fuzzer: reading, walking, and answering.
public enum DHCPv6FuzzTarget {
    /// Reads bytes as a message and answers it in kind.
    public static func run(_ bytes: [UInt8]) {
        guard let request = try? DHCPv6MessageView(parsing: bytes.span) else { return }
        unsafe withUnsafeTemporaryAllocation(byteCount: 1_232, alignment: 8) { slot in
            guard var writer = unsafe DHCPv6MessageWriter(slot: slot), writer.beginReply(.reply, to: request, in: bytes.span) else { return }
            writer.echo(request.clientIdentifier, of: bytes.span)
            var associations = request.associations
            while let association = associations.next(in: bytes.span) {
                guard let open = writer.begin(association, renewal: 1, rebinding: 2) else { break }
                var addresses = request.addresses(of: association)
                while let entry = addresses.next(in: bytes.span) {
                    writer.append(address: entry.address, preferredSeconds: entry.preferredSeconds, validSeconds: entry.validSeconds)
                }
                writer.end(open)
            }
            let length = writer.finish()
            let answer = unsafe Array(slot[..<length])
            precondition((try? DHCPv6MessageView(parsing: answer.span)) != nil, "an answer of ours cannot be read")
        }
    }
}
