// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CFreeIPMI

/// What to forgive a BMC, under the names that FreeIPMI's tools and MAAS use (`ipmipower -W`).
public enum WorkaroundFlag: String, Sendable, Hashable, CaseIterable {
    case authenticationCapabilities = "authcap"
    case acceptSessionIDZero = "idzero"
    case unexpectedAuthentication = "unexpectedauth"
    case forcePerMessageAuthentication = "forcepermsg"
    case bigEndianSequenceNumber = "endianseq"
    case noAuthenticationCodeCheck = "noauthcodecheck"
    case noChecksumCheck = "nochecksumcheck"
    case intel20 = "intel20"
    case supermicro20 = "supermicro20"
    case sun20 = "sun20"
    case openSessionPrivilege = "opensesspriv"
    case integrityCheckValue = "integritycheckvalue"
    /// A different discovery packet in FreeIPMI's tools; without meaning here, accepted because MAAS stores it.
    case ipmiPing = "ipmiping"
    // Consoles only (serial over LAN); without meaning for power.
    case solPayloadSize = "solpayloadsize"
    case solPort = "solport"
    case solStatus = "solstatus"
    case solChannelSupport = "solchannelsupport"
    case serialAlertsDeferred = "serialalertsdeferred"
    case solPacketSequence = "solpacketseq"

    /// FreeIPMI's bit for sessions of IPMI 2.0; 0 where the flag has no meaning there.
    var bitForIPMI20: UInt32 {
        let bit: Int32 =
            switch self {
            case .authenticationCapabilities: IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_AUTHENTICATION_CAPABILITIES
            case .intel20: IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_INTEL_2_0_SESSION
            case .supermicro20: IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_SUPERMICRO_2_0_SESSION
            case .sun20: IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_SUN_2_0_SESSION
            case .openSessionPrivilege: IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE
            case .integrityCheckValue: IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_NON_EMPTY_INTEGRITY_CHECK_VALUE
            case .noChecksumCheck: IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_NO_CHECKSUM_CHECK
            default: 0
            }
        return UInt32(bitPattern: bit)
    }

    /// FreeIPMI's bit for sessions of IPMI 1.5; 0 where the flag has no meaning there.
    var bitForIPMI15: UInt32 {
        let bit: Int32 =
            switch self {
            case .authenticationCapabilities: IPMI_WORKAROUND_FLAGS_OUTOFBAND_AUTHENTICATION_CAPABILITIES
            case .acceptSessionIDZero: IPMI_WORKAROUND_FLAGS_OUTOFBAND_ACCEPT_SESSION_ID_ZERO
            case .forcePerMessageAuthentication: IPMI_WORKAROUND_FLAGS_OUTOFBAND_FORCE_PERMSG_AUTHENTICATION
            case .unexpectedAuthentication: IPMI_WORKAROUND_FLAGS_OUTOFBAND_CHECK_UNEXPECTED_AUTHCODE
            case .bigEndianSequenceNumber: IPMI_WORKAROUND_FLAGS_OUTOFBAND_BIG_ENDIAN_SEQUENCE_NUMBER
            case .noAuthenticationCodeCheck: IPMI_WORKAROUND_FLAGS_OUTOFBAND_NO_AUTH_CODE_CHECK
            case .noChecksumCheck: IPMI_WORKAROUND_FLAGS_OUTOFBAND_NO_CHECKSUM_CHECK
            default: 0
            }
        return UInt32(bitPattern: bit)
    }
}
