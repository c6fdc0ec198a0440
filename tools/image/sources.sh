#!/bin/bash
# Prints the apt sources that images are made from, and keep: those of this machine (Debian 12, component main), or one mirror that is given.
# usage: sources.sh      GANTRY_DEBIAN_MIRROR=URL names the mirror of Debian, GANTRY_DEBIAN_SECURITY=URL the one of its security updates
set -euo pipefail
if [ -n "${GANTRY_DEBIAN_MIRROR:-}" ]; then
    printf 'deb %s bookworm main\ndeb %s bookworm-updates main\n' "$GANTRY_DEBIAN_MIRROR" "$GANTRY_DEBIAN_MIRROR"
    [ -z "${GANTRY_DEBIAN_SECURITY:-}" ] || printf 'deb %s bookworm-security main\n' "$GANTRY_DEBIAN_SECURITY"
    exit 0
fi
known() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 ~ /^bookworm(-updates|-security)?$/ && $3 == "main" {sub("/$", "", $1); print "deb", $1, $2, $3}' | sort -u
}
lines=$(known)
[ -n "$lines" ] || { apt-get update -qq >&2; lines=$(known); }
[ -n "$lines" ] || { echo "this machine has no apt sources of Debian 12: set GANTRY_DEBIAN_MIRROR" >&2; exit 1; }
printf '%s\n' "$lines"
