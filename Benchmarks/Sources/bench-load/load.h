// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
//
// The load generators. C, so that as little as possible of a shared machine goes to them: what counts is the server's CPU.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

uint64_t now_ns(void);
_Noreturn void fail(const char *what);
_Noreturn void usage(const char *what);
void *allocate(size_t count, size_t size);
int open_epoll(void);
void watch(int epoll, int descriptor, uint32_t events, uint64_t token);
// The value of `--name` among the arguments, or a default.
const char *option(int count, char **arguments, const char *name, const char *otherwise);
long number(int count, char **arguments, const char *name, long otherwise);
uint32_t ipv4(const char *text);
// Says that the measured part can begin, and waits for a line on standard input.
void wait_for_start(void);

// Durations in nanoseconds; past the capacity only the count goes on.
typedef struct {
    uint64_t *values;
    size_t count, capacity;
} Samples;

void samples_create(Samples *samples, size_t capacity);
void samples_add(Samples *samples, uint64_t nanoseconds);
// Prints `"name": {"p50": …, "p99": …, "max": …}` in microseconds.
void samples_print(Samples *samples, const char *name);

int run_dhcp(int count, char **arguments);
int run_tftp(int count, char **arguments);
int run_http(int count, char **arguments);
