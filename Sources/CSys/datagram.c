// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CSysDatagram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONTROL_SIZE = CMSG_SPACE(sizeof(struct in_pktinfo)) };

typedef union {
    struct sockaddr_in ip;
    struct sockaddr_ll link;
} Address;

struct CSysDatagrams {
    uint32_t slots;
    uint32_t slot_size;
    uint8_t *bytes;
    struct mmsghdr *messages;
    struct iovec *vectors;
    Address *addresses;
    // Aligned for cmsghdr.
    union {
        struct cmsghdr header;
        char space[CONTROL_SIZE];
    } *controls;
    uint32_t *destinations;
    // The slots that the next receive has to make ready: those that the last one filled.
    uint32_t stale;
};

CSysDatagrams *csys_datagrams_create(uint32_t slots, uint32_t slot_size) {
    if (slots == 0 || slots > 1024 || slot_size == 0 || slot_size > 65536) return NULL;
    CSysDatagrams *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    batch->slots = slots;
    batch->slot_size = slot_size;
    batch->stale = slots;
    batch->bytes = calloc(slots, slot_size);
    batch->messages = calloc(slots, sizeof *batch->messages);
    batch->vectors = calloc(slots, sizeof *batch->vectors);
    batch->addresses = calloc(slots, sizeof *batch->addresses);
    batch->controls = calloc(slots, sizeof *batch->controls);
    batch->destinations = calloc(slots, sizeof *batch->destinations);
    if (!batch->bytes || !batch->messages || !batch->vectors || !batch->addresses || !batch->controls || !batch->destinations) {
        csys_datagrams_destroy(batch);
        return NULL;
    }
    return batch;
}

void csys_datagrams_destroy(CSysDatagrams *batch) {
    if (!batch) return;
    free(batch->bytes);
    free(batch->messages);
    free(batch->vectors);
    free(batch->addresses);
    free(batch->controls);
    free(batch->destinations);
    free(batch);
}

uint8_t *csys_datagrams_bytes(CSysDatagrams *batch, uint32_t slot) {
    return batch->bytes + (size_t)(slot < batch->slots ? slot : 0) * batch->slot_size;
}

static void prepare(CSysDatagrams *batch, uint32_t slot) {
    struct msghdr *header = &batch->messages[slot].msg_hdr;
    memset(&batch->messages[slot], 0, sizeof batch->messages[slot]);
    header->msg_iov = &batch->vectors[slot];
    header->msg_iovlen = 1;
    header->msg_name = &batch->addresses[slot];
}

int csys_datagrams_receive(CSysDatagrams *batch, int socket) {
    for (uint32_t slot = 0; slot < batch->stale; slot++) {
        prepare(batch, slot);
        struct msghdr *header = &batch->messages[slot].msg_hdr;
        batch->vectors[slot].iov_base = csys_datagrams_bytes(batch, slot);
        batch->vectors[slot].iov_len = batch->slot_size;
        header->msg_namelen = sizeof batch->addresses[slot];
        header->msg_control = batch->controls[slot].space;
        header->msg_controllen = CONTROL_SIZE;
    }
    int count = recvmmsg(socket, batch->messages, batch->slots, MSG_DONTWAIT, NULL);
    batch->stale = count < 0 ? 0 : (uint32_t)count;
    if (count < 0) return -errno;
    for (int slot = 0; slot < count; slot++) {
        struct msghdr *header = &batch->messages[slot].msg_hdr;
        batch->destinations[slot] = 0;
        for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
            if (part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_PKTINFO) continue;
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            batch->destinations[slot] = ntohl(info.ipi_addr.s_addr);
        }
        if (header->msg_flags & MSG_TRUNC) batch->messages[slot].msg_len = 0;
    }
    return count;
}

uint32_t csys_datagrams_length(const CSysDatagrams *batch, uint32_t slot) {
    return slot < batch->slots ? batch->messages[slot].msg_len : 0;
}

uint32_t csys_datagrams_source(const CSysDatagrams *batch, uint32_t slot) {
    return slot < batch->slots ? ntohl(batch->addresses[slot].ip.sin_addr.s_addr) : 0;
}

uint16_t csys_datagrams_source_port(const CSysDatagrams *batch, uint32_t slot) {
    return slot < batch->slots ? ntohs(batch->addresses[slot].ip.sin_port) : 0;
}

