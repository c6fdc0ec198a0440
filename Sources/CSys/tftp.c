// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSysTFTP.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int csys_udp_open(uint32_t address, uint16_t port, int send_buffer_octets) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int on = 1;
    struct sockaddr_in local = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address),
    };
    if (setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0
        // The service address may not be on this host yet.
        || setsockopt(descriptor, IPPROTO_IP, IP_FREEBIND, &on, sizeof on) < 0
        || setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &send_buffer_octets, sizeof send_buffer_octets) < 0
        || bind(descriptor, (struct sockaddr *)&local, sizeof local) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int csys_udp_port(int descriptor) {
    struct sockaddr_in local;
    socklen_t length = sizeof local;
    if (getsockname(descriptor, (struct sockaddr *)&local, &length) < 0) return -errno;
    return ntohs(local.sin_port);
}

long csys_udp_receive(int descriptor, uint8_t *buffer, size_t capacity, CSysUDPPath *path) {
    struct sockaddr_in peer;
    struct iovec part = {.iov_base = buffer, .iov_len = capacity};
    union {
        char octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
        struct cmsghdr alignment;
    } control;
    struct msghdr message = {
        .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &part, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof control,
    };
    ssize_t count = recvmsg(descriptor, &message, 0);
    if (count < 0) return -errno;
    path->peer_address = ntohl(peer.sin_addr.s_addr);
    path->peer_port = ntohs(peer.sin_port);
    path->local_address = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo information;
            memcpy(&information, CMSG_DATA(header), sizeof information);
            // ipi_addr is the header's destination; a broadcast one cannot be a source.
            path->local_address = ntohl(information.ipi_spec_dst.s_addr);
        }
    }
    return count;
}

int csys_udp_send(int descriptor, const uint8_t *buffer, size_t stride, const uint32_t *lengths, int count, const CSysUDPPath *path) {
    enum { capacity = 64 };
    struct mmsghdr messages[capacity];
    struct iovec parts[capacity];
    struct sockaddr_in peer = {
        .sin_family = AF_INET, .sin_port = htons(path->peer_port), .sin_addr.s_addr = htonl(path->peer_address),
    };
    union {
        char octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
        struct cmsghdr alignment;
    } control;
    if (count > capacity) count = capacity;
    memset(&control, 0, sizeof control);
    control.alignment.cmsg_level = IPPROTO_IP;
    control.alignment.cmsg_type = IP_PKTINFO;
    control.alignment.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    struct in_pktinfo information = {.ipi_spec_dst.s_addr = htonl(path->local_address)};
    memcpy(CMSG_DATA(&control.alignment), &information, sizeof information);
    for (int index = 0; index < count; index++) {
        parts[index] = (struct iovec){.iov_base = (void *)(buffer + (size_t)index * stride), .iov_len = lengths[index]};
        messages[index] = (struct mmsghdr){.msg_hdr = {
            .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &parts[index], .msg_iovlen = 1,
            .msg_control = path->local_address ? &control : NULL, .msg_controllen = path->local_address ? sizeof control : 0,
        }};
    }
    int sent = sendmmsg(descriptor, messages, (unsigned)count, 0);
    return sent < 0 ? -errno : sent;
}
