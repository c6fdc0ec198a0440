// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials
import Subprocess

@testable import Lab

/// A virtual machine that boots once from the network.
struct FirmwareMachine {
    let firmwareCase: FirmwareCase
    let rack: FirmwareRack
    /// Keeps the serial log.
    let directory: String
    private let disk: String?

    var serialLog: String { self.directory + "/serial.log" }

    struct Time {
        var processor: Double
        var wall: Duration
    }

    init(_ firmwareCase: FirmwareCase, _ rack: FirmwareRack, _ payload: FirmwarePayload) async throws {
        self.firmwareCase = firmwareCase
        self.rack = rack
        self.directory = "\(FirmwarePayload.package)/.build/firmware/\(firmwareCase.name)"
        // Of an earlier run, if there was one.
        try? FileManager.default.removeItem(atPath: self.directory)
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
        guard firmwareCase.isInstalled, case .amd64(let firmware) = firmwareCase.machine else {
            self.disk = nil
            return
        }
        let disk = self.directory + "/disk"
        try await FirmwareDisk.make(disk, payload, forBIOS: firmware == .biosIPXE)
        self.disk = disk
    }

    /// Starts the machine, waits for the end of the body, and switches it off.
    func run(_ body: () async throws -> Void) async throws -> Time {
        let command = ["netns", "exec", self.rack.namespace] + (try self.arguments())
        var options = PlatformOptions()
        // A session of its own has its own share of a busy host.
        options.createSession = true
        let begin = ContinuousClock.now
        let result = try await Subprocess.run(
            .name("bash"), arguments: Arguments(["-c", "exec ip \"$@\" > '\(self.directory)/qemu.log' 2>&1", "qemu"] + command),
            platformOptions: options, input: .none, output: .discarded, error: .discarded
        ) { execution in
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
            let processor = Self.processorTime(of: execution.processIdentifier.value)
            // An error means that it has ended already, which the outcome tells.
            try? execution.send(signal: .kill)
            return (outcome, processor)
        }
        try result.closureResult.0.get()
        return Time(processor: result.closureResult.1, wall: ContinuousClock.now - begin)
    }

    var serial: String {
        let data = (try? Data(contentsOf: URL(filePath: self.serialLog))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    var errors: String { (try? String(contentsOfFile: self.directory + "/qemu.log", encoding: .utf8)) ?? "" }

    private func arguments() throws -> [String] {
        var card = "\(self.firmwareCase.card),netdev=network,mac=\(FirmwareRack.macAddress),bootindex=1"
        if !self.firmwareCase.hasROM { card += ",romfile=" }
        let common =
            [
                // Never KVM: where /dev/kvm exists without hardware support, machines start and then crawl.
                "-accel", "tcg,thread=multi,tb-size=256", "-m", "768", "-display", "none", "-rtc", "base=utc", "-monitor", "none",
                "-serial", "file:\(self.serialLog)", "-device", "virtio-rng-pci",
                "-netdev", "tap,id=network,ifname=\(FirmwareRack.tap),script=no,downscript=no", "-device", card,
            ] + (self.disk.map { ["-drive", "if=none,id=disk,format=raw,file=\($0)", "-device", "virtio-blk-pci,drive=disk,bootindex=2"] } ?? [])
        switch self.firmwareCase.machine {
        case .amd64(let firmware):
            let variables = self.directory + "/firmware.vars"
            if let images = QEMUCommand.firmwareImages(firmware) { try FileManager.default.copyItem(atPath: images.variables, toPath: variables) }
            return ["qemu-system-x86_64", "-cpu", QEMUCommand.processor, "-vga", "none"] + common
                + QEMUCommand.firmwareArguments(firmware, variables: variables)
        case .arm64(let byHTTP):
            let variables = self.directory + "/firmware.vars"
            try FileManager.default.copyItem(atPath: "/usr/share/AAVMF/AAVMF_VARS.fd", toPath: variables)
            let onlyHTTP = ["IPv4PXESupport", "IPv6PXESupport", "IPv6Support"].flatMap { ["-fw_cfg", "name=opt/org.tianocore/\($0),string=no"] }
            return ["qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a57"] + common
                + [
                    "-drive", "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/AAVMF/AAVMF_CODE.fd",
                    "-drive", "if=pflash,format=raw,unit=1,file=\(variables)",
                ] + (byHTTP ? onlyHTTP : [])
        }
    }

    /// User and system time of a process, in seconds.
    private static func processorTime(of process: Int32) -> Double {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return 0 }
        // proc(5): utime and stime are fields 14 and 15, in hundredths; the name before them may have blanks.
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / 100
    }
}
