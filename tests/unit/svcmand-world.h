/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tests of svcmand's plan share: a systemd that does as it is told, unless a test says otherwise. */
#pragma once

#include <glib.h>

#include "common/base/clock.h"
#include "services/svcmand/plan.h"

enum { A, B };

typedef struct World {
        Plan plan;
        uint64_t now_usec;
        PlanReport unit[PLAN_SERVICES_MAX][PLAN_UNITS_MAX];
        bool broken[PLAN_SERVICES_MAX]; /* does not start */
        bool hangs[PLAN_SERVICES_MAX];  /* does not stop */
        bool immortal[PLAN_SERVICES_MAX];
        bool refuses[PLAN_SERVICES_MAX]; /* systemd, on polkit's word */
        GString *calls;                  /* what was asked, in order: "+a -a !a" */
        unsigned int strays, bad;
} World;

World *world_new(void);
void world_free(World *world);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

/* Settings: services of one unit each, which load() puts in force and frees. */
PlanService *add(World *world, Plan *next, const char *name, PlanPlacement placement, uint32_t order);
void load(World *world, Plan *next);
/* A service on the master, one on the slave and one on both, of one order; or one on the master, "a". */
World *one_of_each(void);
World *one(void);

/* systemd tells what is, and the core does what follows, until nothing does. */
void settle(World *world);
/* The same, while time passes. */
void pass(World *world, uint64_t usec);

void start(World *world);
void stop(World *world);

/* Since the last time. */
void check_calls(World *world, const char *calls);
void check_outcome(World *world, PlanOutcome outcome);
