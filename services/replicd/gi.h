/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * DRBD's generation identifiers of one volume, as `drbdsetup get-gi MINOR` (attached) or `drbdadm get-gi`
 * (from the disk) prints them in one line: current, bitmap and two history identifiers, then flags. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

typedef struct Gi {
        uint64_t current; /* with DRBD's flag, "was primary", in the lowest bit */
        uint64_t bitmap;  /* not 0: the generation that was common, before this node went on without its peer
                           */
        uint64_t history[2];
        bool consistent;
        bool was_up_to_date;
        bool primary;
        bool connected;
        bool full_sync;
        bool peer_outdated;
        bool crashed_primary;
} Gi;

/* -EBADMSG: no such line. */
_must_check_ int gi_parse(const char *text, size_t size, Gi *ret_gi);

/* The data generation: the same number on both nodes when they hold the same data. */
static inline uint64_t gi_generation(const Gi *gi)
{
        return gi->current & ~UINT64_C(1);
}

/* drbd.h: UUID_JUST_CREATED */
#define GI_JUST_CREATED 4

/* Metadata that nothing has been written under yet. */
static inline bool gi_just_created(const Gi *gi)
{
        return gi_generation(gi) == GI_JUST_CREATED;
}

/* Whether there ever was a primary on these data. */
static inline bool gi_has_served(const Gi *gi)
{
        return gi->consistent || gi->was_up_to_date || gi->primary || gi->crashed_primary;
}
