// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CSysSegment.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

static int fail(int socket) {
    int code = errno;
    close(socket);
    return -code;
}

int csys_segment_socket(int interface, uint16_t type, uint64_t group) {
    int one = 1;
    int s = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) return -errno;
    // Best effort: whoever reads knows its own packets too.
    setsockopt(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(type), .sll_ifindex = interface};
    if (bind(s, (struct sockaddr *)&address, sizeof address) < 0) return fail(s);
    if (group != 0) {
        struct packet_mreq membership = {.mr_ifindex = interface, .mr_type = PACKET_MR_MULTICAST, .mr_alen = 6};
        for (int index = 0; index < 6; index++) membership.mr_address[index] = (uint8_t)(group >> (40 - 8 * index));
        if (setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) < 0) return fail(s);
    }
    return s;
}

// One rtnetlink request about an address of the loopback interface, and its acknowledgement.
static int loopback_address(uint16_t type, uint16_t flags, uint32_t address) {
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg message;
        struct rtattr attribute;
        uint32_t value;
    } request = {
        .header = {.nlmsg_len = sizeof request, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags, .nlmsg_seq = 1},
        .message = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_scope = RT_SCOPE_UNIVERSE, .ifa_index = if_nametoindex("lo")},
        .attribute = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFA_LOCAL},
        .value = htonl(address),
    };
    int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (s < 0) return -errno;
    if (send(s, &request, sizeof request, 0) < 0) return fail(s);
    union {
        struct nlmsghdr header;
        char bytes[1024];
    } reply;
    ssize_t length = recv(s, &reply, sizeof reply, 0);
    if (length < 0) return fail(s);
    close(s);
    if (length < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || reply.header.nlmsg_type != NLMSG_ERROR) return -EPROTO;
    return ((struct nlmsgerr *)NLMSG_DATA(&reply.header))->error;
}

int csys_loopback_address_add(uint32_t address) {
    int result = loopback_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address);
    return result == -EEXIST ? 0 : result;
}

int csys_loopback_address_remove(uint32_t address) {
    int result = loopback_address(RTM_DELADDR, 0, address);
    return result == -EADDRNOTAVAIL ? 0 : result;
}

int csys_interface_is_up(const char *name) {
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0) return -errno;
    if (ioctl(s, SIOCGIFFLAGS, &request) < 0) return fail(s);
    close(s);
    return (request.ifr_flags & IFF_UP) && (request.ifr_flags & IFF_RUNNING) ? 1 : 0;
}

int csys_thread_prioritize(void) {
    struct sched_param parameter = {.sched_priority = 10};
    return -pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameter);
}

int csys_wait_readable3(int first, int second, int third, int timeout_milliseconds) {
    struct pollfd descriptors[3] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}, {.fd = third, .events = POLLIN}};
    int count = poll(descriptors, 3, timeout_milliseconds);
    return count < 0 && errno != EINTR ? -errno : count;
}
