// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterMessages
internal import Domain

/// A machine's boot in words, for its timeline.
enum ObservationText {
    static func observation(_ seen: DHCPObservation) -> RackObservation {
        if seen.kind == .foreignServer || seen.kind == .foreignOffer {
            let server = seen.address.map { "\($0)" } ?? "?"
            let what =
                seen.kind == .foreignServer
                ? "\(seen.macAddress) took an address from \(server)" : "\(server) (\(seen.macAddress)) offers addresses"
            return RackObservation(
                source: .dhcp, macAddress: seen.macAddress, address: nil, type: RackObservation.foreignServerType,
                description: "\(what), which is no server of this cloud. "
                    + "Next: switch DHCP off there, or for this VLAN",
                occurred: Timestamp(microseconds: seen.milliseconds * 1000)
            )
        }
        let firmware = seen.architecture.flatMap { Self.firmware(of: $0) }
        var text = seen.address.map { "address \($0)" } ?? ""
        if seen.kind == .discover || seen.kind == .request, let architecture = seen.architecture {
            text += (text.isEmpty ? "" : ", ") + Self.clientName(architecture, isIPXE: seen.isIPXE)
        }
        if let reason = seen.reason { text += (text.isEmpty ? "" : ": ") + "\(reason)" }
        return RackObservation(
            source: .dhcp, macAddress: seen.macAddress, address: seen.address, type: "DHCP \(seen.kind)".uppercased(), description: text,
            occurred: Timestamp(microseconds: seen.milliseconds * 1000), firmware: seen.kind == .acknowledge ? nil : firmware
        )
    }

    /// RFC 4578, section 2.1, and IANA's registry of processor architecture types.
    static func firmware(of architecture: UInt16) -> Firmware? {
        switch architecture {
        case 0: .bios
        case 6, 7, 9, 10, 11, 15, 16, 18, 19: .uefi
        default: nil
        }
    }

    static func clientName(_ architecture: UInt16, isIPXE: Bool) -> String {
        let firmware: String
        switch architecture {
        case 0: firmware = "BIOS"
        case 7, 9: firmware = "UEFI x86-64"
        case 11: firmware = "UEFI arm64"
        case 16: firmware = "UEFI HTTP x86-64"
        case 19: firmware = "UEFI HTTP arm64"
        default: firmware = "architecture \(architecture)"
        }
        return isIPXE ? "\(firmware), iPXE" : firmware
    }

    static func observation(_ seen: BootObservation, _ answers: BootAnswers) -> RackObservation {
        let source: Event.Source
        let type: String
        switch seen.kind {
        case .tftpRequest: (source, type) = (.tftp, "TFTP request")
        case .tftpDone: (source, type) = (.tftp, "TFTP done")
        case .tftpFailed: (source, type) = (.tftp, "TFTP failed")
        case .httpRequest: (source, type) = (.http, "HTTP request")
        case .httpDone: (source, type) = (.http, "HTTP done")
        case .httpFailed: (source, type) = (.http, "HTTP failed")
        case .metadata: (source, type) = (.metadata, "Metadata")
        }
        var parts = [seen.name]
        if seen.bytes > 0 { parts.append("\(seen.bytes) bytes") }
        if seen.duration > .zero {
            parts.append("\(seen.duration.components.seconds * 1000 + seen.duration.components.attoseconds / 1_000_000_000_000_000) ms")
        }
        if let status = seen.status { parts.append("status \(status)") }
        if !seen.detail.isEmpty { parts.append(seen.detail) }
        let isConfiguration = seen.kind == .tftpDone || seen.kind == .httpDone
        let intent = seen.macAddress.flatMap { answers.intent(of: $0) }
        return RackObservation(
            source: source, macAddress: seen.macAddress, address: seen.client.ipv4, type: type, description: parts.joined(separator: ", "),
            occurred: Timestamp(microseconds: seen.milliseconds * 1000),
            purpose: isConfiguration && seen.name.contains("cfg") ? intent?.purpose : nil
        )
    }
}
