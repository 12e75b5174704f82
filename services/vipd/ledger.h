/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this service has put into the kernel since the kernel started: so that after a crash the next process
 * knows which addresses are ours, and removes none that is not. Written before an address is added. It lies
 * in the runtime directory, a tmpfs: a rename there costs microseconds, and it does not survive the kernel.
 */
#pragma once

#include "plan.h"

typedef struct Ledger {
        uint64_t epoch;     /* highest of an order to acquire */
        uint64_t keep_usec; /* how long the next process may keep the addresses without an order */
        size_t n;
        PlanEntry entries[PLAN_SLOTS_MAX];
} Ledger;

/* -ENOENT: none yet; -ESTALE: written later than now, so in another boot; -EBADMSG: not a ledger. */
_must_check_ int ledger_read(const char *path, Ledger *ret);
/* Replaces it as a whole. */
_must_check_ int ledger_write(const char *path, const Ledger *ledger);
