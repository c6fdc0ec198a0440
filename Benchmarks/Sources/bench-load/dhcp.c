// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
//
// Many PXE clients behind one interface, by AF_PACKET: each has a MAC address of its own, as a segment of machines has.
// A closed loop: `window` clients are under way at any moment; one that is done makes room for the next.

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 64,
    FRAME = 700,
    MAXIMUM_WINDOW = 4096,
    ETHERNET = 14,
    IP_HEADER = 20,
    UDP_HEADER = 8,
    BOOTP = ETHERNET + IP_HEADER + UDP_HEADER,
    OPTIONS = 240,
    DISCOVER = 1,
    OFFER = 2,
    REQUEST = 3,
    ACK = 5,
    NAK = 6,
};

typedef struct {
    uint32_t client;   // its number, from which its MAC address follows
    uint32_t transaction;
    uint8_t waiting_for; // OFFER or ACK; 0: nobody is here
    uint64_t began, sent;
} Slot;

typedef struct {
    int socket, interface;
    uint8_t own_mac[6], server_mac[6];
    bool renews;
    uint32_t first, clients, server, window;
    uint64_t pause_ns, timeout_ns;
    uint32_t *addresses; // by client, once it has one
    Slot *slots;
    uint32_t next;
    uint32_t sequence;
    // Frames to be sent together.
    struct mmsghdr out[BATCH];
    struct iovec out_vectors[BATCH];
    uint8_t out_frames[BATCH][FRAME];
    int pending;
    struct mmsghdr in[BATCH];
    struct iovec in_vectors[BATCH];
    uint8_t in_frames[BATCH][FRAME];
    // Results.
    uint64_t done, retries, refusals;
    Samples offers, acknowledgements, whole;
} DHCP;

static void put16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, (uint16_t)(value >> 16));
    put16(at + 2, (uint16_t)value);
}

static uint32_t get32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_mac(uint8_t *at, uint32_t client) {
    at[0] = 0x02;
    at[1] = 0x67;
    put32(at + 2, client);
}

static uint8_t *put_option(uint8_t *at, uint8_t code, const void *bytes, uint8_t length) {
    at[0] = code;
    at[1] = length;
    memcpy(at + 2, bytes, length);
    return at + 2 + length;
}

static void flush_frames(DHCP *load) {
    int first = 0;
    while (first < load->pending) {
        int sent = sendmmsg(load->socket, load->out + first, (unsigned)(load->pending - first), 0);
        if (sent < 0 && (errno == EINTR || errno == ENOBUFS || errno == EAGAIN)) continue;
        if (sent < 0) fail("sendmmsg");
        first += sent;
    }
    load->pending = 0;
}

// What EDK2 and iPXE say, in a BOOTP message of at least 300 bytes.
static void put_message(DHCP *load, Slot *slot, uint8_t type, uint32_t requested) {
    static const uint8_t wanted[] = {1, 3, 6, 12, 15, 26, 28, 42, 43, 60, 66, 67, 119, 128, 129, 150, 175};
    static const uint8_t size[] = {1472 >> 8, 1472 & 255}, architecture[] = {0, 7}, network[] = {1, 3, 16};
    static const char class[] = "PXEClient:Arch:00007:UNDI:003016";
    if (load->pending == BATCH) flush_frames(load);
    uint8_t *frame = load->out_frames[load->pending];
    memset(frame, 0, FRAME);
    uint8_t *bootp = frame + BOOTP;
    bool renewal = load->renews && type == REQUEST && load->addresses[slot->client] == requested;
    bootp[0] = 1;
    bootp[1] = 1;
    bootp[2] = 6;
    put32(bootp + 4, slot->transaction);
    if (renewal) put32(bootp + 12, requested);
    put_mac(bootp + 28, load->first + slot->client);
    put32(bootp + 236, 0x63825363);
    uint8_t *end = put_option(bootp + OPTIONS, 53, &type, 1);
    uint8_t identifier[17] = {0};
    put32(identifier + 1, load->first + slot->client);
    if (!renewal) {
        end = put_option(end, 57, size, sizeof size);
        end = put_option(end, 93, architecture, sizeof architecture);
        end = put_option(end, 94, network, sizeof network);
        end = put_option(end, 97, identifier, sizeof identifier);
        end = put_option(end, 60, class, sizeof class - 1);
        if (type == REQUEST) {
            uint8_t address[4], server[4];
            put32(address, requested);
            put32(server, load->server);
            end = put_option(end, 50, address, 4);
            end = put_option(end, 54, server, 4);
        }
    }
    end = put_option(end, 55, wanted, sizeof wanted);
    *end++ = 255;
    int length = (int)(end - bootp) < 300 ? 300 : (int)(end - bootp);
    uint8_t *udp = frame + ETHERNET + IP_HEADER;
    put16(udp, 68);
    put16(udp + 2, 67);
    put16(udp + 4, (uint16_t)(UDP_HEADER + length));
    uint8_t *ip = frame + ETHERNET;
    ip[0] = 0x45;
    put16(ip + 2, (uint16_t)(IP_HEADER + UDP_HEADER + length));
    ip[8] = 64;
    ip[9] = 17;
    put32(ip + 12, renewal ? requested : 0);
    put32(ip + 16, renewal ? load->server : 0xFFFFFFFF);
    uint32_t sum = 0;
    for (int index = 0; index < IP_HEADER; index += 2) sum += (uint32_t)ip[index] << 8 | ip[index + 1];
    while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
    put16(ip + 10, (uint16_t)~sum);
    if (renewal) {
        memcpy(frame, load->server_mac, 6);
        memcpy(frame + 6, load->own_mac, 6);
    } else {
        memset(frame, 0xFF, 6);
        put_mac(frame + 6, load->first + slot->client);
    }
    put16(frame + 12, ETHERTYPE_IP);
    load->out_vectors[load->pending] = (struct iovec){.iov_base = frame, .iov_len = (size_t)(BOOTP + length)};
    load->out[load->pending].msg_hdr.msg_iov = &load->out_vectors[load->pending];
    load->out[load->pending].msg_hdr.msg_iovlen = 1;
    load->pending++;
}

