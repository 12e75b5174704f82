/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The edge to the links: packet sockets that send announcements and questions and listen to who claims a
 * virtual IP. A filter in the kernel lets through only ARP and neighbour advertisements about our addresses,
 * so that normal traffic wakes nobody.
 */
#pragma once

#include <systemd/sd-event.h>

#include "plan.h"

typedef struct Wire Wire;

/* A host said on the link that it has the address. */
typedef void (*WireClaim)(void *userdata, int ifindex, const IpAddress *address,
                          const uint8_t mac[MAC_SIZE]);

/* `event` is referenced, `userdata` outlives it. */
_must_check_ int wire_new(sd_event *event, WireClaim claim, void *userdata, Wire **ret);
Wire *wire_free(Wire *wire);

static inline void wire_freep(Wire **wire)
{
        wire_free(*wire);
}

/*
 * Listens on the devices of the plan's virtual IPs, for their addresses, and on that of the replication
 * link, for the peer's. Devices where that fails are left out; the last error is returned.
 */
_must_check_ int wire_listen(Wire *wire, const Plan *plan);

/* Hands over the claims that wait, as the event loop will. */
void wire_hear(Wire *wire);

/*
 * Sends the frames of PLAN_ANNOUNCE and PLAN_QUESTION. What cannot be sent is lost, as on any network, and
 * repeated by the plan. Returns the last error, 0 for none.
 */
_must_check_ int wire_send(Wire *wire, const Plan *plan, const PlanAction actions[], size_t n);
