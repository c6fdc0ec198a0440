// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import Rack

/// Virtual machines of every firmware, from their first DISCOVER to the running ephemeral kernel, served by the rack's own servers.
/// They take minutes: `tools/test` runs three of them behind the other tests, `tools/firmware` all.
@Suite(.serialized) struct FirmwareTests {
    private actor Payload {
        static let shared = Payload()
        private var made: Task<FirmwarePayload, any Error>?

        func get() async throws -> FirmwarePayload {
            let task = self.made ?? Task { try await FirmwarePayload() }
            self.made = task
            return try await task.value
        }
    }

    @Test(.timeLimit(.minutes(30)), arguments: FirmwareCase.chosen)
    func `a machine boots from the network`(_ firmwareCase: FirmwareCase) async throws {
        let payload = try await Payload.shared.get()
        var bootFiles = DHCPBootFiles(available: payload.loaders.keys)
        firmwareCase.change(&bootFiles)
        try await FirmwareRack.serving(payload, bootFiles: bootFiles, isInstalled: firmwareCase.isInstalled) { rack in
            let machine = try await FirmwareMachine(firmwareCase, rack, payload)
            do {
                let time = try await machine.run { try await Self.follow(firmwareCase, machine, rack) }
                Self.say(firmwareCase, "passed", "\(Int(time.processor.rounded())) CPU s", "\(time.wall.components.seconds) s", rack)
            } catch {
                Self.say(firmwareCase, "FAILED", "-", "-", rack)
                let end = String(machine.serial.suffix(3000))
                Issue.record("\(firmwareCase.name): \(error)\nthe end of \(machine.serialLog):\n\(end)\nQEMU: \(machine.errors)\n\(rack.report)")
            }
        }
    }

    private static func follow(_ firmwareCase: FirmwareCase, _ machine: FirmwareMachine, _ rack: FirmwareRack) async throws {
        if firmwareCase.chainsIPXE, let first = firmwareCase.transfers.first {
            try await eventually(within: .seconds(900), "\(first) is loaded") { Self.has(rack.transfers, [first]) }
            rack.sendScriptToIPXE()
        }
        switch firmwareCase.end {
        case .text(let text):
            try await eventually(within: .seconds(1200), "the serial line shows '\(text)'") { machine.serial.contains(text) }
        case .kernel:
            let line = try await Self.kernel(machine)
            #expect(line.contains("BOOTIF=01-\(FirmwareRack.macAddress.dashed)"), "\(line)")
            #expect(line.contains("root=squash:http://10.99.0.1:5248/images/"), "\(line)")
        case .disk:
            let line = try await Self.kernel(machine)
            #expect(line.contains(FirmwareDisk.word), "\(line)")
        }
        #expect(Self.has(rack.transfers, firmwareCase.transfers), "\(rack.transfers) for \(firmwareCase.transfers)")
        for text in firmwareCase.shows { #expect(machine.serial.contains(text), "the serial line shows '\(text)'") }
    }

    /// Waits until the whole line is there: it is printed slowly.
    private static func kernel(_ machine: FirmwareMachine) async throws -> String {
        var line: String?
        try await eventually(within: .seconds(1200), "the kernel runs") {
            line = Self.markerLine(machine.serial)
            return line?.contains(":END") == true
        }
        return line ?? ""
    }

    private static func markerLine(_ serial: String) -> String? {
        serial.ranges(of: FirmwarePayload.marker).last.map { String(serial[$0.lowerBound...].prefix { $0 != "\n" && $0 != "\r\n" }) }
    }

    /// Whether the wanted transfers are among those that were done, in their order.
    private static func has(_ done: [String], _ wanted: [String]) -> Bool {
        var rest = done[...]
        for one in wanted {
            let words = one.split(separator: " ", maxSplits: 1)
            guard let index = rest.firstIndex(where: { $0.hasPrefix(words[0]) && $0.hasSuffix("/" + words[1]) || $0 == one }) else { return false }
            rest = rest[(index + 1)...]
        }
        return true
    }

    /// A line of the table that `tools/firmware` prints.
    private static func say(_ firmwareCase: FirmwareCase, _ result: String, _ processor: String, _ wall: String, _ rack: FirmwareRack) {
        let files = rack.transfers.map { "\($0.prefix(4)) \($0.split { $0 == "/" || $0 == " " }.last ?? "")" }
        let line = Array("firmware\t\(firmwareCase.name)\t\(result)\t\(processor)\t\(wall)\t\(files.joined(separator: ", "))\n".utf8)
        _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
