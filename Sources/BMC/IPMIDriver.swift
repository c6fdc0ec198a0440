// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// Power control by IPMI over LAN. Every call opens a session of its own and blocks.
struct IPMIDriver: Sendable {
    /// What a request has brought about.
    struct Progress: Sendable, Hashable {
        /// As the BMC said before it was told anything.
        var state: PowerState
        /// The state that the machine must now be seen to reach; nil when there is nothing to wait for.
        var goal: PowerState?
    }

    var parameters: BMCParameters

    func powerState(deadline: ContinuousClock.Instant) throws(BMCError) -> PowerState {
        let session = try IPMISession(self.parameters, deadline: deadline)
        return try session.powerState()
    }

    /// Tells the BMC to act. The effect comes later: ask for the state until the goal is reached.
    ///
    /// Repeating it does no harm, except for `cycle`; a `cycle` that got no answer is therefore reported as `protocolError`, which nobody repeats.
    func begin(
        _ action: PowerAction, bootDevice: BootDevice?, firmware: Firmware?, deadline: ContinuousClock.Instant
    ) throws(BMCError) -> Progress {
        let session = try IPMISession(self.parameters, deadline: deadline)
        let state = try session.powerState()
        func setBootDevice() throws(BMCError) {
            guard let bootDevice else { return }
            let efi = BootFlags.isEFI(bootType: self.parameters.bootType, firmware: firmware)
            try session.setBootDevice(bootDevice, efi: efi)
        }
        switch (action, state) {
        case (.on, .on), (.off, .off), (.softOff, .off), (.status, _):
            return Progress(state: state, goal: nil)
        case (.on, _), (.cycle, .off):
            try setBootDevice()
            try session.control(.powerUp)
            return Progress(state: state, goal: .on)
        case (.cycle, _):
            try setBootDevice()
            do throws(BMCError) {
                try session.control(.powerCycle)
            } catch {
                guard error.outcome == .timeout else { throw error }
                throw BMCError(.protocolError, "\(error.message); whether the machine was cycled is not known")
            }
            return Progress(state: state, goal: .on)
        case (.off, _):
            try session.control(self.parameters.offMode == .soft ? .softShutdown : .powerDown)
            return Progress(state: state, goal: .off)
        case (.softOff, _):
            try session.control(.softShutdown)
            return Progress(state: state, goal: nil)
        }
    }
}
