// DHCP: written in this change.
