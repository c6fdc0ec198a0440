// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
//
// epoll and eventfd as plain functions: Glibc's Swift module has neither, and the union inside
// `struct epoll_event` is packed on x86-64, which Swift should not have to know.
#pragma once
#include <stdint.h>

enum {
    CSYS_EPOLL_READABLE = 1, // readable, or the peer closed
    CSYS_EPOLL_WRITABLE = 2,
    CSYS_EPOLL_FAILED = 4, // error or hang-up; reported whether asked for or not
};

typedef struct {
    uint64_t token;
    uint32_t events; // CSYS_EPOLL_*
} CSysEpollEvent;

// Every function answers a value >= 0, or the negated errno.
int csys_epoll_create(void);
int csys_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token);
int csys_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t token);
int csys_epoll_remove(int epoll, int descriptor);
// Waits at most `timeout_milliseconds` (-1: for ever); an interrupting signal counts as "no events". At most 64 events a call.
int csys_epoll_wait(int epoll, CSysEpollEvent *events, int capacity, int timeout_milliseconds);

int csys_eventfd_create(void);
int csys_eventfd_signal(int eventfd);
int csys_eventfd_clear(int eventfd);

// Names the calling thread; at most 15 bytes are kept. Glibc's Swift module hides pthread_setname_np.
int csys_thread_name(const char *name);
