// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Configurations for pxelinux and lpxelinux (syslinux' menu language).
///
/// `IPAPPEND 2` adds `BOOTIF` for the interface that booted. When a file cannot be loaded, the prompt appears and tries again after five
/// seconds.
public enum PXELinuxConfiguration {
    /// The configuration for one intent.
    ///
    /// - Parameter transport: How the configuration is being loaded. Only lpxelinux loads by HTTP, so only then the files are named by URL.
    public static func text(
        for intent: BootIntent, environment: BootEnvironment, transport: BootTransport
    ) throws(BootConfigurationError) -> String {
        guard intent.purpose.bootsEphemeral else { return Self.localBoot() }
        let files = try BootFiles(intent: intent)
        let line = try KernelCommandLine(intent: intent, environment: environment, loader: .pxelinux)
        let root = transport == .http ? "\(environment.httpBase)/" : ""
        return """
            DEFAULT gantry
            PROMPT 0
            TIMEOUT 50
            LABEL gantry
              SAY Gantry: \(intent.purpose.rawValue)
              LINUX \(root)\(files.kernel)
              INITRD \(root)\(files.initrd)
              APPEND \((line.ownWords + line.optionWords).joined(separator: " "))
              IPAPPEND 2

            """
    }

    /// Hands the boot back to the BIOS, which goes on with the next device.
    public static func localBoot() -> String {
        """
        DEFAULT local
        PROMPT 0
        TIMEOUT 50
        LABEL local
          SAY Gantry: local disk
          LOCALBOOT 0

        """
    }

    /// Shows why there is no configuration, and asks again by starting over after a minute.
    public static func refusal(_ error: BootConfigurationError) -> String {
        """
        DEFAULT refused
        PROMPT 1
        TIMEOUT 600
        SAY Gantry cannot boot this machine: \(error)
        LABEL refused
          LOCALBOOT 0

        """
    }
}
