// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// What a firmware can run: option 93 (RFC 4578, section 2.1, and IANA's processor architecture types).
public struct ClientArchitecture: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    public static let biosX86 = ClientArchitecture(rawValue: 0)
    public static let efiIA32 = ClientArchitecture(rawValue: 6)
    public static let efiX64 = ClientArchitecture(rawValue: 7)
    /// RFC 4578 called this one "EFI BC"; firmware in the field uses it for x86-64.
    public static let efiByteCode = ClientArchitecture(rawValue: 9)
    public static let efiARM64 = ClientArchitecture(rawValue: 11)
    public static let efiX64HTTP = ClientArchitecture(rawValue: 16)
    public static let efiByteCodeHTTP = ClientArchitecture(rawValue: 17)
    public static let efiARM64HTTP = ClientArchitecture(rawValue: 19)
}
