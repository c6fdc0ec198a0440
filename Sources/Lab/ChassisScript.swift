// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// The program that `ipmi_sim` calls for power, boot device, reset and shutdown.
///
/// It is a script because it must work without Gantry: the BMCs outlive the process that set the lab up.
enum ChassisScript {
    /// First in the boot order, and after every disk.
    static let networkFirst = 1
    static let networkLast = 99

    static func text(_ machine: LabMachine, _ files: LabMachineFiles) -> String {
        """
        #!/bin/bash
        # Called by ipmi_sim: get VARIABLE... | set VARIABLE VALUE... | check ...
        set -u
        directory=\(files.directory)
        operation=$1; shift

        note() { echo "$(date -u +%FT%TZ) $*" >> $directory/chassis.log; }

        # The process that was recorded, and not another one that got its number later.
        running() {
            pid=$(cat $directory/machine.pid 2>/dev/null) && [ -n "$pid" ] &&
                tr '\\0' ' ' 2>/dev/null < /proc/$pid/cmdline | grep -qF -- $directory/
        }

        # Gives commands to QEMU's monitor and waits until it has done them.
        monitor() (
            exec 3<>/dev/tcp/127.0.0.1/\(files.monitorPort) || exit 1
            printf '%s\\n' "$@" 'info name' >&3
            while IFS= read -r -t 10 -u 3 line; do
                [ "${line%$'\\r'}" = \(machine.name) ] && exit 0
            done
            exit 1
        ) 2>/dev/null

        # ipmi_sim's sockets must not stay open in the machine, or a restarted ipmi_sim could not bind them.
        close_inherited() {
            for descriptor in /proc/$BASHPID/fd/*; do
                number=${descriptor##*/}
                [ $number -gt 2 ] && [ $number -ne 255 ] && eval "exec $number>&-"
            done 2>/dev/null
        }

        network_index() { monitor "qom-set /machine/peripheral/\(QEMUCommand.networkDevice) bootindex $1"; }

        # QEMU reads the boot order at a reset: changed now, it counts from the next one on.
        network_first_again() {
            for attempt in $(seq 100); do
                running || return 0
                network_index \(Self.networkFirst) && note "the network is first again" && return 0
                sleep 0.2
            done
            note "the boot order could not be restored"
        }

        # Takes the boot device for one start, and prints the network card's place in the boot order.
        take_boot_device() {
            device=$(cat $directory/boot 2>/dev/null); rm -f $directory/boot
            [ "$device" = default ] && echo \(Self.networkLast) || echo \(Self.networkFirst)
        }

        start() {
            running && return 0
            index=$(take_boot_device)
            note "start with the network at $index"
            ( close_inherited; exec setsid bash $directory/machine $index >> $directory/qemu.log 2>&1 < /dev/null ) &
            echo $! > $directory/machine.pid
            [ $index = \(Self.networkFirst) ] ||
                ( close_inherited; exec > /dev/null 2>&1 < /dev/null; network_first_again ) &
        }

        stop() {
            running || return 0
            note "stop"
            kill $pid 2>/dev/null
            for attempt in $(seq 20); do running || return 0; sleep 0.1; done
            kill -9 $pid 2>/dev/null
            for attempt in $(seq 20); do running || return 0; sleep 0.1; done
        }

        # With a boot device the machine starts anew: at a reset SeaBIOS resets once more by itself, and only the first would obey.
        reset() {
            running || return 0
            if [ -e $directory/boot ]; then stop; start; else note "reset"; monitor system_reset; fi
        }

        case $operation in
        get)
            for variable; do
                case $variable in
                power) running && echo power:1 || echo power:0 ;;
                boot) echo "boot:$(cat $directory/boot 2>/dev/null || echo none)" ;;
                *) echo "$variable:0" ;;
                esac
            done ;;
        set)
            # The lock is inherited by what this starts, which closes it first.
            exec 9> $directory/chassis.lock; flock -w 10 9
            while [ $# -gt 1 ]; do
                case $1 in
                power) if [ "$2" = 1 ]; then start; else stop; fi ;;
                reset) reset ;;
                shutdown) running && note "shutdown" && monitor system_powerdown ;;
                boot) if [ "$2" = none ]; then rm -f $directory/boot; else echo "$2" > $directory/boot; fi ;;
                esac
                shift 2
            done ;;
        esac
        exit 0

        """
    }
}