static void send_message(DHCP *load, Slot *slot, uint8_t type, uint32_t requested) {
    uint32_t index = (uint32_t)(slot - load->slots);
    slot->transaction = ++load->sequence * MAXIMUM_WINDOW + index;
    slot->waiting_for = type == DISCOVER ? OFFER : ACK;
    slot->sent = now_ns();
    put_message(load, slot, type, requested);
}

static void begin(DHCP *load, Slot *slot) {
    slot->client = load->next++ % load->clients;
    slot->began = now_ns();
    uint32_t address = load->renews ? load->addresses[slot->client] : 0;
    send_message(load, slot, address ? REQUEST : DISCOVER, address);
}

// True when the slot's exchange is over.
static bool take(DHCP *load, const uint8_t *frame, size_t length, uint64_t now) {
    if (length < BOOTP + OPTIONS + 3) return false;
    size_t header = (size_t)(frame[ETHERNET] & 15) * 4;
    const uint8_t *bootp = frame + ETHERNET + header + UDP_HEADER, *end = frame + length;
    if (bootp + OPTIONS > end || bootp[0] != 2) return false;
    uint32_t transaction = get32(bootp + 4);
    Slot *slot = &load->slots[transaction % MAXIMUM_WINDOW];
    if (transaction % MAXIMUM_WINDOW >= load->window || slot->transaction != transaction || !slot->waiting_for) return false;
    uint8_t type = 0;
    for (const uint8_t *option = bootp + OPTIONS; option + 2 < end && *option != 255; option += *option == 0 ? 1 : 2 + option[1])
        if (*option == 53) {
            type = option[2];
            break;
        }
    uint32_t address = get32(bootp + 16);
    if (type == NAK) {
        load->refusals++;
        load->addresses[slot->client] = 0;
        send_message(load, slot, DISCOVER, 0);
        return false;
    }
    if (type != slot->waiting_for) return false;
    if (type == OFFER) {
        samples_add(&load->offers, now - slot->sent);
        send_message(load, slot, REQUEST, address);
        return false;
    }
    samples_add(&load->acknowledgements, now - slot->sent);
    samples_add(&load->whole, now - slot->began);
    load->addresses[slot->client] = address;
    load->done++;
    slot->waiting_for = 0;
    return true;
}

static void retry_overdue(DHCP *load, uint64_t now) {
    for (uint32_t index = 0; index < load->window; index++) {
        Slot *slot = &load->slots[index];
        if (!slot->waiting_for || slot->sent + load->timeout_ns > now) continue;
        load->retries++;
        uint32_t address = load->renews ? load->addresses[slot->client] : 0;
        send_message(load, slot, address ? REQUEST : DISCOVER, address);
    }
}

// Until `count` exchanges are done, or the time is over. Answers the nanoseconds it took.
static uint64_t run(DHCP *load, uint64_t count, uint64_t seconds) {
    uint64_t begun = 0, start = now_ns(), checked = start, finished = start, give_up = start + seconds * 1000000000;
    load->done = load->retries = load->refusals = 0;
    load->offers.count = load->acknowledgements.count = load->whole.count = 0;
    for (uint32_t index = 0; index < load->window && begun < count; index++, begun++) begin(load, &load->slots[index]);
    flush_frames(load);
    while (load->done < count && finished < give_up) {
        struct pollfd readable = {.fd = load->socket, .events = POLLIN};
        if (poll(&readable, 1, 20) < 0 && errno != EINTR) fail("poll");
        int received = recvmmsg(load->socket, load->in, BATCH, MSG_DONTWAIT, NULL);
        uint64_t now = finished = now_ns();
        for (int index = 0; index < received; index++) {
            if (!take(load, load->in_frames[index], load->in[index].msg_len, now)) continue;
            if (begun >= count) continue;
            begun++;
            if (load->pause_ns) {
                struct timespec pause = {.tv_nsec = (long)load->pause_ns};
                nanosleep(&pause, NULL);
            }
            for (uint32_t slot = 0; slot < load->window; slot++)
                if (!load->slots[slot].waiting_for) {
                    begin(load, &load->slots[slot]);
                    break;
                }
        }
        flush_frames(load);
        if (now - checked > 50000000) {
            retry_overdue(load, now);
            checked = now;
            flush_frames(load);
        }
    }
    for (uint32_t index = 0; index < load->window; index++) load->slots[index].waiting_for = 0;
    return finished - start;
}

