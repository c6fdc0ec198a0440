// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The administrator of one virtual BMC.
public struct LabCredentials: Sendable, Hashable, CustomStringConvertible {
    public var user: String
    public var password: String

    /// Without the password.
    public var description: String { self.user }

    static let user = "ipmiusr"

    /// Sixteen letters and digits: `ipmi_sim` takes neither more nor blanks.
    static func generate() -> LabCredentials {
        let alphabet = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789")
        var generator = SystemRandomNumberGenerator()
        let password = (0..<16).compactMap { _ in alphabet.randomElement(using: &generator) }
        return LabCredentials(user: self.user, password: String(password))
    }
}
