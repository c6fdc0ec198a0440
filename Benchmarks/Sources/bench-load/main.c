// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void fail(const char *what) {
    fprintf(stderr, "bench-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

void usage(const char *what) {
    fprintf(stderr, "bench-load: %s\n", what);
    exit(2);
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) fail("memory");
    return memory;
}

int open_epoll(void) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) fail("epoll");
    return epoll;
}

void watch(int epoll, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0) fail("epoll_ctl");
}

const char *option(int count, char **arguments, const char *name, const char *otherwise) {
    for (int index = 0; index + 1 < count; index++)
        if (strncmp(arguments[index], "--", 2) == 0 && strcmp(arguments[index] + 2, name) == 0) return arguments[index + 1];
    return otherwise;
}

long number(int count, char **arguments, const char *name, long otherwise) {
    const char *text = option(count, arguments, name, NULL);
    return text ? strtol(text, NULL, 0) : otherwise;
}

uint32_t ipv4(const char *text) {
    struct in_addr address;
    if (!text || inet_pton(AF_INET, text, &address) != 1) usage("an IPv4 address is missing or malformed");
    return ntohl(address.s_addr);
}

void wait_for_start(void) {
    printf("ready\n");
    fflush(stdout);
    int character;
    while ((character = getchar()) != '\n')
        if (character == EOF) exit(1);
}

void samples_create(Samples *samples, size_t capacity) {
    samples->values = allocate(capacity, sizeof *samples->values);
    samples->count = 0;
    samples->capacity = capacity;
}

void samples_add(Samples *samples, uint64_t nanoseconds) {
    if (samples->count < samples->capacity) samples->values[samples->count] = nanoseconds;
    samples->count++;
}

static int ascending(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

void samples_print(Samples *samples, const char *name) {
    size_t count = samples->count < samples->capacity ? samples->count : samples->capacity;
    if (count == 0) {
        printf("\"%s\": null", name);
        return;
    }
    qsort(samples->values, count, sizeof *samples->values, ascending);
    printf("\"%s\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}", name, (double)samples->values[count / 2] / 1e3,
           (double)samples->values[count * 99 / 100] / 1e3, (double)samples->values[count - 1] / 1e3);
}

int main(int count, char **arguments) {
    if (count < 2) usage("what to load is missing: dhcp, tftp or http");
    if (strcmp(arguments[1], "dhcp") == 0) return run_dhcp(count - 2, arguments + 2);
    if (strcmp(arguments[1], "tftp") == 0) return run_tftp(count - 2, arguments + 2);
    if (strcmp(arguments[1], "http") == 0) return run_http(count - 2, arguments + 2);
    usage("expected dhcp, tftp or http");
}
