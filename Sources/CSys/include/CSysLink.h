// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
//
// Packets without their Ethernet header on one interface, by AF_PACKET: what a segment's prober sends and hears.
#pragma once
#include <stdint.h>

// Every int below is a value >= 0, or the negated errno.

// Hears ARP replies, and nothing else.
int csys_arp_socket(int interface);
// Hears IPv4 packets to a UDP port, whatever their address is.
int csys_udp_tap(int interface, uint16_t port);
// The hardware address of the interface that one of these sockets is bound to; 0 when it is not an Ethernet one.
uint64_t csys_link_address(int socket);
// Sends a packet of an Ethernet type from an interface.
int csys_link_send(int socket, int interface, uint16_t type, uint64_t destination, const uint8_t *bytes, uint32_t length);
// Takes in one packet, without waiting. Answers its length (at most `capacity`); -EAGAIN when there is none.
int csys_link_receive(int socket, uint8_t *bytes, uint32_t capacity, uint64_t *source);
