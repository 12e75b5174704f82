/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An IP address of either family as the plan, the packets and netlink handle it. Pure: no text here, that
 * is settings.c's job.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define MAC_SIZE 6

typedef struct IpAddress {
        uint8_t family;    /* AF_INET, AF_INET6; 0: none */
        uint8_t prefix;    /* length in bits; 0: not given */
        uint8_t bytes[16]; /* network order; IPv4 in the first four, the others zero */
} IpAddress;

static inline size_t ip_size(const IpAddress *a)
{
        return a->family == AF_INET6 ? 16 : 4;
}

static inline uint8_t ip_bits(const IpAddress *a)
{
        return (uint8_t) (ip_size(a) * 8);
}

/* The same host address; the prefix length does not count. */
static inline bool ip_equal(const IpAddress *a, const IpAddress *b)
{
        return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Whether `a` lies in the network of `network`, whose prefix length counts. */
static inline bool ip_in_network(const IpAddress *a, const IpAddress *network)
{
        size_t whole = network->prefix / 8;
        uint8_t mask = (uint8_t) (0xff00 >> (network->prefix % 8));

        if (a->family != network->family || network->prefix > ip_bits(network))
                return false;
        if (memcmp(a->bytes, network->bytes, whole) != 0)
                return false;
        return mask == 0 || whole == ip_size(a) || ((a->bytes[whole] ^ network->bytes[whole]) & mask) == 0;
}

static inline uint32_t ip_hash(const IpAddress *a)
{
        uint32_t hash = 2166136261U; /* FNV-1a */

        for (size_t i = 0; i < sizeof(a->bytes); i++)
                hash = (hash ^ a->bytes[i]) * 16777619U;
        return hash;
}
