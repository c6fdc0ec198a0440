// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
//
// What racks that share a segment say to one another on it, and the address that all of them have and one of them answers for.
#pragma once
#include <stdint.h>

// Every int below is a value >= 0, or the negated errno.

// Hears all packets of an Ethernet type on an interface but its own; with a group other than 0, also those to that hardware address.
int csys_segment_socket(int interface, uint16_t type, uint64_t group);
// Adds an IPv4 address of this host alone (/32) to the loopback interface; one that is there already is no error.
int csys_loopback_address_add(uint32_t address);
// Takes it away; one that is not there is no error.
int csys_loopback_address_remove(uint32_t address);
// Whether an interface has a carrier: 1 or 0.
int csys_interface_is_up(const char *name);
// Asks for real-time priority for the calling thread; without the privilege it stays as it is.
int csys_thread_prioritize(void);
// Waits until one of three descriptors is readable, or the time is over.
int csys_wait_readable3(int first, int second, int third, int timeout_milliseconds);
