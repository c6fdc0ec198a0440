// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension Form {
    /// A truth value as the clients write it: `true`, `1`, `on`, `yes` and their opposites, in any case.
    public static func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "1", "on", "yes": true
        case "false", "0", "off", "no": false
        default: nil
        }
    }

    /// The truth value of a key; nil when it is absent, empty, or no truth value.
    public func boolean(_ name: String) -> Bool? {
        self.text(name).flatMap(Self.boolean)
    }
}
