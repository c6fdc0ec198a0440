#!/bin/bash
# Collects the boot loaders. usage: bootloaders.sh ROOT OUT   (OUT/uefi, OUT/pxe, OUT/ipxe: files as machines ask for them by TFTP or HTTP)
set -euo pipefail
R=$1; OUT=$2; rm -rf "$OUT"; mkdir -p "$OUT"/{uefi/grub/x86_64-efi,pxe,ipxe}
# UEFI: signed shim, signed GRUB. The modules are for machines without Secure Boot: Debian's signed network GRUB has TFTP only.
install -m 644 "$R/usr/lib/shim/shimx64.efi.signed" "$OUT/uefi/bootx64.efi"
install -m 644 "$R/usr/lib/shim/mmx64.efi.signed" "$OUT/uefi/mmx64.efi"
install -m 644 "$R/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed" "$OUT/uefi/grubx64.efi"
for module in http tftp net efinet regexp progress sleep echo test true chain search search_fs_file search_fs_uuid search_label part_gpt part_msdos fat ext2 xfs linux gzio \
  halt reboot serial terminal terminfo configfile normal extcmd bufio boot video relocator mmap crypto gettext datetime net priority_queue ls cat fshelp gcry_crc minicmd; do
  [ ! -f "$R/usr/lib/grub/x86_64-efi/$module.mod" ] || install -m 644 "$R/usr/lib/grub/x86_64-efi/$module.mod" "$OUT/uefi/grub/x86_64-efi/"
done
install -m 644 "$R"/usr/lib/grub/x86_64-efi/*.lst "$OUT/uefi/grub/x86_64-efi/"
# BIOS
install -m 644 "$R"/usr/lib/PXELINUX/{pxelinux,lpxelinux}.0 "$R"/usr/lib/syslinux/modules/bios/{ldlinux,chain,libcom32,libutil,reboot,poweroff}.c32 "$OUT/pxe/"
# iPXE, for either firmware
install -m 644 "$R"/usr/lib/ipxe/{undionly.kpxe,snponly.efi} "$R/boot/ipxe.efi" "$OUT/ipxe/"   # /usr/lib has an absolute link to the latter
find "$OUT" -type f | wc -l