static void open_packets(DHCP *load, const char *interface) {
    int size = 8 << 20;
    load->interface = (int)if_nametoindex(interface);
    if (load->interface == 0) fail(interface);
    load->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (load->socket < 0) fail("packet socket");
    // IPv4, UDP, no fragment, port 68.
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 5),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 3),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 36), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 68, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xFFFF), BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog filter = {.len = LENGTH(code), .filter = code};
    if (setsockopt(load->socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0) fail("filter");
    if (setsockopt(load->socket, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) fail("receive buffer");
    if (setsockopt(load->socket, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0) fail("send buffer");
    struct packet_mreq all = {.mr_ifindex = load->interface, .mr_type = PACKET_MR_PROMISC};
    if (setsockopt(load->socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0) fail("promiscuous mode");
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = load->interface};
    if (bind(load->socket, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    struct ifreq request = {0};
    strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    if (ioctl(load->socket, SIOCGIFHWADDR, &request) < 0) fail("hardware address");
    memcpy(load->own_mac, request.ifr_hwaddr.sa_data, 6);
}

// Answers to renewals are addressed to this host: without a socket on port 68 the kernel would refuse them by ICMP.
static void silence_port(void) {
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog filter = {.len = LENGTH(code), .filter = code};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(68)};
    if (s < 0 || setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0) fail("UDP socket");
    if (bind(s, (struct sockaddr *)&address, sizeof address) < 0) fail("UDP port 68");
}

int run_dhcp(int count, char **arguments) {
    DHCP *load = allocate(1, sizeof *load);
    load->first = (uint32_t)number(count, arguments, "first", 0);
    load->clients = (uint32_t)number(count, arguments, "clients", 1000);
    load->window = (uint32_t)number(count, arguments, "window", 64);
    load->pause_ns = (uint64_t)number(count, arguments, "pause-us", 0) * 1000;
    load->timeout_ns = (uint64_t)number(count, arguments, "timeout-ms", 1000) * 1000000;
    load->server = ipv4(option(count, arguments, "server", NULL));
    uint64_t exchanges = (uint64_t)number(count, arguments, "exchanges", load->clients);
    uint64_t seconds = (uint64_t)number(count, arguments, "seconds", 60);
    bool renews = strcmp(option(count, arguments, "mode", "dora"), "renew") == 0;
    bool known = renews || number(count, arguments, "known", 0);
    if (load->window < 1 || load->window > MAXIMUM_WINDOW || load->clients < 1) usage("window: 1 to 4096; clients: at least 1");
    const char *mac = option(count, arguments, "server-mac", "ff:ff:ff:ff:ff:ff");
    if (sscanf(mac, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &load->server_mac[0], &load->server_mac[1], &load->server_mac[2],
               &load->server_mac[3], &load->server_mac[4], &load->server_mac[5]) != 6)
        usage("server-mac: expected six octets");
    load->slots = allocate(load->window, sizeof *load->slots);
    load->addresses = allocate(load->clients, sizeof *load->addresses);
    for (int index = 0; index < BATCH; index++) {
        load->in_vectors[index] = (struct iovec){.iov_base = load->in_frames[index], .iov_len = FRAME};
        load->in[index].msg_hdr = (struct msghdr){.msg_iov = &load->in_vectors[index], .msg_iovlen = 1};
    }
    size_t capacity = 1 << 21;
    samples_create(&load->offers, capacity);
    samples_create(&load->acknowledgements, capacity);
    samples_create(&load->whole, capacity);
    open_packets(load, option(count, arguments, "interface", "machine0"));
    silence_port();
    if (known) {
        uint64_t pause = load->pause_ns;
        load->pause_ns = 0;
        run(load, load->clients, 120);
        if (load->done < load->clients) {
            fprintf(stderr, "bench-load: only %llu of %u clients got an address\n", (unsigned long long)load->done, load->clients);
            return 1;
        }
        load->pause_ns = pause;
    }
    load->renews = renews;
    wait_for_start();
    uint64_t elapsed = run(load, exchanges, seconds);
    printf("{\"done\": %llu, \"seconds\": %.6f, \"retries\": %llu, \"refusals\": %llu, ", (unsigned long long)load->done, elapsed / 1e9,
           (unsigned long long)load->retries, (unsigned long long)load->refusals);
    samples_print(&load->offers, "offer_us");
    printf(", ");
    samples_print(&load->acknowledgements, "ack_us");
    printf(", ");
    samples_print(&load->whole, "whole_us");
    printf("}\n");
    return 0;
}
