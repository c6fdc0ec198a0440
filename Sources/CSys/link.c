// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CSysLink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// A packet socket that hears only what the filter lets through: the filter is there before the first packet can be.
static int open_filtered(int interface, uint16_t type, struct sock_filter *filter, unsigned short length) {
    int s = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) return -errno;
    struct sock_fprog program = {.len = length, .filter = filter};
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(type), .sll_ifindex = interface};
    if (setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ||
        bind(s, (struct sockaddr *)&address, sizeof address) < 0) {
        int code = errno;
        close(s);
        return -code;
    }
    return s;
}

int csys_arp_socket(int interface) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),  // the operation
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 64),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    return open_filtered(interface, ETH_P_ARP, filter, sizeof filter / sizeof *filter);
}

int csys_udp_tap(int interface, uint16_t port) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),  // the protocol
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),  // a later fragment has no ports
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),              // the header's length
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 2048),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    return open_filtered(interface, ETH_P_IP, filter, sizeof filter / sizeof *filter);
}

static uint64_t number(const struct sockaddr_ll *address) {
    uint64_t value = 0;
    if (address->sll_halen != 6) return 0;
    for (int index = 0; index < 6; index++) value = value << 8 | address->sll_addr[index];
    return value;
}

uint64_t csys_link_address(int socket) {
    struct sockaddr_ll address = {0};
    socklen_t length = sizeof address;
    if (getsockname(socket, (struct sockaddr *)&address, &length) < 0) return 0;
    return number(&address);
}

int csys_link_send(int socket, int interface, uint16_t type, uint64_t destination, const uint8_t *bytes, uint32_t length) {
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(type), .sll_ifindex = interface, .sll_halen = 6};
    for (int index = 0; index < 6; index++) address.sll_addr[index] = (uint8_t)(destination >> (40 - 8 * index));
    ssize_t sent = sendto(socket, bytes, length, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof address);
    return sent < 0 ? -errno : (int)sent;
}

int csys_link_receive(int socket, uint8_t *bytes, uint32_t capacity, uint64_t *source) {
    struct sockaddr_ll address = {0};
    socklen_t length = sizeof address;
    ssize_t received = recvfrom(socket, bytes, capacity, MSG_DONTWAIT, (struct sockaddr *)&address, &length);
    if (received < 0) return -errno;
    *source = number(&address);
    return (int)received;
}
