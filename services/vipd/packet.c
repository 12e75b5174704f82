/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packet.h"

#include <errno.h>

enum {
        ETHERNET_SIZE = 14,
        ARP_SIZE = 28,
        IPV6_SIZE = 40,
        NEIGHBOUR_SIZE = 24, /* type, code, checksum, flags, target */
        OPTION_SIZE = 8,     /* a link-layer address */

        TYPE_ARP = 0x0806,
        TYPE_IPV6 = 0x86dd,
        ARP_REQUEST = 1,
        ARP_REPLY = 2,
        NEXT_ICMPV6 = 58,
        ICMP_SOLICITATION = 135,
        ICMP_ADVERTISEMENT = 136,
        OPTION_SOURCE = 1,
        OPTION_TARGET = 2,
        FLAG_ROUTER = 0x80,
        FLAG_OVERRIDE = 0x20,
        HOP_LIMIT = 255, /* proves that no router forwarded it */
};

static const uint8_t everyone[MAC_SIZE] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };

static void put16(uint8_t *p, unsigned int value)
{
        p[0] = (uint8_t) (value >> 8);
        p[1] = (uint8_t) value;
}

static unsigned int get16(const uint8_t *p)
{
        return (unsigned int) p[0] << 8 | p[1];
}

static void put_ethernet(uint8_t *frame, const uint8_t to[MAC_SIZE], const uint8_t from[MAC_SIZE],
                         unsigned int type)
{
        memcpy(frame, to, MAC_SIZE);
        memcpy(frame + 6, from, MAC_SIZE);
        put16(frame + 12, type);
}

static size_t put_arp(uint8_t *frame, const uint8_t mac[MAC_SIZE], const uint8_t sender[4],
                      const uint8_t target[4])
{
        uint8_t *arp = frame + ETHERNET_SIZE;

        put_ethernet(frame, everyone, mac, TYPE_ARP);
        put16(arp, 1); /* Ethernet */
        put16(arp + 2, 0x0800);
        arp[4] = MAC_SIZE;
        arp[5] = 4;
        put16(arp + 6, ARP_REQUEST);
        memcpy(arp + 8, mac, MAC_SIZE);
        memcpy(arp + 14, sender, 4);
        memset(arp + 18, 0, MAC_SIZE);
        memcpy(arp + 24, target, 4);
        return ETHERNET_SIZE + ARP_SIZE;
}

/* The Internet checksum over the pseudo header and the ICMPv6 message; 0 over a message that bears a right
 * one. */
static unsigned int icmp_checksum(const uint8_t *ip, const uint8_t *icmp, size_t size)
{
        uint32_t sum = (uint32_t) size + NEXT_ICMPV6;

        for (size_t i = 8; i < IPV6_SIZE; i += 2) /* both addresses */
                sum += get16(ip + i);
        for (size_t i = 0; i + 1 < size; i += 2)
                sum += get16(icmp + i);
        if (size % 2 != 0)
                sum += (uint32_t) icmp[size - 1] << 8;
        while (sum > 0xffff)
                sum = (sum & 0xffff) + (sum >> 16);
        return ~sum & 0xffff;
}

/* An IPv6 multicast frame with a neighbour message; `option` 0 leaves the link-layer option away. */
static size_t put_neighbour(uint8_t *frame, const uint8_t mac[MAC_SIZE], const uint8_t from[16],
                            const uint8_t to[16], uint8_t type, uint8_t flags, const uint8_t target[16],
                            uint8_t option)
{
        uint8_t group[MAC_SIZE] = { 0x33, 0x33, to[12], to[13], to[14], to[15] };
        uint8_t *ip = frame + ETHERNET_SIZE, *icmp = ip + IPV6_SIZE;
        size_t size = NEIGHBOUR_SIZE + (option != 0 ? OPTION_SIZE : 0);

        put_ethernet(frame, group, mac, TYPE_IPV6);
        memset(ip, 0, IPV6_SIZE + size);
        ip[0] = 0x60;
        put16(ip + 4, (unsigned int) size);
        ip[6] = NEXT_ICMPV6;
        ip[7] = HOP_LIMIT;
        memcpy(ip + 8, from, 16);
        memcpy(ip + 24, to, 16);
        icmp[0] = type;
        icmp[4] = flags;
        memcpy(icmp + 8, target, 16);
        if (option != 0) {
                icmp[24] = option;
                icmp[25] = 1; /* in units of eight bytes */
                memcpy(icmp + 26, mac, MAC_SIZE);
        }
        put16(icmp + 2, icmp_checksum(ip, icmp, size));
        return ETHERNET_SIZE + IPV6_SIZE + size;
}

size_t packet_announcement(const IpAddress *address, const uint8_t mac[MAC_SIZE], bool router,
                           uint8_t ret_frame[PACKET_SIZE_MAX])
{
        uint8_t flags = FLAG_OVERRIDE | (router ? FLAG_ROUTER : 0);

        if (address->family == AF_INET)
                return put_arp(ret_frame, mac, address->bytes, address->bytes);
        return put_neighbour(ret_frame, mac, address->bytes, all_nodes, ICMP_ADVERTISEMENT, flags,
                             address->bytes, OPTION_TARGET);
}

