// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// What `ipmi_sim` (OpenIPMI's lanserv) reads: its configuration, its commands and its scripts.
struct SimulatorConfiguration {
    var machine: LabMachine
    var files: LabMachineFiles
    var credentials: LabCredentials
    var network: IPv4Network
    var gateway: IPv4Address

    /// Holds the password: readable by its owner only.
    var configuration: String {
        """
        name "\(self.machine.name)"
        set_working_mc 0x20
          startlan 1
            addr \(self.machine.bmcAddress) 623
            priv_limit admin
            allowed_auths_callback none md2 md5 straight
            allowed_auths_user none md2 md5 straight
            allowed_auths_operator none md2 md5 straight
            allowed_auths_admin none md2 md5 straight
            guid \(self.machine.uuid.filter { $0 != "-" })
            lan_config_program "bash \(self.files.lanScript)"
          endlan
          chassis_control "bash \(self.files.chassisScript)"
          serial 15 127.0.0.1 \(self.files.systemInterfacePort) codec VM
          sol "telnet:127.0.0.1:\(self.files.consolePort)" 115200 history=16000
          user 1 false "" "" user 10 none md2 md5 straight
          user 2 true "\(self.credentials.user)" "\(self.credentials.password)" admin 10 none md2 md5 straight

        """
    }

    let commands = """
        mc_setbmc 0x20
        mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
        sel_enable 0x20 1000 0x0a
        mc_enable 0x20

        """

    /// Answers Get LAN Configuration Parameters, so that the machine finds its BMC's address from inside.
    var lanScript: String {
        """
        #!/bin/bash
        # Called by ipmi_sim: get VARIABLE... | set VARIABLE VALUE... | check ...
        directory=\(self.files.directory)
        operation=$1; shift
        standard() {
            case $1 in
            ip_addr) echo \(self.machine.bmcAddress) ;;
            ip_addr_src) echo static ;;
            subnet_mask) echo \(self.network.subnetMask) ;;
            mac_addr) cat /sys/class/net/\(LabNetwork.bridge)/address ;;
            default_gw_ip_addr) echo \(self.gateway) ;;
            *mac_addr) echo 00:00:00:00:00:00 ;;
            *) echo 0.0.0.0 ;;
            esac
        }
        case $operation in
        get) for variable; do echo "$variable:$(cat $directory/lan.$variable 2>/dev/null || standard $variable)"; done ;;
        set)
            while [ $# -gt 1 ]; do
                case $1 in *[!a-z_]*) ;; *) echo "$2" > $directory/lan.$1 ;; esac
                shift 2
            done ;;
        esac
        exit 0

        """
    }

    /// Restarts `ipmi_sim` whenever it ends: some requests crash it (Get Channel Payload Support for channel 0xE does).
    var superviseScript: String {
        """
        #!/bin/bash
        directory=\(self.files.directory)
        echo $$ > \(self.files.supervisePID)
        simulator=
        trap 'kill $simulator 2>/dev/null; exit 0' TERM INT
        while :; do
            ipmi_sim -c \(self.files.simulatorConfiguration) -f \(self.files.simulatorCommands) -s \(self.files.simulatorState) -n &
            simulator=$!
            echo $simulator > \(self.files.simulatorPID)
            wait $simulator
            echo "ipmi_sim ended with $?"
            sleep 1 & wait $!
        done

        """
    }
}
