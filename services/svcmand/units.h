/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd as seen over the system bus: what it says of our units, and the calls that start, stop and kill
 * them. Nothing waits; when no answer comes in time, or the bus is gone, systemd is out of reach until it
 * answers again. replicd's systemd.h goes through systemd's private socket, which is for root alone.
 */
#pragma once

#include "common/service.h"
#include "plan.h"

typedef struct Units Units;

typedef struct UnitsHandlers {
        /* `waited`: it is out of reach because an answer was waited for in vain. */
        void (*reachable)(void *userdata, bool reachable, bool waited);
        void (*report)(void *userdata, size_t service, size_t unit, const PlanReport *report);
        /* `error` NULL: taken. */
        void (*answered)(void *userdata, size_t service, size_t unit, const char *error);
} UnitsHandlers;

_must_check_ int units_new(Service *service, const UnitsHandlers *handlers, void *userdata,
                           Units **ret_units);
Units *units_free(Units *units);

/* A new connection to the bus; for service_on_bus(). */
_must_check_ int units_connected(Units *units, sd_bus *bus);

/* From now on these are asked about; answers about others are not told any more. */
void units_watch(Units *units, const Plan *plan);

/* Gives systemd the job; answered() tells whether it took it. */
void units_act(Units *units, const PlanAction *action);
