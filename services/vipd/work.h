/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carries out the plan: takes its actions, has a platform do them, tells it the outcome, until nothing is
 * left to do now. The platform is the kernel (vipd's manager) or, in tests, a model of it.
 */
#pragma once

#include "plan.h"

typedef struct Platform {
        /* CLOCK_BOOTTIME in microseconds. */
        uint64_t (*now)(void *userdata);
        /* As rtnl_apply(). */
        int (*apply)(void *userdata, const PlanAction actions[], size_t n, int ret_errors[]);
        /* As rtnl_drain() and rtnl_dump(). */
        int (*drain)(void *userdata);
        int (*dump)(void *userdata);
        /* As wire_send(). */
        int (*send)(void *userdata, const PlanAction actions[], size_t n);
        /* Writes plan_entries() to the ledger. */
        int (*record)(void *userdata);
        /* An action was carried out: for the log and the bus. */
        void (*done)(void *userdata, const PlanAction *action, int error);
} Platform;

/*
 * 0: nothing more to do before plan_next_usec(). 1: more to do, let others have a turn first. Negative errno
 * when the platform failed as a whole; the plan tries again.
 */
_must_check_ int work(Plan *plan, const Platform *platform, void *userdata);
