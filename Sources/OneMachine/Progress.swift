// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Shows what a long piece of work is doing.
public protocol Progress: Sendable {
    /// A step has begun, or has come further.
    ///
    /// - Parameter fraction: how much of the whole is done, 0 to 1; nil when nobody knows.
    func step(_ name: String, fraction: Double?)
    /// The step is done; the text stays on the screen.
    func done(_ text: String)
}
