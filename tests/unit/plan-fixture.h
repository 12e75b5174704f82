/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tests of the plan share: it is told what is wanted and what the kernel has, and a small executor
 * plays a kernel that does what it is told.
 */
#pragma once

#include <glib.h>

#include "services/vipd/plan.h"

enum { ETH0 = 2, ETH1 = 3 };

extern const IpAddress own, vip, alias, own6, vip6, none;
extern const uint8_t our_mac[MAC_SIZE], their_mac[MAC_SIZE], third_mac[MAC_SIZE];

typedef struct Fixture {
        Plan plan;
        uint64_t now;
        size_t count[_PLAN_ACTION_MAX]; /* actions of the last run() */
        PlanActionType order[64];       /* their batches */
        size_t n_order;
        PlanAction last[_PLAN_ACTION_MAX];
        int refuse; /* what the kernel answers to additions */
} Fixture;

typedef struct PlanTest {
        const char *name;
        void (*run)(Fixture *, gconstpointer);
} PlanTest;

/* Each begins with eth0 up, the own address on it, and one virtual IP with an alias. */
void plan_tests_add(const char *group, const PlanTest *tests, size_t n);

void link_is(Fixture *f, int ifindex, bool carrier);
void load(Fixture *f, bool enabled, const IpAddress *addresses, size_t n);
/* The address as the kernel is to have it: without the others of its net. */
IpAddress host(const IpAddress *address);

/* Carries out everything that is due. */
void run(Fixture *f);
/* Lets time pass as the daemon does: from one due moment to the next. */
void pass(Fixture *f, uint64_t usec);

PlanState state(const Fixture *f);
