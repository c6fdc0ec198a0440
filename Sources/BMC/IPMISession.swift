// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CFreeIPMI
internal import Domain
internal import Glibc

/// One authenticated session with a BMC. Blocks; use it on a thread of `BMCThreadPool` only, and close it soon: an open session times out.
@safe
struct IPMISession: ~Copyable {
    /// How long FreeIPMI waits for the answer to one request, resends included.
    static let patience = Duration.seconds(5)

    /// Chassis Control (IPMI 2.0, section 28.3).
    enum Control: UInt8 {
        case powerDown = 0
        case powerUp = 1
        case powerCycle = 2
        case softShutdown = 5
    }

    private let context: OpaquePointer
    private let address: BMCAddress
    private let deadline: ContinuousClock.Instant

    /// Knocks, then opens a session.
    init(_ parameters: BMCParameters, deadline: ContinuousClock.Instant) throws(BMCError) {
        let host = try IPMIKnock.knock(parameters.address, deadline: deadline)
        let left = min(ContinuousClock.now.duration(to: deadline), Self.patience).milliseconds
        guard left > 0 else { throw BMCError(.timeout, "no time left to open a session with \(parameters.address)") }
        guard let context = unsafe ipmi_ctx_create() else { throw BMCError(.busy, "no memory for a session with \(parameters.address)") }
        guard unsafe Self.open(context, host, parameters, timeout: UInt32(left)) == 0 else {
            // errno belongs to the failed call: read it before anything else can change it.
            let systemError = errno
            let error = unsafe Self.error(context, systemError, parameters.address)
            unsafe ipmi_ctx_destroy(context)
            throw error
        }
        unsafe self.context = context
        self.address = parameters.address
        self.deadline = deadline
    }

    deinit {
        unsafe ipmi_ctx_close(self.context)
        unsafe ipmi_ctx_destroy(self.context)
    }

    private static func open(_ context: OpaquePointer, _ host: String, _ parameters: BMCParameters, timeout: UInt32) -> Int32 {
        // Resends must fit into the timeout, else FreeIPMI refuses the pair.
        let resend = max(1, min(1000, timeout / 4))
        switch parameters.driver {
        case .ipmi20:
            let flags = parameters.workaroundFlags.reduce(0) { $0 | $1.bitForIPMI20 }
            return unsafe ipmi_ctx_open_outofband_2_0(
                context, host, parameters.user, parameters.password, parameters.bmcKey.isEmpty ? nil : parameters.bmcKey,
                UInt32(parameters.bmcKey.count), parameters.privilegeLevel.rawValue, parameters.cipherSuite, timeout, resend, flags, 0)
        case .ipmi15:
            let flags = parameters.workaroundFlags.reduce(0) { $0 | $1.bitForIPMI15 }
            let md5: UInt8 = 0x02  // IPMI 2.0, table 13-1
            return unsafe ipmi_ctx_open_outofband(
                context, host, parameters.user, parameters.password, md5, parameters.privilegeLevel.rawValue, timeout, resend, flags, 0)
        }
    }

    /// Get Chassis Status (IPMI 2.0, section 28.2): whether the machine has power.
    borrowing func powerState() throws(BMCError) -> PowerState {
        let answer = try self.chassisCommand([0x01], "chassis status")
        guard let state = answer.first else { throw BMCError(.protocolError, "\(self.address) gave a chassis status without content") }
        return state & 1 == 1 ? .on : .off
    }

    borrowing func control(_ control: Control) throws(BMCError) {
        _ = try self.chassisCommand([0x02, control.rawValue], "chassis control \(control)")
    }

    borrowing func setBootDevice(_ device: BootDevice, efi: Bool) throws(BMCError) {
        // Tells the BMC that the flags come from software and not from its own watchdog; optional, and many do without.
        _ = try? self.chassisCommand([0x08, 0x04, 0x01, 0x01], "boot info acknowledge")
        _ = try self.chassisCommand(BootFlags.request(device: device, efi: efi), "boot device \(device.rawValue)")
    }

    /// Sends one request and gives the answer's data.
    private borrowing func chassisCommand(_ request: [UInt8], _ name: String) throws(BMCError) -> ArraySlice<UInt8> {
        guard ContinuousClock.now < self.deadline else {
            throw BMCError(.timeout, "\(self.address) is too slow: no time left for \(name)")
        }
        let chassis: UInt8 = 0x00
        var answer = [UInt8](repeating: 0, count: 256)
        let length = unsafe ipmi_cmd_raw(
            self.context, 0, chassis, request, UInt32(request.count), &answer, UInt32(answer.count))
        let systemError = errno
        guard length >= 0 else { throw unsafe Self.error(self.context, systemError, self.address) }
        // The answer begins with the command and the completion code.
        guard length >= 2, Int(length) <= answer.count, let code = answer.dropFirst().first else {
            throw BMCError(.protocolError, "\(self.address) answered \(name) with \(length) bytes")
        }
        if let error = CompletionCode.error(code, command: name, address: self.address) { throw error }
        return answer[2..<Int(length)]
    }

    private static func error(_ context: OpaquePointer, _ systemError: Int32, _ address: BMCAddress) -> BMCError {
        let number = unsafe ipmi_ctx_errnum(context)
        let text = unsafe ipmi_ctx_strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
        return FreeIPMIError.error(number, text: text, systemError: systemError, address: address)
    }
}
