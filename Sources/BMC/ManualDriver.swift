// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// The power type `manual`: an operator is the BMC.
enum ManualDriver {
    static func perform(_ action: PowerAction) -> PowerResult {
        switch action {
        case .status:
            PowerResult(outcome: .succeeded, state: .unknown, message: "power type manual: the state is not known")
        case .on, .cycle:
            PowerResult(outcome: .unsupported, state: .unknown, message: "power type manual: an operator has to press the button")
        case .off, .softOff:
            PowerResult(outcome: .unsupported, state: .unknown, message: "power type manual: an operator has to switch the machine off")
        }
    }
}
