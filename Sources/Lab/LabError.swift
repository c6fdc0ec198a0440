// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why a lab could not be set up or asked.
public struct LabError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The configuration names something impossible.
        case configuration
        /// A file of the lab cannot be read or written.
        case file
        /// A program of the system refused or is missing.
        case program
        /// Something did not happen in time.
        case timeout
        /// There is no such machine in this lab.
        case unknownMachine
    }

    public var code: Code
    /// For the operator. Holds no secret.
    public var message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "lab \(self.code.rawValue): \(self.message)" }
}
