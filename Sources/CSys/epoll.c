// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
#include "CSysEpoll.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

int csys_epoll_create(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

static int control(int epoll, int operation, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = 0, .data.u64 = token};
    if (events & CSYS_EPOLL_READABLE) event.events |= EPOLLIN | EPOLLRDHUP;
    if (events & CSYS_EPOLL_WRITABLE) event.events |= EPOLLOUT;
    return epoll_ctl(epoll, operation, descriptor, &event) < 0 ? -errno : 0;
}

int csys_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_ADD, descriptor, events, token);
}

int csys_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_MOD, descriptor, events, token);
}

int csys_epoll_remove(int epoll, int descriptor) {
    return control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0);
}

int csys_epoll_wait(int epoll, CSysEpollEvent *events, int capacity, int timeout_milliseconds) {
    struct epoll_event ready[64];
    if (capacity > 64) capacity = 64;
    int count = epoll_wait(epoll, ready, capacity, timeout_milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int index = 0; index < count; index++) {
        uint32_t events_seen = 0;
        if (ready[index].events & (EPOLLIN | EPOLLRDHUP)) events_seen |= CSYS_EPOLL_READABLE;
        if (ready[index].events & EPOLLOUT) events_seen |= CSYS_EPOLL_WRITABLE;
        if (ready[index].events & (EPOLLERR | EPOLLHUP)) events_seen |= CSYS_EPOLL_FAILED;
        events[index].events = events_seen;
        events[index].token = ready[index].data.u64;
    }
    return count;
}

int csys_eventfd_create(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int csys_eventfd_signal(int descriptor) {
    uint64_t one = 1;
    // EAGAIN means the counter is full: the reader is going to wake up anyway.
    return write(descriptor, &one, sizeof one) < 0 && errno != EAGAIN ? -errno : 0;
}

int csys_eventfd_clear(int descriptor) {
    uint64_t count;
    return read(descriptor, &count, sizeof count) < 0 && errno != EAGAIN ? -errno : 0;
}

int csys_thread_name(const char *name) {
    return prctl(PR_SET_NAME, name) < 0 ? -errno : 0;
}
