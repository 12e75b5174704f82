/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* One to three digits without a sign, a blank, or a leading zero. */
static int parse_prefix_len(const char *text, uint8_t bits, uint8_t *ret_prefix_len)
{
        unsigned value = 0;
        size_t n = strlen(text);

        if (n == 0 || n > 3 || text[0] == '0')
                return -ERANGE;

        for (const char *p = text; *p; p++) {
                if (*p < '0' || *p > '9')
                        return -ERANGE;
                value = value * 10 + (unsigned) (*p - '0');
        }

        if (value > bits)
                return -ERANGE;

        *ret_prefix_len = (uint8_t) value;
        return 0;
}

int ip_address_parse(const char *text, IpAddress *ret_address)
{
        char host[INET6_ADDRSTRLEN];
        IpAddress address = {};
        const char *slash = strchr(text, '/');
        size_t n = slash ? (size_t) (slash - text) : strlen(text);
        int r;

        if (n >= sizeof(host))
                return -EINVAL;

        memcpy(host, text, n);
        host[n] = '\0';

        address.family = strchr(host, ':') ? AF_INET6 : AF_INET;
        if (inet_pton(address.family, host, address.bytes) != 1)
                return -EINVAL;

        if (slash) {
                r = parse_prefix_len(slash + 1, ip_address_bits(&address), &address.prefix_len);
                if (r < 0)
                        return r;
        }

        *ret_address = address;
        return 0;
}

void ip_address_format(const IpAddress *address, bool with_prefix, char ret_text[static IP_ADDRESS_TEXT_MAX])
{
        size_t n;

        ret_text[0] = '\0';
        if (!ip_address_is_set(address) ||
            !inet_ntop(address->family, address->bytes, ret_text, IP_ADDRESS_TEXT_MAX))
                return;

        n = strlen(ret_text);
        if (with_prefix && address->prefix_len > 0)
                snprintf(ret_text + n, IP_ADDRESS_TEXT_MAX - n, "/%u", address->prefix_len);
}

/* Whether every bit behind the prefix is `bit`. */
static bool host_bits_are(const IpAddress *address, bool bit)
{
        for (unsigned i = address->prefix_len; i < ip_address_bits(address); i++)
                if (((address->bytes[i / 8] >> (7 - i % 8)) & 1) != bit)
                        return false;

        return true;
}

static const char *ipv4_unusable(const IpAddress *address)
{
        if (address->bytes[0] == 0)
                return "is no address of a host";
        if (address->bytes[0] == 127)
                return "is a loopback address";
        if (address->bytes[0] >= 224 && address->bytes[0] < 240)
                return "is a multicast address";
        if (address->bytes[0] >= 240)
                return "is a reserved or broadcast address";

        /* RFC 3021: a /31 has no network and no broadcast address. */
        if (address->prefix_len > 0 && address->prefix_len < 31) {
                if (host_bits_are(address, false))
                        return "is the address of the network itself";
                if (host_bits_are(address, true))
                        return "is the broadcast address of its network";
        }

        return NULL;
}

static const char *ipv6_unusable(const IpAddress *address)
{
        struct in6_addr in6;

        memcpy(&in6, address->bytes, sizeof(in6));

        if (IN6_IS_ADDR_UNSPECIFIED(&in6))
                return "is no address of a host";
        if (IN6_IS_ADDR_LOOPBACK(&in6))
                return "is a loopback address";
        if (IN6_IS_ADDR_MULTICAST(&in6))
                return "is a multicast address";
        if (IN6_IS_ADDR_LINKLOCAL(&in6))
                return "is a link-local address, which means nothing without a device";
        if (IN6_IS_ADDR_V4MAPPED(&in6))
                return "is an IPv4 address in IPv6 form; write it as IPv4";

        return NULL;
}

const char *ip_address_unusable(const IpAddress *address)
{
        return address->family == AF_INET ? ipv4_unusable(address) : ipv6_unusable(address);
}