size_t packet_question(const IpAddress *target, const IpAddress *sender, const uint8_t mac[MAC_SIZE],
                       uint8_t ret_frame[PACKET_SIZE_MAX])
{
        static const uint8_t nobody[16] = { 0 };
        bool known = sender->family == target->family;
        uint8_t group[16] = { 0xff, 0x02, [11] = 1, [12] = 0xff }; /* solicited-node, RFC 4291, 2.7.1 */

        if (target->family == AF_INET)
                return put_arp(ret_frame, mac, known ? sender->bytes : nobody, target->bytes);

        memcpy(group + 13, target->bytes + 13, 3);
        return put_neighbour(ret_frame, mac, known ? sender->bytes : nobody, group, ICMP_SOLICITATION, 0,
                             target->bytes, known ? OPTION_SOURCE : 0);
}

static bool mac_is_host(const uint8_t mac[MAC_SIZE])
{
        static const uint8_t zero[MAC_SIZE] = { 0 };

        return (mac[0] & 1) == 0 && memcmp(mac, zero, MAC_SIZE) != 0;
}

static int claim_of_arp(const uint8_t *arp, size_t size, IpAddress *ret_address, uint8_t ret_mac[MAC_SIZE])
{
        IpAddress address = { .family = AF_INET };
        static const uint8_t nobody[4] = { 0 };
        unsigned int operation;

        if (size < ARP_SIZE)
                return -EBADMSG;
        if (get16(arp) != 1 || get16(arp + 2) != 0x0800 || arp[4] != MAC_SIZE || arp[5] != 4)
                return -EBADMSG;
        operation = get16(arp + 6);
        if (operation != ARP_REQUEST && operation != ARP_REPLY)
                return 0;
        if (memcmp(arp + 14, nobody, 4) == 0) /* a probe: asks, claims nothing */
                return 0;
        if (!mac_is_host(arp + 8))
                return -EBADMSG;

        memcpy(address.bytes, arp + 14, 4);
        *ret_address = address;
        memcpy(ret_mac, arp + 8, MAC_SIZE);
        return 1;
}

/* Finds the target link-layer address among the options: 1 found, 0 not there, -EBADMSG broken options. */
static int find_target_mac(const uint8_t *options, size_t size, uint8_t ret_mac[MAC_SIZE])
{
        int found = 0;

        while (size > 0) {
                size_t length = size >= 2 ? (size_t) options[1] * 8 : 0;

                if (length == 0 || length > size)
                        return -EBADMSG;
                if (options[0] == OPTION_TARGET && length == OPTION_SIZE) {
                        memcpy(ret_mac, options + 2, MAC_SIZE);
                        found = 1;
                }
                options += length;
                size -= length;
        }
        return found;
}

static int claim_of_neighbour(const uint8_t *frame, size_t size, IpAddress *ret_address,
                              uint8_t ret_mac[MAC_SIZE])
{
        const uint8_t *ip = frame + ETHERNET_SIZE, *icmp = ip + IPV6_SIZE;
        IpAddress address = { .family = AF_INET6 };
        uint8_t mac[MAC_SIZE];
        size_t length;
        int r;

        if (size < ETHERNET_SIZE + IPV6_SIZE || ip[0] >> 4 != 6)
                return -EBADMSG;
        length = get16(ip + 4);
        if (ip[6] != NEXT_ICMPV6)
                return 0;
        if (length > size - ETHERNET_SIZE - IPV6_SIZE || length == 0)
                return -EBADMSG;
        if (icmp[0] != ICMP_ADVERTISEMENT)
                return 0;
        /* RFC 4861, 7.1.2: what a receiver must check. */
        if (length < NEIGHBOUR_SIZE || ip[7] != HOP_LIMIT || icmp[1] != 0 || icmp[8] == 0xff)
                return -EBADMSG;
        if (icmp_checksum(ip, icmp, length) != 0)
                return -EBADMSG;

        memcpy(mac, frame + 6, MAC_SIZE); /* the option may be left away where the asker knows the address */
        r = find_target_mac(icmp + NEIGHBOUR_SIZE, length - NEIGHBOUR_SIZE, mac);
        if (r < 0)
                return r;
        if (!mac_is_host(mac))
                return -EBADMSG;

        memcpy(address.bytes, icmp + 8, 16);
        *ret_address = address;
        memcpy(ret_mac, mac, MAC_SIZE);
        return 1;
}

int packet_claim(const uint8_t *frame, size_t size, IpAddress *ret_address, uint8_t ret_mac[MAC_SIZE])
{
        if (size < ETHERNET_SIZE)
                return -EBADMSG;
        if (get16(frame + 12) == TYPE_ARP)
                return claim_of_arp(frame + ETHERNET_SIZE, size - ETHERNET_SIZE, ret_address, ret_mac);
        if (get16(frame + 12) == TYPE_IPV6)
                return claim_of_neighbour(frame, size, ret_address, ret_mac);
        return 0;
}
