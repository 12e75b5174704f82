/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The few frames by which hosts tell and ask who has an address: ARP (RFC 826, RFC 5227) and neighbour
 * discovery (RFC 4861), as whole Ethernet frames. Pure: builds into and reads from the caller's memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/address.h"
#include "common/base/macros.h"

#define MAC_SIZE        6
#define PACKET_SIZE_MAX 86 /* Ethernet 14 + IPv6 40 + neighbour message 24 + one option 8 */

/*
 * Tells everyone on the link that `address` is at `mac`. IPv4: a gratuitous ARP *request*; a reply is
 * ignored by Linux while its entry is fresh. IPv6: an unsolicited neighbour advertisement to all nodes with
 * override flag and target link-layer address, without which it is ignored; `router` must say whether this
 * node forwards, or hosts drop it from their default routers (RFC 4861, 7.2.5). Returns the frame's size.
 */
size_t packet_announcement(const IpAddress *address, const uint8_t mac[MAC_SIZE], bool router,
                           uint8_t ret_frame[PACKET_SIZE_MAX]);

/*
 * Asks who has `target`. `sender` is an address of the asking node, so that the answer comes straight back
 * to it; with family 0 it asks like a host that has no address yet. Returns the frame's size.
 */
size_t packet_question(const IpAddress *target, const IpAddress *sender, const uint8_t mac[MAC_SIZE],
                       uint8_t ret_frame[PACKET_SIZE_MAX]);

/*
 * Whether the frame claims an address for a host: an ARP packet with a sender, or a neighbour
 * advertisement. 1: it does; 0: something else; -EBADMSG: broken.
 */
_must_check_ int packet_claim(const uint8_t *frame, size_t size, IpAddress *ret_address,
                              uint8_t ret_mac[MAC_SIZE]);
