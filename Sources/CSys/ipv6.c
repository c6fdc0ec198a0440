// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CSysIPv6.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONTROL_SIZE = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

// Aligned for cmsghdr.
typedef union {
    struct cmsghdr header;
    char space[CONTROL_SIZE];
} Control;

struct CSysDatagrams6 {
    uint32_t slots;
    uint32_t slot_size;
    uint8_t *bytes;
    struct mmsghdr *messages;
    struct iovec *vectors;
    struct sockaddr_in6 *addresses;
    Control *controls;
};

CSysDatagrams6 *csys_datagrams6_create(uint32_t slots, uint32_t slot_size) {
    if (slots == 0 || slots > 1024 || slot_size == 0 || slot_size > 65536) return NULL;
    CSysDatagrams6 *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    *batch = (CSysDatagrams6){
        .slots = slots, .slot_size = slot_size, .bytes = calloc(slots, slot_size), .messages = calloc(slots, sizeof *batch->messages),
        .vectors = calloc(slots, sizeof *batch->vectors), .addresses = calloc(slots, sizeof *batch->addresses),
        .controls = calloc(slots, sizeof *batch->controls),
    };
    if (batch->bytes && batch->messages && batch->vectors && batch->addresses && batch->controls) return batch;
    csys_datagrams6_destroy(batch);
    return NULL;
}

void csys_datagrams6_destroy(CSysDatagrams6 *batch) {
    if (!batch) return;
    free(batch->bytes);
    free(batch->messages);
    free(batch->vectors);
    free(batch->addresses);
    free(batch->controls);
    free(batch);
}

uint8_t *csys_datagrams6_bytes(CSysDatagrams6 *batch, uint32_t slot) {
    return batch->bytes + (size_t)(slot < batch->slots ? slot : 0) * batch->slot_size;
}

static struct msghdr *prepare(CSysDatagrams6 *batch, uint32_t slot, uint32_t length) {
    memset(&batch->messages[slot], 0, sizeof batch->messages[slot]);
    memset(&batch->controls[slot], 0, sizeof batch->controls[slot]);
    batch->vectors[slot] = (struct iovec){.iov_base = csys_datagrams6_bytes(batch, slot), .iov_len = length};
    struct msghdr *header = &batch->messages[slot].msg_hdr;
    header->msg_iov = &batch->vectors[slot];
    header->msg_iovlen = 1;
    header->msg_name = &batch->addresses[slot];
    header->msg_namelen = sizeof batch->addresses[slot];
    header->msg_control = batch->controls[slot].space;
    header->msg_controllen = CONTROL_SIZE;
    return header;
}

int csys_datagrams6_receive(CSysDatagrams6 *batch, int socket) {
    for (uint32_t slot = 0; slot < batch->slots; slot++) prepare(batch, slot, batch->slot_size);
    int count = recvmmsg(socket, batch->messages, batch->slots, MSG_DONTWAIT, NULL);
    if (count < 0) return -errno;
    for (int slot = 0; slot < count; slot++) {
        if (batch->messages[slot].msg_hdr.msg_flags & MSG_TRUNC) batch->messages[slot].msg_len = 0;
    }
    return count;
}

uint32_t csys_datagrams6_length(const CSysDatagrams6 *batch, uint32_t slot) {
    return slot < batch->slots ? batch->messages[slot].msg_len : 0;
}

CSysIPv6Address csys_datagrams6_source(const CSysDatagrams6 *batch, uint32_t slot) {
    return slot < batch->slots ? csys_to_host(&batch->addresses[slot].sin6_addr) : (CSysIPv6Address){0, 0};
}

int csys_datagrams6_is_multicast(const CSysDatagrams6 *batch, uint32_t slot) {
    if (slot >= batch->slots) return 0;
    struct msghdr *header = (struct msghdr *)&batch->messages[slot].msg_hdr;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != IPPROTO_IPV6 || part->cmsg_type != IPV6_PKTINFO) continue;
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(part), sizeof info);
        return IN6_IS_ADDR_MULTICAST(&info.ipi6_addr) ? 1 : 0;
    }
    return 0;
}

