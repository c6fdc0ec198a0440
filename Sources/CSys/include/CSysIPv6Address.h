// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

// An address as two numbers in host order, the network's half first.
typedef struct {
    uint64_t high;
    uint64_t low;
} CSysIPv6Address;

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

// The same as sockets have it.
static inline struct in6_addr csys_to_network(CSysIPv6Address address) {
    uint64_t halves[2] = {htobe64(address.high), htobe64(address.low)};
    struct in6_addr result;
    memcpy(&result, halves, sizeof result);
    return result;
}

static inline CSysIPv6Address csys_to_host(const struct in6_addr *address) {
    uint64_t halves[2];
    memcpy(halves, address, sizeof halves);
    CSysIPv6Address result = {be64toh(halves[0]), be64toh(halves[1])};
    return result;
}
