/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ARP and neighbour discovery frames from anybody on the link: who claims an address? */
#include <stdlib.h>

#include "services/vipd/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t frame[PACKET_SIZE_MAX], mac[MAC_SIZE], again_mac[MAC_SIZE];
        IpAddress address, again;

        if (packet_claim(data, size, &address, mac) <= 0)
                return 0;

        /* Whatever was believed is a host's address, and can be told again. */
        if ((mac[0] & 1) != 0 || !ip_address_is_set(&address))
                abort();
        size = packet_announcement(&address, mac, true, frame);
        if (packet_claim(frame, size, &again, again_mac) != 1)
                abort();
        if (!ip_address_equal(&again, &address) || memcmp(mac, again_mac, MAC_SIZE) != 0)
                abort();
        return 0;
}
