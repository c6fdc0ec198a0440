// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// An observer's word that it does not reach a subject.
public struct Accusation: Sendable, Hashable {
    /// By the identity in its certificate.
    public var observer: SystemID
    public var subject: SystemID

    public init(observer: SystemID, subject: SystemID) {
        self.observer = observer
        self.subject = subject
    }
}
