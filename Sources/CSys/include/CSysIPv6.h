// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
//
// Batches of UDP datagrams over IPv6 on one interface, and neighbour discovery's messages: sockaddr_in6, in6_pktinfo and the control
// messages' macros are nothing that Swift could call.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "CSysIPv6Address.h"

// Every int below is a value >= 0, or the negated errno.

typedef struct CSysDatagrams6 CSysDatagrams6;

// `slots` (1...1024) buffers of `slot_size` bytes each; NULL without memory.
CSysDatagrams6 *csys_datagrams6_create(uint32_t slots, uint32_t slot_size);
void csys_datagrams6_destroy(CSysDatagrams6 *batch);
uint8_t *csys_datagrams6_bytes(CSysDatagrams6 *batch, uint32_t slot);
// Fills slots from the first on with what has arrived, without waiting. Answers how many were filled.
int csys_datagrams6_receive(CSysDatagrams6 *batch, int socket);
// What csys_datagrams6_receive put into a slot. The length is 0 for a datagram that did not fit.
uint32_t csys_datagrams6_length(const CSysDatagrams6 *batch, uint32_t slot);
CSysIPv6Address csys_datagrams6_source(const CSysDatagrams6 *batch, uint32_t slot);
// Whether the datagram was sent to a multicast address.
int csys_datagrams6_is_multicast(const CSysDatagrams6 *batch, uint32_t slot);
// Addresses a slot as a datagram out of an interface.
void csys_datagrams6_address(CSysDatagrams6 *batch, uint32_t slot, uint32_t length, int interface, CSysIPv6Address destination, uint16_t port);
// Sends `count` slots from `first` on. Answers how many went out: fewer when the socket is full or the next one failed.
int csys_datagrams6_send(CSysDatagrams6 *batch, int socket, uint32_t first, uint32_t count);

// A non-blocking UDP socket on an interface that is in a multicast group there; a group of zero joins none.
int csys_udp6_socket(const char *interface, uint16_t port, CSysIPv6Address group, int receive_buffer);
// A non-blocking raw ICMPv6 socket on an interface that hears one type of message and is in the group of all routers (ff02::2). It sends
// with the hop limit 255, and the host does not hear what it sends.
int csys_icmpv6_socket(const char *interface, uint8_t type);
// One message that came with the hop limit 255, so from the link itself; -EAGAIN when there is none, -EBADMSG for one that was routed.
long csys_icmpv6_receive(int socket, uint8_t *buffer, size_t capacity, CSysIPv6Address *source);
int csys_icmpv6_send(int socket, const uint8_t *bytes, size_t length, int interface, CSysIPv6Address destination);
// Waits until one of at most 8 descriptors is readable; bit n is set for the n-th. 0 after the timeout.
int csys_wait_any(const int *descriptors, int count, int timeout_milliseconds);
