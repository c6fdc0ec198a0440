// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
//
// TFTP clients by RFC 1350, 2347, 2348, 2349 and 7440: `clients` of them, each with one transfer after the other.

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PACKET = 9000, EVENTS = 64, RETRY_NS = 500000000 };

typedef struct {
    int socket; // -1: no transfer
    struct sockaddr_in server;
    bool connected;
    uint32_t block_size, window;
    uint16_t last;        // the last block in order
    uint32_t in_window;
    uint64_t octets, heard, began;
} Client;

typedef struct {
    int epoll;
    struct sockaddr_in server;
    const char *file;
    uint32_t source; // of the first client; the others have the addresses behind it. 0: the host's own for all
    uint32_t block_size, window, size;
    uint64_t transfers, begun, done, octets, retries, errors;
    Samples times;
} TFTP;

static void send_request(TFTP *load, Client *client) {
    char packet[512], size[16], window[16];
    size_t length = 2;
    packet[0] = 0;
    packet[1] = 1;
    snprintf(size, sizeof size, "%u", load->block_size);
    snprintf(window, sizeof window, "%u", load->window);
    const char *words[] = {load->file, "octet", "blksize", size, "tsize", "0", "windowsize", window};
    // A client that wants no window does not name one.
    size_t count = load->window > 1 ? LENGTH(words) : LENGTH(words) - 2;
    for (size_t index = 0; index < count; index++) {
        size_t word = strlen(words[index]) + 1;
        if (length + word > sizeof packet) usage("file: the name is too long");
        memcpy(packet + length, words[index], word);
        length += word;
    }
    if (sendto(client->socket, packet, length, 0, (struct sockaddr *)&load->server, sizeof load->server) < 0) fail("request");
}

static void acknowledge(Client *client) {
    uint8_t packet[4] = {0, 4, (uint8_t)(client->last >> 8), (uint8_t)client->last};
    client->in_window = 0;
    if (send(client->socket, packet, sizeof packet, 0) < 0 && errno != ECONNREFUSED) fail("acknowledgement");
}

static void begin(TFTP *load, Client *client, uint64_t token) {
    if (load->begun >= load->transfers) {
        client->socket = -1;
        return;
    }
    load->begun++;
    int buffer = 1 << 20;
    *client = (Client){.socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .block_size = 512, .window = 1};
    if (client->socket < 0) fail("socket");
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(load->source ? load->source + (uint32_t)token : 0)};
    if (bind(client->socket, (struct sockaddr *)&own, sizeof own) < 0) fail("source address");
    setsockopt(client->socket, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    watch(load->epoll, client->socket, EPOLLIN, token);
    client->began = client->heard = now_ns();
    send_request(load, client);
}

static void end(TFTP *load, Client *client, uint64_t token, bool good) {
    close(client->socket);
    client->socket = -1;
    if (good && (load->size == 0 || client->octets == load->size)) {
        load->done++;
        samples_add(&load->times, now_ns() - client->began);
    } else {
        load->errors++;
    }
    begin(load, client, token);
}

static void take_options(Client *client, const char *text, size_t length) {
    const char *stop = text + length;
    while (text < stop) {
        const char *name = text, *value = name + strnlen(name, (size_t)(stop - name)) + 1;
        if (value >= stop) return;
        text = value + strnlen(value, (size_t)(stop - value)) + 1;
        if (strcasecmp(name, "blksize") == 0) client->block_size = (uint32_t)atoi(value);
        if (strcasecmp(name, "windowsize") == 0) client->window = (uint32_t)atoi(value);
    }
}

// True when the transfer is over.
static bool take(TFTP *load, Client *client, const uint8_t *packet, size_t length, bool *good) {
    if (length < 4) return false;
    uint16_t kind = (uint16_t)(packet[0] << 8 | packet[1]), block = (uint16_t)(packet[2] << 8 | packet[3]);
    if (kind == 6 && client->octets == 0) {
        take_options(client, (const char *)packet + 2, length - 2);
        acknowledge(client);
        return false;
    }
    if (kind == 5) return true;
    if (kind != 3) return false;
    if (block != (uint16_t)(client->last + 1)) {
        // A gap: what the window lacks is asked for at once. An old block: its acknowledgement may have been lost.
        if (client->in_window > 0 || client->window == 1) acknowledge(client);
        return false;
    }
    client->last = block;
    client->octets += length - 4;
    load->octets += length - 4;
    client->in_window++;
    bool last = length - 4 < client->block_size;
    if (last || client->in_window >= client->window) acknowledge(client);
    *good = last;
    return last;
}

static void receive(TFTP *load, Client *client, uint64_t token) {
    uint8_t packet[PACKET];
    int socket = client->socket;
    // The transfer that this event was for; a new one has a new socket.
    while (client->socket == socket) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t length = recvfrom(socket, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
        if (length < 0) return;
        if (!client->connected) {
            if (connect(socket, (struct sockaddr *)&from, sizeof from) < 0) fail("connect");
            client->connected = true;
        }
        client->heard = now_ns();
        bool good = false;
        if (take(load, client, packet, (size_t)length, &good)) return end(load, client, token, good);
    }
}

static void retry_overdue(TFTP *load, Client *clients, uint32_t count) {
    uint64_t now = now_ns();
    for (uint32_t index = 0; index < count; index++) {
        Client *client = &clients[index];
        if (client->socket < 0 || client->heard + RETRY_NS > now) continue;
        client->heard = now;
        load->retries++;
        if (client->connected) acknowledge(client);
        else send_request(load, client);
    }
}

int run_tftp(int count, char **arguments) {
    TFTP load = {
        .epoll = open_epoll(), .file = option(count, arguments, "file", "large.bin"),
        .block_size = (uint32_t)number(count, arguments, "block", 1428), .window = (uint32_t)number(count, arguments, "window", 1),
        .size = (uint32_t)number(count, arguments, "size", 0), .transfers = (uint64_t)number(count, arguments, "transfers", 1),
        .server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(count, arguments, "port", 69)),
                   .sin_addr.s_addr = htonl(ipv4(option(count, arguments, "server", NULL)))},
    };
    uint32_t clients = (uint32_t)number(count, arguments, "clients", 1);
    const char *source = option(count, arguments, "source", NULL);
    if (source) load.source = ipv4(source);
    if (clients < 1 || load.block_size > PACKET - 4) usage("clients: at least 1; block: at most 8996");
    Client *all = allocate(clients, sizeof *all);
    samples_create(&load.times, load.transfers);
    wait_for_start();
    uint64_t start = now_ns(), checked = start, limit = start + (uint64_t)number(count, arguments, "seconds", 120) * 1000000000;
    for (uint32_t index = 0; index < clients; index++) begin(&load, &all[index], index);
    while (load.done + load.errors < load.transfers && now_ns() < limit) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(load.epoll, events, EVENTS, 50);
        for (int index = 0; index < ready; index++) receive(&load, &all[events[index].data.u64], events[index].data.u64);
        if (now_ns() - checked > 100000000) {
            retry_overdue(&load, all, clients);
            checked = now_ns();
        }
    }
    printf("{\"done\": %llu, \"octets\": %llu, \"seconds\": %.6f, \"retries\": %llu, \"errors\": %llu, ", (unsigned long long)load.done,
           (unsigned long long)load.octets, (now_ns() - start) / 1e9, (unsigned long long)load.retries,
           (unsigned long long)load.errors);
    samples_print(&load.times, "transfer_us");
    printf("}\n");
    return 0;
}
