#!/bin/bash
# Makes a Debian root directory. usage: root.sh LIST KERNEL ROOT [ARCHITECTURE]   (LIST: file of package names, KERNEL: kernel package, or "none" to
# unpack only, which is possible for a foreign architecture too)
# No initrd is made here: the steps that know how the root is used make exactly one.
set -euo pipefail
LIST=$1; KERNEL=$2; ROOT=$3; ARCHITECTURE=${4:-amd64}
mapfile -t SOURCES < <("$(dirname "$(readlink -f "$0")")/sources.sh")
[ ${#SOURCES[@]} -gt 0 ] || exit 1
PACKAGES=$(sed 's/#.*//' "$LIST" | tr -s ' \n' ',' | sed 's/^,//; s/,$//')
VARIANT=minbase
if [ "$KERNEL" = none ]; then VARIANT=extract; else PACKAGES=$KERNEL,$PACKAGES; fi
rm -rf "$ROOT.part" "$ROOT"
export INITRD=No DEBIAN_FRONTEND=noninteractive
mmdebstrap --quiet --mode=root --variant=$VARIANT --architectures="$ARCHITECTURE" --include="$PACKAGES" \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "5"' \
  --dpkgopt=force-unsafe-io \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  bookworm "$ROOT.part" \
  "${SOURCES[@]}"
rm -f "$ROOT.part"/etc/ssh/ssh_host_* "$ROOT.part"/var/cache/apt/archives/*.deb
mv "$ROOT.part" "$ROOT"
