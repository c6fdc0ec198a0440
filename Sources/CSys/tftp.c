// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSysTFTP.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// What stands before an IPv4 address in the lower half of a mapped one.
static const uint64_t ipv4_prefix = 0xFFFF00000000;

int csys_udp_open(CSysIPv6Address address, uint16_t port, int send_buffer_octets) {
    int descriptor = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int on = 1, off = 0;
    struct sockaddr_in6 local = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = csys_to_network(address),
    };
    // Both kinds of information: only IPv4's has a local address for a datagram that was broadcast.
    if (setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0
        || setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) < 0
        || setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0
        // The service address may not be on this host yet.
        || setsockopt(descriptor, IPPROTO_IP, IP_FREEBIND, &on, sizeof on) < 0
        || setsockopt(descriptor, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on) < 0
        || setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &send_buffer_octets, sizeof send_buffer_octets) < 0
        || bind(descriptor, (struct sockaddr *)&local, sizeof local) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int csys_udp_port(int descriptor) {
    struct sockaddr_in6 local;
    socklen_t length = sizeof local;
    if (getsockname(descriptor, (struct sockaddr *)&local, &length) < 0) return -errno;
    return ntohs(local.sin6_port);
}

long csys_udp_receive(int descriptor, uint8_t *buffer, size_t capacity, CSysUDPPath *path) {
    struct sockaddr_in6 peer;
    struct iovec part = {.iov_base = buffer, .iov_len = capacity};
    union {
        char octets[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
        struct cmsghdr alignment;
    } control;
    struct msghdr message = {
        .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &part, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof control,
    };
    ssize_t count = recvmsg(descriptor, &message, 0);
    if (count < 0) return -errno;
    path->peer_address = csys_to_host(&peer.sin6_addr);
    path->peer_port = ntohs(peer.sin6_port);
    path->scope = peer.sin6_scope_id;
    path->local_address = (CSysIPv6Address){0, 0};
    int is_ipv4 = IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr);
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo information;
            memcpy(&information, CMSG_DATA(header), sizeof information);
            // ipi_addr is the header's destination; a broadcast one cannot be a source.
            path->local_address = (CSysIPv6Address){0, ipv4_prefix | ntohl(information.ipi_spec_dst.s_addr)};
        } else if (!is_ipv4 && header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo information;
            memcpy(&information, CMSG_DATA(header), sizeof information);
            path->local_address = csys_to_host(&information.ipi6_addr);
        }
    }
    return count;
}

enum { control_space = CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)) };

typedef union {
    char octets[control_space];
    struct cmsghdr alignment;
} Control;

// Fills in who sends to whom; answers the used length of the control messages.
static size_t address(const CSysUDPPath *path, struct sockaddr_in6 *peer, Control *control) {
    *peer = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(path->peer_port), .sin6_addr = csys_to_network(path->peer_address),
        .sin6_scope_id = path->scope,
    };
    memset(control, 0, sizeof *control);
    uint64_t low = path->local_address.low;
    if (path->local_address.high == 0 && (low == 0 || low == ipv4_prefix)) return 0;
    // Linux takes it for mapped addresses as well.
    control->alignment.cmsg_level = IPPROTO_IPV6;
    control->alignment.cmsg_type = IPV6_PKTINFO;
    control->alignment.cmsg_len = CMSG_LEN(sizeof(struct in6_pktinfo));
    struct in6_pktinfo information = {.ipi6_addr = csys_to_network(path->local_address)};
    memcpy(CMSG_DATA(&control->alignment), &information, sizeof information);
    return CMSG_SPACE(sizeof information);
}

int csys_udp_send(int descriptor, const uint8_t *buffer, size_t length, const CSysUDPPath *path) {
    struct sockaddr_in6 peer;
    Control control;
    size_t control_length = address(path, &peer, &control);
    struct iovec part = {.iov_base = (void *)buffer, .iov_len = length};
    struct msghdr message = {
        .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &part, .msg_iovlen = 1,
        .msg_control = control_length ? &control : NULL, .msg_controllen = control_length,
    };
    return sendmsg(descriptor, &message, 0) < 0 ? -errno : 1;
}

int csys_tftp_send(int descriptor, const CSysUDPPath *path, const uint8_t *content, size_t length, uint16_t first, uint32_t block_size,
                   int count, int *offload) {
    enum { capacity = 64, header_length = 4, data_opcode = 3, largest_datagram = 65507 };
    uint8_t headers[capacity][header_length];
    struct iovec parts[2 * capacity];
    struct sockaddr_in6 peer;
    Control control;
    size_t control_length = address(path, &peer, &control);
    if (count > capacity) count = capacity;
    for (int index = 0; index < count; index++) {
        uint16_t block = (uint16_t)(first + index);
        size_t offset = (size_t)index * block_size;
        size_t rest = offset < length ? length - offset : 0;
        memcpy(headers[index], (uint8_t[]){0, data_opcode, (uint8_t)(block >> 8), (uint8_t)block}, header_length);
        parts[2 * index] = (struct iovec){.iov_base = headers[index], .iov_len = header_length};
        parts[2 * index + 1] = (struct iovec){.iov_base = (void *)(content + (rest ? offset : 0)), .iov_len = rest < block_size ? rest : block_size};
    }
    struct msghdr message = {
        .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = parts, .msg_iovlen = (size_t)(2 * count),
        .msg_control = control_length ? &control : NULL, .msg_controllen = control_length,
    };
    if (count == 1) return sendmsg(descriptor, &message, 0) < 0 ? -errno : 1;
    if (*offload && length + (size_t)count * header_length <= largest_datagram) {
        struct cmsghdr *segment = (struct cmsghdr *)(control.octets + control_length);
        segment->cmsg_level = SOL_UDP;
        segment->cmsg_type = UDP_SEGMENT;
        segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        uint16_t size = (uint16_t)(header_length + block_size);
        memcpy(CMSG_DATA(segment), &size, sizeof size);
        message.msg_control = &control;
        message.msg_controllen = control_length + CMSG_SPACE(sizeof size);
        if (sendmsg(descriptor, &message, 0) >= 0) return count;
        if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) return -errno;
        // Longer than the interface's packets, or an interface that cannot.
        *offload = 0;
    }
    struct mmsghdr messages[capacity];
    for (int index = 0; index < count; index++) {
        messages[index] = (struct mmsghdr){.msg_hdr = {
            .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &parts[2 * index], .msg_iovlen = 2,
            .msg_control = control_length ? &control : NULL, .msg_controllen = control_length,
        }};
    }
    int sent = sendmmsg(descriptor, messages, (unsigned)count, 0);
    return sent < 0 ? -errno : sent;
}
