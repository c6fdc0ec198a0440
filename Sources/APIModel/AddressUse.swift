// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON

/// Which addresses of a subnet are taken, for `subnets/{id}/` and its operations.
public struct AddressUse: Sendable {
    /// Consecutive addresses with what they are for.
    public struct Span: Sendable, Hashable {
        public var start: UInt32
        public var end: UInt32
        public var purposes: [String]

        public var count: Int { Int(self.end) - Int(self.start) + 1 }
    }

    private let network: IPv4Network
    /// The taken spans, in order, without overlap.
    public let reserved: [Span]

    /// - Parameter addresses: single ones that are taken, each with what for, such as `assigned-ip`.
    public init(subnet: Subnet, ranges: [IPRange], addresses: [(IPv4Address, String)]) {
        self.network = subnet.network
        var spans = ranges.filter { $0.subnetID == subnet.id }.map {
            Span(start: $0.start.rawValue, end: $0.end.rawValue, purposes: [$0.kind.rawValue])
        }
        if let gateway = subnet.gateway { spans.append(Span(start: gateway.rawValue, end: gateway.rawValue, purposes: ["gateway-ip"])) }
        for server in subnet.dnsServers { spans.append(Span(start: server.rawValue, end: server.rawValue, purposes: ["dns-server"])) }
        for (address, purpose) in addresses { spans.append(Span(start: address.rawValue, end: address.rawValue, purposes: [purpose])) }
        let hosts = subnet.network.hosts
        self.reserved = Self.merge(
            spans.filter { $0.end >= hosts.lowerBound.rawValue && $0.start <= hosts.upperBound.rawValue && $0.start <= $0.end }
        )
    }

    /// Puts overlapping spans together, and adjacent ones of the same purpose.
    private static func merge(_ spans: [Span]) -> [Span] {
        var result: [Span] = []
        for span in spans.sorted(by: { $0.start == $1.start ? $0.end > $1.end : $0.start < $1.start }) {
            guard let last = result.last else {
                result.append(span)
                continue
            }
            let overlaps = span.start <= last.end
            let continues = last.end < UInt32.max && span.start == last.end + 1 && span.purposes == last.purposes
            if overlaps || continues {
                result[result.count - 1].end = max(last.end, span.end)
                let added = span.purposes.filter { !last.purposes.contains($0) }
                result[result.count - 1].purposes += added
            } else {
                result.append(span)
            }
        }
        return result
    }

    /// The spans that nothing is in.
    public var unreserved: [Span] {
        let hosts = self.network.hosts
        var next = UInt64(hosts.lowerBound.rawValue)
        let end = UInt64(hosts.upperBound.rawValue)
        var result: [Span] = []
        for span in self.reserved {
            if UInt64(span.start) > next { result.append(Span(start: UInt32(next), end: span.start - 1, purposes: ["unused"])) }
            next = max(next, UInt64(span.end) + 1)
        }
        if next <= end { result.append(Span(start: UInt32(next), end: UInt32(end), purposes: ["unused"])) }
        return result
    }

    /// The spans as objects; those that are taken say what for.
    public static func objects(_ spans: [Span], withPurpose: Bool) -> JSONValue {
        .array(
            spans.map { span in
                var object: JSONObject = [
                    "start": .string(IPv4Address(rawValue: span.start).description), "end": .string(IPv4Address(rawValue: span.end).description),
                ]
                if withPurpose { object["purpose"] = .array(span.purposes.map(JSONValue.string)) }
                object["num_addresses"] = .int(span.count)
                return .object(object)
            }
        )
    }

    /// `op=statistics`.
    public func statistics(withRanges: Bool) -> JSONValue {
        let hosts = self.network.hosts
        let total = Int(hosts.upperBound.rawValue) - Int(hosts.lowerBound.rawValue) + 1
        let free = self.unreserved
        let available = free.reduce(0) { $0 + $1.count }
        let usage = total == 0 ? 0 : Double(total - available) / Double(total)
        var object: JSONObject = [
            "num_available": .int(available), "largest_available": .int(free.map(\.count).max() ?? 0),
            "num_unavailable": .int(total - available), "total_addresses": .int(total), "usage": .double(usage),
            "usage_string": .string("\(Int((usage * 100).rounded()))%"),
            "available_string": .string("\(Int(((1 - usage) * 100).rounded()))%"),
            "first_address": .string(hosts.lowerBound.description), "last_address": .string(hosts.upperBound.description), "ip_version": 4,
        ]
        if withRanges {
            let all = (self.reserved + free).sorted { $0.start < $1.start }
            object["ranges"] = Self.objects(all, withPurpose: true)
        }
        return .object(object)
    }
}