uint32_t csys_datagrams_destination(const CSysDatagrams *batch, uint32_t slot) {
    return slot < batch->slots ? batch->destinations[slot] : 0;
}

static void fill(CSysDatagrams *batch, uint32_t slot, uint32_t offset, uint32_t length) {
    prepare(batch, slot);
    if (offset > batch->slot_size) offset = batch->slot_size;
    if (length > batch->slot_size - offset) length = batch->slot_size - offset;
    batch->vectors[slot].iov_base = csys_datagrams_bytes(batch, slot) + offset;
    batch->vectors[slot].iov_len = length;
    memset(&batch->addresses[slot], 0, sizeof batch->addresses[slot]);
}

void csys_datagrams_address_udp(CSysDatagrams *batch, uint32_t slot, uint32_t offset, uint32_t length, uint32_t source,
                                uint32_t destination, uint16_t port) {
    if (slot >= batch->slots) return;
    fill(batch, slot, offset, length);
    struct msghdr *header = &batch->messages[slot].msg_hdr;
    struct sockaddr_in *address = &batch->addresses[slot].ip;
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    address->sin_addr.s_addr = htonl(destination);
    header->msg_namelen = sizeof *address;
    if (source == 0) return;
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(source)};
    memset(batch->controls[slot].space, 0, CONTROL_SIZE);
    header->msg_control = batch->controls[slot].space;
    header->msg_controllen = CONTROL_SIZE;
    struct cmsghdr *part = CMSG_FIRSTHDR(header);
    part->cmsg_level = IPPROTO_IP;
    part->cmsg_type = IP_PKTINFO;
    part->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(part), &info, sizeof info);
}

void csys_datagrams_address_frame(CSysDatagrams *batch, uint32_t slot, uint32_t length, int interface, uint64_t mac) {
    if (slot >= batch->slots) return;
    fill(batch, slot, 0, length);
    struct sockaddr_ll *address = &batch->addresses[slot].link;
    address->sll_family = AF_PACKET;
    address->sll_protocol = htons(ETH_P_IP);
    address->sll_ifindex = interface;
    address->sll_halen = 6;
    for (int index = 0; index < 6; index++) address->sll_addr[index] = (uint8_t)(mac >> (40 - 8 * index));
    batch->messages[slot].msg_hdr.msg_namelen = sizeof *address;
}

int csys_datagrams_send(CSysDatagrams *batch, int socket, uint32_t first, uint32_t count) {
    if (first > batch->slots || count > batch->slots - first) return -EINVAL;
    int sent = sendmmsg(socket, batch->messages + first, count, MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

static int fail(int socket) {
    int code = errno;
    close(socket);
    return -code;
}

int csys_udp_socket(const char *interface, uint16_t port, int receive_buffer) {
    int one = 1;
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) return -errno;
    // Another segment of the same machine binds the same port on its own interface.
    if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) return fail(s);
    if (setsockopt(s, SOL_SOCKET, SO_BROADCAST, &one, sizeof one) < 0) return fail(s);
    if (setsockopt(s, IPPROTO_IP, IP_PKTINFO, &one, sizeof one) < 0) return fail(s);
    if (setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) < 0) return fail(s);
    // Best effort: the kernel's own limit applies.
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_ANY)};
    if (bind(s, (struct sockaddr *)&address, sizeof address) < 0) return fail(s);
    return s;
}

int csys_packet_socket(void) {
    int s = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return s < 0 ? -errno : s;
}

int csys_interface_index(const char *name) {
    unsigned index = if_nametoindex(name);
    return index == 0 ? -errno : (int)index;
}

int csys_wait_readable(int first, int second, int timeout_milliseconds) {
    struct pollfd descriptors[2] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    int count = poll(descriptors, 2, timeout_milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    return (descriptors[0].revents ? 1 : 0) | (descriptors[1].revents ? 2 : 0);
}

int csys_enter_network_namespace(const char *path) {
    int namespace = open(path, O_RDONLY | O_CLOEXEC);
    if (namespace < 0) return -errno;
    if (setns(namespace, CLONE_NEWNET) < 0) return fail(namespace);
    close(namespace);
    return 0;
}

static int64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t csys_boot_nanoseconds(void) {
    return nanoseconds(CLOCK_BOOTTIME);
}

int64_t csys_wall_milliseconds(void) {
    return nanoseconds(CLOCK_REALTIME) / 1000000;
}
