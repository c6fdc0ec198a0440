// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
//
// UDP with the local address of each datagram (IPV6_PKTINFO, whose control messages are macros that Swift cannot call), and a window of
// datagrams in one call. One socket serves both versions of IP: IPv4 addresses are mapped ones (RFC 4291, section 2.5.5.2).
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "CSysIPv6Address.h"

// Addresses and ports in host order.
typedef struct {
    CSysIPv6Address peer_address;
    CSysIPv6Address local_address; // what the peer sent to, and what answers come from; 0, or IPv4's 0, leaves it to the routing table
    uint32_t scope;                // the interface of a link-local peer
    uint16_t peer_port;
} CSysUDPPath;

// Every function answers a value >= 0, or the negated errno.

// A non-blocking socket that is bound (address 0: all; port 0: any free one) and reports local addresses.
int csys_udp_open(CSysIPv6Address address, uint16_t port, int send_buffer_octets);
int csys_udp_port(int descriptor);
// One datagram; a longer one than `capacity` is cut.
long csys_udp_receive(int descriptor, uint8_t *buffer, size_t capacity, CSysUDPPath *path);
// One datagram.
int csys_udp_send(int descriptor, const uint8_t *buffer, size_t length, const CSysUDPPath *path);
// `count` DATA packets (at most 64 a call) with the block numbers from `first` on, in one system call: `length` octets of content in blocks
// of `block_size`, of which the last may be shorter or empty. The content is sent from where it lies.
// `offload` says whether the kernel may be given all as one datagram to cut up (UDP_SEGMENT); it is cleared when the kernel refuses.
// Answers how many were sent.
int csys_tftp_send(int descriptor, const CSysUDPPath *path, const uint8_t *content, size_t length, uint16_t first, uint32_t block_size,
                   int count, int *offload);
