/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IPv4 and IPv6 addresses with an optional prefix length: parsing, comparing, and whether one lies in the
 * range of another. Libc only, no allocation; what is inline here may be used by pure cores.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/macros.h"

#define IP_ADDRESS_TEXT_MAX 52 /* the longest IPv6 address, a slash, three digits, the end */

typedef struct IpAddress {
        int family;         /* AF_INET, AF_INET6, or AF_UNSPEC when there is none */
        uint8_t prefix_len; /* 0: none was given */
        uint8_t bytes[16];  /* network order; IPv4 uses the first four */
} IpAddress;

static inline bool ip_address_is_set(const IpAddress *address)
{
        return address->family != AF_UNSPEC;
}

static inline uint8_t ip_address_bits(const IpAddress *address)
{
        return address->family == AF_INET ? 32 : 128;
}

static inline size_t ip_address_size(const IpAddress *address)
{
        return ip_address_bits(address) / 8;
}

/* Whether the two are the same host address; the prefix length does not count. */
static inline bool ip_address_equal(const IpAddress *a, const IpAddress *b)
{
        return ip_address_is_set(a) && a->family == b->family &&
               memcmp(a->bytes, b->bytes, ip_address_bits(a) / 8) == 0;
}

/* Whether `address` lies in the network of `range`; false when the range has no prefix length. */
static inline bool ip_address_in_range(const IpAddress *address, const IpAddress *range)
{
        size_t whole = range->prefix_len / 8;
        unsigned rest = range->prefix_len % 8;
        uint8_t mask = (uint8_t) (0xff << (8 - rest));

        if (range->prefix_len == 0 || address->family != range->family)
                return false;
        if (memcmp(address->bytes, range->bytes, whole) != 0)
                return false;
        return rest == 0 || ((address->bytes[whole] ^ range->bytes[whole]) & mask) == 0;
}

/* -EINVAL: no address; -ERANGE: an address whose prefix length is not 1 to 32 or 128. */
_must_check_ int ip_address_parse(const char *text, IpAddress *ret_address);

/* The text in its shortest form, with the prefix length when there is one and `with_prefix` asks for it. */
void ip_address_format(const IpAddress *address, bool with_prefix,
                       char ret_text[static IP_ADDRESS_TEXT_MAX]);

/* Why no host can have this address ("is a multicast address", say), NULL when one can. */
const char *ip_address_unusable(const IpAddress *address);
