// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The result that an installation leaves, under MAAS's name for it.
enum InstallationResult {
    static let name = "50-curtin-install"
}
