// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
//
// Batches of datagrams by recvmmsg and sendmmsg, with slots that are allocated once; sockets bound to an interface; frames by
// AF_PACKET. Glibc's Swift module has none of sockaddr_ll, mmsghdr and the CMSG macros.
#pragma once
#include <stdint.h>

// Every int below is a value >= 0, or the negated errno. Addresses and ports are in host order.

typedef struct CSysDatagrams CSysDatagrams;

// `slots` (1...1024) buffers of `slot_size` bytes each; NULL without memory.
CSysDatagrams *csys_datagrams_create(uint32_t slots, uint32_t slot_size);
void csys_datagrams_destroy(CSysDatagrams *batch);
uint8_t *csys_datagrams_bytes(CSysDatagrams *batch, uint32_t slot);

// Fills slots from the first on with what has arrived, without waiting. Answers how many were filled.
int csys_datagrams_receive(CSysDatagrams *batch, int socket);
// What csys_datagrams_receive put into a slot. The length is 0 for a datagram that did not fit.
uint32_t csys_datagrams_length(const CSysDatagrams *batch, uint32_t slot);
uint32_t csys_datagrams_source(const CSysDatagrams *batch, uint32_t slot);
uint16_t csys_datagrams_source_port(const CSysDatagrams *batch, uint32_t slot);
// The address that the datagram was sent to.
uint32_t csys_datagrams_destination(const CSysDatagrams *batch, uint32_t slot);

// Addresses a slot as a UDP datagram from `source` (0: the kernel chooses). `offset` bytes of the slot are skipped.
void csys_datagrams_address_udp(CSysDatagrams *batch, uint32_t slot, uint32_t offset, uint32_t length, uint32_t source,
                                uint32_t destination, uint16_t port);
// Addresses a slot as an IPv4 packet in a frame of an interface; the kernel adds the Ethernet header.
void csys_datagrams_address_frame(CSysDatagrams *batch, uint32_t slot, uint32_t length, int interface, uint64_t mac);
// Sends `count` slots from `first` on. Answers how many went out: fewer when the socket is full or the next one failed.
int csys_datagrams_send(CSysDatagrams *batch, int socket, uint32_t first, uint32_t count);

// A non-blocking UDP socket on an interface, which hears broadcasts and may send them.
int csys_udp_socket(const char *interface, uint16_t port, int receive_buffer);
// A packet socket that receives nothing.
int csys_packet_socket(void);
int csys_interface_index(const char *name);
// Waits until one of two descriptors is readable; -1 leaves one out. Bit 0 for the first, bit 1 for the second, 0 after the timeout.
int csys_wait_readable(int first, int second, int timeout_milliseconds);
// Moves the calling thread, and those it starts, into the network namespace that a path such as /run/netns/blue names.
int csys_enter_network_namespace(const char *path);
// Nanoseconds of the clock that counts from boot and goes on during suspension.
int64_t csys_boot_nanoseconds(void);
// Milliseconds since 1970.
int64_t csys_wall_milliseconds(void);
