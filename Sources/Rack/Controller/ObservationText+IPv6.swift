// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain

extension ObservationText {
    /// What DHCPv6 saw, in the words that DHCP over IPv4 has.
    static func observation(_ seen: DHCPv6Observation) -> RackObservation {
        var parts: [String] = []
        if let address = seen.address { parts.append("address \(address)") }
        let isFirst = seen.kind == .solicit || seen.kind == .request
        if isFirst, let architecture = seen.architecture { parts.append(Self.clientName(architecture, isIPXE: seen.isIPXE)) }
        var text = parts.joined(separator: ", ")
        if let reason = seen.reason { text += (text.isEmpty ? "" : ": ") + "\(reason)" }
        return RackObservation(
            source: .dhcp, macAddress: seen.macAddress, address: nil, type: "DHCPv6 \(seen.kind)".uppercased(), description: text,
            occurred: Timestamp(microseconds: seen.milliseconds * 1000),
            firmware: isFirst ? seen.architecture.flatMap { Self.firmware(of: $0) } : nil
        )
    }
}