void csys_datagrams6_address(CSysDatagrams6 *batch, uint32_t slot, uint32_t length, int interface, CSysIPv6Address destination, uint16_t port) {
    if (slot >= batch->slots) return;
    struct msghdr *header = prepare(batch, slot, length < batch->slot_size ? length : batch->slot_size);
    header->msg_control = NULL;
    header->msg_controllen = 0;
    batch->addresses[slot] = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = csys_to_network(destination), .sin6_scope_id = (uint32_t)interface,
    };
}

int csys_datagrams6_send(CSysDatagrams6 *batch, int socket, uint32_t first, uint32_t count) {
    if (first > batch->slots || count > batch->slots - first) return -EINVAL;
    int sent = sendmmsg(socket, batch->messages + first, count, MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

static int fail(int socket) {
    int code = errno;
    close(socket);
    return -code;
}

static int join(int socket, const char *interface, struct in6_addr group) {
    struct ipv6_mreq request = {.ipv6mr_multiaddr = group, .ipv6mr_interface = if_nametoindex(interface)};
    return setsockopt(socket, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request);
}

int csys_udp6_socket(const char *interface, uint16_t port, CSysIPv6Address group, int receive_buffer) {
    int one = 1;
    int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) return -errno;
    // Another segment of the same machine binds the same port on its own interface.
    if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) return fail(s);
    if (setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0) return fail(s);
    if (setsockopt(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one) < 0) return fail(s);
    if (setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) < 0) return fail(s);
    // Best effort: the kernel's own limit applies.
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    if (bind(s, (struct sockaddr *)&address, sizeof address) < 0) return fail(s);
    if ((group.high | group.low) != 0 && join(s, interface, csys_to_network(group)) < 0) return fail(s);
    return s;
}

int csys_icmpv6_socket(const char *interface, uint8_t type) {
    int one = 1, off = 0, hops = 255;
    int s = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    if (s < 0) return -errno;
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(type, &filter);
    if (setsockopt(s, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0) return fail(s);
    if (setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) < 0) return fail(s);
    if (setsockopt(s, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &one, sizeof one) < 0) return fail(s);
    if (setsockopt(s, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof off) < 0) return fail(s);
    if (setsockopt(s, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) < 0) return fail(s);
    if (setsockopt(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops) < 0) return fail(s);
    CSysIPv6Address routers = {.high = 0xFF02000000000000, .low = 2};
    if (join(s, interface, csys_to_network(routers)) < 0) return fail(s);
    return s;
}

long csys_icmpv6_receive(int socket, uint8_t *buffer, size_t capacity, CSysIPv6Address *source) {
    struct sockaddr_in6 peer = {0};
    struct iovec part = {.iov_base = buffer, .iov_len = capacity};
    union {
        char octets[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } control;
    struct msghdr message = {
        .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &part, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof control,
    };
    ssize_t count = recvmsg(socket, &message, MSG_DONTWAIT);
    if (count < 0) return -errno;
    *source = csys_to_host(&peer.sin6_addr);
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != IPPROTO_IPV6 || header->cmsg_type != IPV6_HOPLIMIT) continue;
        int hops;
        memcpy(&hops, CMSG_DATA(header), sizeof hops);
        return hops == 255 && !(message.msg_flags & MSG_TRUNC) ? count : -EBADMSG;
    }
    return -EBADMSG;
}

int csys_icmpv6_send(int socket, const uint8_t *bytes, size_t length, int interface, CSysIPv6Address destination) {
    struct sockaddr_in6 peer = {.sin6_family = AF_INET6, .sin6_addr = csys_to_network(destination), .sin6_scope_id = (uint32_t)interface};
    ssize_t sent = sendto(socket, bytes, length, MSG_DONTWAIT, (struct sockaddr *)&peer, sizeof peer);
    return sent < 0 ? -errno : 0;
}

int csys_wait_any(const int *descriptors, int count, int timeout_milliseconds) {
    struct pollfd polled[8];
    if (count < 0 || count > 8) return -EINVAL;
    for (int index = 0; index < count; index++) polled[index] = (struct pollfd){.fd = descriptors[index], .events = POLLIN};
    int ready = poll(polled, (nfds_t)count, timeout_milliseconds);
    if (ready < 0) return errno == EINTR ? 0 : -errno;
    int bits = 0;
    for (int index = 0; index < count; index++) bits |= polled[index].revents ? 1 << index : 0;
    return bits;
}
