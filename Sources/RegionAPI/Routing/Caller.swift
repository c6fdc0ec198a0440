// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// Who makes a request.
enum Caller: Sendable, Hashable {
    case anonymous
    case user(User)
    case machine(SystemID)

    var user: User? {
        if case .user(let user) = self { user } else { nil }
    }

    var isAdministrator: Bool { self.user?.isSuperuser == true }
}
