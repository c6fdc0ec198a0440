#!/bin/bash
# From a Debian root, makes the archive that is unpacked onto machines' disks. usage: target.sh ROOT OUT
# Its initrd is made here, with every common driver, RAID and LVM: an installation never has to make one (minutes on a slow CPU).
set -euo pipefail
R=$1; OUT=$2; HERE=$(dirname "$(readlink -f "$0")"); mkdir -p "$OUT"
K=$(basename "$R"/lib/modules/*)
install -D -m 644 "$HERE/target-files/cloud.cfg" "$R/etc/cloud/cloud.cfg.d/80-gantry.cfg"
printf 'MODULES=most\nCOMPRESS=lz4\nRESUME=none\n' > "$R/etc/initramfs-tools/conf.d/gantry"
rm -f "$R"/boot/initrd.img-*; chroot "$R" update-initramfs -c -k "$K" 2>&1 | grep -v '^W:' || true
[ -s "$R/boot/initrd.img-$K" ] || { echo "no initrd was made for kernel $K" >&2; exit 1; }
ln -sf "boot/initrd.img-$K" "$R/initrd.img"; ln -sf "boot/vmlinuz-$K" "$R/vmlinuz"
: > "$R/etc/machine-id"; rm -f "$R/var/lib/dbus/machine-id" "$R"/etc/ssh/ssh_host_* "$R/etc/hostname"; : > "$R/etc/fstab"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' > "$R/etc/hosts"
mkdir -p "$R/boot/efi" "$R/boot/grub"
printf 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\nGRUB_DISTRIBUTOR=Debian\nGRUB_DISABLE_OS_PROBER=true\nGRUB_CMDLINE_LINUX_DEFAULT=""\nGRUB_CMDLINE_LINUX=""\n' > "$R/etc/default/grub"
rm -f "$R/etc/resolv.conf"; ln -s ../run/systemd/resolve/stub-resolv.conf "$R/etc/resolv.conf"
mkdir -p "$R/etc/systemd/resolved.conf.d"     # no names from neighbours, and no open port for them
printf '[Resolve]\nLLMNR=no\nMulticastDNS=no\n' > "$R/etc/systemd/resolved.conf.d/gantry.conf"
chroot "$R" passwd -q -l root
chroot "$R" systemctl -q enable systemd-networkd.service systemd-resolved.service ssh.service
"$HERE/sources.sh" > "$R/etc/apt/sources.list"
rm -rf "$R"/var/lib/apt/lists/* "$R"/var/cache/apt/*.bin "$R"/var/log/*.log
echo "$K" > "$OUT/kernel-version"
tar -C "$R" --xattrs --xattrs-include='*' --numeric-owner --sort=name --exclude='./dev/*' -cf - . | zstd -q -T0 -9 -f -o "$OUT/root.tar.zst"
tar -C "$R" --numeric-owner --exclude='./dev/*' -cf - . | wc -c > "$OUT/unpacked-bytes"
ls -la "$OUT"
