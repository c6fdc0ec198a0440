// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The program that a machine runs in the ephemeral OS, and the scripts that it runs to find out what the machine is.
///
/// The agent is Python with the standard library only (`agent/gantry_agent.py`); `docs/install-plan.md` says how it is told what to do.
public enum EphemeralAgent {
    /// The agent's source, without configuration.
    public static var source: [UInt8] { PackageResources.gantry_agent_py }

    /// User-data that runs the agent: a Python program with the configuration in it.
    ///
    /// The second line is how the ephemeral OS knows the agent and runs it without cloud-init's help.
    /// - Parameter configuration: a JSON object, see `docs/install-plan.md`. It may hold the machine's OAuth key, so the result is a secret.
    public static func userData(configuration: String) -> [UInt8] {
        var program = Array("#!/usr/bin/python3\n# gantry-agent\n".utf8)
        program += Array("GANTRY_CONFIGURATION = \"".utf8) + Base64.encode(configuration.utf8) + Array("\"\n".utf8)
        program += Array("GANTRY_BMC_SCRIPT = \"".utf8) + Base64.encode(PackageResources.bmc_config) + Array("\"\n".utf8)
        return program + self.source
    }

    /// The built-in commissioning scripts, in the order in which they run.
    public static let commissioningScripts: [BuiltinScript] = [
        PackageResources.machine_resources, PackageResources.bmc_config, PackageResources.commissioning,
        PackageResources.maas_kernel_cmdline, PackageResources.maas_lshw, PackageResources.maas_serial_ports, PackageResources.maas_support_info,
    ].map { BuiltinScript(content: $0) }
}
