/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks whether somebody has an address, and whether something listens there: one datagram each, all at once.
 * Used by `hapair init`, so that a second pair is not founded beside a running one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/address.h"

typedef enum ProbeResult {
        PROBE_NOBODY,    /* the neighbour did not answer, or there is no way to it */
        PROBE_REFUSED,   /* a host has the address, and nothing listens on the port */
        PROBE_SWALLOWED, /* a host has the address; something listens, or a firewall says nothing */
} ProbeResult;

typedef struct Probe {
        IpAddress address;
        IpAddress source; /* AF_UNSPEC: whichever */
        uint16_t port;    /* of both ends, where a source is given */
        ProbeResult result;
        int fd;
} Probe;

/* Fills the results. Takes about 3 s when an address has nobody, and 9 s at most. Negative errno. */
int probe_all(Probe *probes, size_t n);
