// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
//
// HTTP/1.1 with keep-alive: `connections` at once, each with one request after the other. Bodies are counted and thrown away in the
// kernel (MSG_TRUNC), so that the generator does not become the limit.

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 4096, EVENTS = 64, GULP = 1 << 20 };

typedef struct {
    int socket;
    char head[HEAD + 1];
    size_t filled;
    bool in_body;
    uint64_t left; // of the body
    uint64_t asked;
} Connection;

typedef struct {
    struct sockaddr_in server;
    const char *path;
    uint64_t range, size; // octets of each range, in a file of that size; 0: the whole file
    uint64_t random;
    uint64_t requests, asked, done, octets, errors;
    Samples times;
} HTTP;

static uint64_t next_random(HTTP *load) {
    load->random ^= load->random << 13;
    load->random ^= load->random >> 7;
    load->random ^= load->random << 17;
    return load->random;
}

static void ask(HTTP *load, Connection *connection) {
    if (load->asked >= load->requests) return;
    load->asked++;
    char request[512], range[80] = "";
    if (load->range) {
        uint64_t first = next_random(load) % (load->size - load->range);
        snprintf(range, sizeof range, "Range: bytes=%llu-%llu\r\n", (unsigned long long)first,
                 (unsigned long long)(first + load->range - 1));
    }
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: rack\r\nUser-Agent: iPXE/1.21.1\r\n%s\r\n", load->path, range);
    connection->filled = 0;
    connection->in_body = false;
    connection->asked = now_ns();
    if (send(connection->socket, request, (size_t)length, MSG_NOSIGNAL) != length) fail("request");
}

static void open_connection(HTTP *load, Connection *connection, int epoll, uint64_t token) {
    int one = 1, buffer = 4 << 20;
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0) fail("socket");
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(connection->socket, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    if (connect(connection->socket, (struct sockaddr *)&load->server, sizeof load->server) < 0) fail("connect");
    watch(epoll, connection->socket, EPOLLIN, token);
}

// Reads a head as far as it has come. False when it is no answer to what was asked.
static bool take_head(HTTP *load, Connection *connection) {
    ssize_t peeked = recv(connection->socket, connection->head + connection->filled, HEAD - connection->filled, MSG_PEEK | MSG_DONTWAIT);
    if (peeked <= 0) return peeked < 0 && errno == EAGAIN;
    size_t before = connection->filled;
    connection->head[before + (size_t)peeked] = 0;
    char *end = strstr(connection->head, "\r\n\r\n");
    size_t consumed = end ? (size_t)(end + 4 - connection->head) - before : (size_t)peeked;
    if (recv(connection->socket, connection->head + before, consumed, MSG_DONTWAIT) != (ssize_t)consumed) return false;
    connection->filled += consumed;
    if (!end) return connection->filled < HEAD;
    int status = 0;
    char *length = strcasestr(connection->head, "\r\nContent-Length:");
    if (sscanf(connection->head, "HTTP/1.1 %d", &status) != 1 || status != (load->range ? 206 : 200) || !length || length > end) return false;
    connection->left = strtoull(length + 17, NULL, 10);
    connection->in_body = true;
    return true;
}

static bool take(HTTP *load, Connection *connection) {
    static char sink[GULP];
    if (!connection->in_body && !take_head(load, connection)) return false;
    while (connection->in_body && connection->left > 0) {
        size_t want = connection->left < GULP ? connection->left : GULP;
        ssize_t got = recv(connection->socket, sink, want, MSG_TRUNC | MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return true;
        if (got <= 0) return false;
        connection->left -= (uint64_t)got;
        load->octets += (uint64_t)got;
    }
    if (connection->in_body) {
        load->done++;
        samples_add(&load->times, now_ns() - connection->asked);
        connection->in_body = false;
        ask(load, connection);
    }
    return true;
}

int run_http(int count, char **arguments) {
    HTTP load = {
        .path = option(count, arguments, "path", "/"), .range = (uint64_t)number(count, arguments, "range", 0),
        .size = (uint64_t)number(count, arguments, "size", 0), .requests = (uint64_t)number(count, arguments, "requests", 1),
        .random = 0x9E3779B97F4A7C15,
        .server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(count, arguments, "port", 80)),
                   .sin_addr.s_addr = htonl(ipv4(option(count, arguments, "server", NULL)))},
    };
    uint32_t connections = (uint32_t)number(count, arguments, "connections", 1);
    if (connections < 1 || (load.range && load.range >= load.size)) usage("connections: at least 1; range: less than size");
    Connection *all = allocate(connections, sizeof *all);
    samples_create(&load.times, load.requests);
    int epoll = open_epoll();
    for (uint32_t index = 0; index < connections; index++) open_connection(&load, &all[index], epoll, index);
    wait_for_start();
    uint64_t start = now_ns(), limit = start + (uint64_t)number(count, arguments, "seconds", 120) * 1000000000;
    for (uint32_t index = 0; index < connections; index++) ask(&load, &all[index]);
    while (load.done + load.errors < load.requests && now_ns() < limit) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, 1000);
        for (int index = 0; index < ready; index++) {
            Connection *connection = &all[events[index].data.u64];
            if (take(&load, connection)) continue;
            load.errors++;
            close(connection->socket);
            open_connection(&load, connection, epoll, events[index].data.u64);
            ask(&load, connection);
        }
    }
    printf("{\"done\": %llu, \"octets\": %llu, \"seconds\": %.6f, \"errors\": %llu, ", (unsigned long long)load.done,
           (unsigned long long)load.octets, (now_ns() - start) / 1e9, (unsigned long long)load.errors);
    samples_print(&load.times, "request_us");
    printf("}\n");
    return 0;
}
