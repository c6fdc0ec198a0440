// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The second byte of every answer (IPMI 2.0, table 5-2).
enum CompletionCode {
    /// Nil when the code says that the command was done.
    static func error(_ code: UInt8, command: String, address: BMCAddress) -> BMCError? {
        let hexadecimal = "0x" + (code < 16 ? "0" : "") + String(code, radix: 16, uppercase: true)
        func error(_ outcome: PowerOutcome, _ meaning: String) -> BMCError {
            BMCError(outcome, "\(address) refuses \(command): \(meaning) (completion code \(hexadecimal))")
        }
        switch code {
        case 0x00: return nil
        case 0xC0: return error(.busy, "busy")
        case 0xC3: return error(.timeout, "its own time ran out")
        case 0xC4: return error(.busy, "out of space")
        case 0xD1, 0xD2: return error(.busy, "it is updating or initialising itself")
        case 0xC1, 0xC2: return error(.unsupported, "unknown command")
        case 0xD4: return error(.unsupported, "the user's privilege level is too low")
        case 0xD5: return error(.unsupported, "not in the machine's present state")
        case 0xD6: return error(.unsupported, "switched off")
        default: return error(.protocolError, "failed")
        }
    }
}
