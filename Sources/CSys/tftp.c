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

enum { control_space = CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)) };

typedef union {
    char octets[control_space];
    struct cmsghdr alignment;
} Control;

// Fills in who sends to whom; answers the used length of the control messages.
static size_t address(const CSysUDPPath *path, struct sockaddr_in *peer, Control *control) {
    *peer = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(path->peer_port), .sin_addr.s_addr = htonl(path->peer_address),
    };
    memset(control, 0, sizeof *control);
    if (path->local_address == 0) return 0;
    control->alignment.cmsg_level = IPPROTO_IP;
    control->alignment.cmsg_type = IP_PKTINFO;
    control->alignment.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    struct in_pktinfo information = {.ipi_spec_dst.s_addr = htonl(path->local_address)};
    memcpy(CMSG_DATA(&control->alignment), &information, sizeof information);
    return CMSG_SPACE(sizeof information);
}

int csys_udp_send(int descriptor, const uint8_t *buffer, size_t length, const CSysUDPPath *path) {
    struct sockaddr_in peer;
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
    struct sockaddr_in peer;
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
