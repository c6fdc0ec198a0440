// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CFreeIPMI
internal import Glibc

/// What FreeIPMI's error numbers mean to an operator.
enum FreeIPMIError {
    static func error(_ number: Int32, text: String, systemError: Int32, address: BMCAddress) -> BMCError {
        let message = "\(address): \(text)"
        switch UInt32(bitPattern: number) {
        case IPMI_ERR_USERNAME_INVALID.rawValue, IPMI_ERR_PASSWORD_INVALID.rawValue, IPMI_ERR_K_G_INVALID.rawValue,
            // The BMC was answering until it got our proof of the password: that is how some refuse it.
            IPMI_ERR_PASSWORD_VERIFICATION_TIMEOUT.rawValue:
            return BMCError(.wrongPassword, message)
        case IPMI_ERR_PRIVILEGE_LEVEL_INSUFFICIENT.rawValue, IPMI_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED.rawValue:
            return BMCError(.unsupported, "\(message); see privilege_level and the workaround flag opensesspriv")
        case IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE.rawValue, IPMI_ERR_AUTHENTICATION_TYPE_UNAVAILABLE.rawValue:
            return BMCError(.unsupported, "\(message); see cipher_suite_id and power_driver")
        case IPMI_ERR_IPMI_ERROR.rawValue, IPMI_ERR_BAD_RMCPPLUS_STATUS_CODE.rawValue:
            // Among others a BMC without the cipher suite; FreeIPMI does not keep what it said.
            return BMCError(.protocolError, "\(message); most often cipher_suite_id or workaround_flags do not suit this BMC")
        case IPMI_ERR_IPMI_2_0_UNAVAILABLE.rawValue:
            return BMCError(.unsupported, "\(message); see power_driver")
        case IPMI_ERR_COMMAND_INVALID_OR_UNSUPPORTED.rawValue, IPMI_ERR_COMMAND_INVALID_FOR_SELECTED_INTERFACE.rawValue:
            return BMCError(.unsupported, message)
        case IPMI_ERR_CONNECTION_TIMEOUT.rawValue, IPMI_ERR_SESSION_TIMEOUT.rawValue, IPMI_ERR_DRIVER_TIMEOUT.rawValue,
            IPMI_ERR_MESSAGE_TIMEOUT.rawValue:
            return BMCError(.timeout, message)
        case IPMI_ERR_BMC_BUSY.rawValue, IPMI_ERR_DRIVER_BUSY.rawValue, IPMI_ERR_OUT_OF_MEMORY.rawValue:
            return BMCError(.busy, message)
        case IPMI_ERR_HOSTNAME_INVALID.rawValue:
            return BMCError(.unreachable, message)
        case IPMI_ERR_SYSTEM_ERROR.rawValue:
            let reason = unsafe String(cString: strerror(systemError))
            let unreachable = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(systemError)
            return BMCError(unreachable ? .unreachable : .protocolError, "\(message): \(reason)")
        default:
            return BMCError(.protocolError, message)
        }
    }
}
