#!/bin/bash
# Collects the boot loaders: files as machines ask for them by TFTP or HTTP.
# usage: bootloaders.sh AMD64-ROOT ARM64-ROOT OUT   (makes OUT/uefi, OUT/uefi-arm64, OUT/pxe, OUT/ipxe)
set -euo pipefail
AMD64=$1; ARM64=$2; OUT=$3; HERE=$(dirname "$(readlink -f "$0")"); rm -rf "$OUT"; mkdir -p "$OUT"/{pxe,ipxe}

# UEFI: shim and GRUB, signed, and a GRUB of our own that speaks HTTP, which the signed one cannot; it cannot start under Secure Boot.
# uefi ROOT GRUB-PLATFORM SUFFIX FOLDER
uefi() {
  local root=$1 platform=$2 suffix=$3 folder=$OUT/$4 modules=$1/usr/lib/grub/$2
  mkdir -p "$folder/grub/$platform"
  install -m 644 "$root/usr/lib/shim/shim$suffix.efi.signed" "$folder/boot$suffix.efi"
  install -m 644 "$root/usr/lib/shim/mm$suffix.efi.signed" "$folder/mm$suffix.efi"
  install -m 644 "$root/usr/lib/grub/$platform-signed/grubnet$suffix.efi.signed" "$folder/grub$suffix.efi"
  # For machines without Secure Boot, whose signed GRUB loads what it was made without.
  for module in http tftp net efinet regexp progress sleep echo test true chain search search_fs_file search_fs_uuid search_label part_gpt part_msdos fat ext2 xfs linux gzio \
    halt reboot serial terminal terminfo configfile normal extcmd bufio boot video relocator mmap crypto gettext datetime net priority_queue ls cat fshelp gcry_crc minicmd; do
    [ ! -f "$modules/$module.mod" ] || install -m 644 "$modules/$module.mod" "$folder/grub/$platform/"
  done
  install -m 644 "$modules"/*.lst "$folder/grub/$platform/"
  grub-mkimage -d "$modules" -O "$platform" -o "$folder/grubhttp$suffix.efi" -p /grub -c "$HERE/grub-http.cfg" \
    efinet http tftp linux normal configfile echo test true regexp sleep reboot halt boot chain search search_fs_file part_gpt part_msdos fat gzio minicmd
  chmod 644 "$folder/grubhttp$suffix.efi"
}
uefi "$AMD64" x86_64-efi x64 uefi
uefi "$ARM64" arm64-efi aa64 uefi-arm64
# BIOS
install -m 644 "$AMD64"/usr/lib/PXELINUX/{pxelinux,lpxelinux}.0 "$AMD64"/usr/lib/syslinux/modules/bios/{ldlinux,chain,libcom32,libutil,reboot,poweroff}.c32 "$OUT/pxe/"
# iPXE, for either firmware
install -m 644 "$AMD64"/usr/lib/ipxe/{undionly.kpxe,snponly.efi} "$AMD64/boot/ipxe.efi" "$OUT/ipxe/"   # /usr/lib has an absolute link to the latter
find "$OUT" -type f | wc -l
