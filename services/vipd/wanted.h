/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings that confd hands to vipd, as text, and how they become a plan. */
#pragma once

#include <systemd/sd-bus.h>

#include "plan.h"

typedef struct WantedVip {
        char *name;
        bool enabled;
        char *address;
        char **aliases;
        char *own;
} WantedVip;

typedef struct Wanted {
        bool configured;
        char *role; /* "none": neither address of the pair is on this node now, and no virtual IP is listed
                     */
        uint64_t dead_usec;
        char *primary;
        char *own;
        char *replication_own,
                        *replication_peer; /* the ends of the replication link; NULL without a volume */
        WantedVip *vips;
        size_t n_vips;
} Wanted;

void wanted_done(Wanted *wanted);

/* Reads the a{sv} of Config1.GetSettings. Errors as settings_read(), -E2BIG. */
_must_check_ int wanted_read(sd_bus_message *message, Wanted *ret, const char **ret_bad);

/*
 * Loads it into the plan. What does not fit or does not parse is left out and told to `refused` (0 or
 * negative errno as plan_load_vip() and plan_load_address() say, and what it was about); the rest is in
 * force.
 */
typedef void (*WantedRefused)(void *userdata, const char *vip, const char *address, int error);
void wanted_load(const Wanted *wanted, Plan *plan, WantedRefused refused, void *userdata);
