/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings that confd hands to svcmand, and how they become a plan. */
#pragma once

#include <systemd/sd-bus.h>

#include "plan.h"

typedef struct WantedService {
        char *name, *description, *start;
        char **units;
        uint64_t order, settle_usec, start_limit_usec, stop_limit_usec, max_failures, window_usec;
} WantedService;

typedef struct Wanted {
        bool configured;
        WantedService *services;
        size_t n_services;
} Wanted;

void wanted_done(Wanted *wanted);

/* Reads the a{sv} of Config1.GetSettings. Errors as settings_read(), -E2BIG. */
_must_check_ int wanted_read(sd_bus_message *message, Wanted *ret, const char **ret_bad);

/* Fills `next`, which is zeroed. What does not fit was refused by confd already; it is left out. */
void wanted_load(const Wanted *wanted, Plan *next);
