/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* svcmand as a whole: the plan, systemd, and the turns of the loop. bus.c shows it, main.c starts it. */
#pragma once

#include "common/service.h"
#include "common/settings.h"
#include "plan.h"
#include "units.h"
#include "wanted.h"

enum { PROBLEM_MAX = 512, REFUSAL_MAX = 160 };

/* What was told of a service last: changes are found by comparing, so none can be forgotten. */
typedef struct ShownService {
        struct Manager *manager;
        bool exists, wanted;
        char name[PLAN_NAME_MAX];
        PlanState state;
        size_t n_failures;
        char problem[PROBLEM_MAX];
} ShownService;

typedef struct Manager {
        Service *service;
        Settings *settings;
        Units *units;
        sd_event_source *timer;

        Plan plan;
        Plan next; /* while settings are read */
        Wanted wanted;
        char refusal[PLAN_SERVICES_MAX]
                    [REFUSAL_MAX]; /* what systemd said to the last call it did not take */
        bool in_turn, turn_again;
        sd_bus_message *order; /* waits for its outcome */
        LogBudget news;

        bool loaded; /* other settings since they were told */
        PlanRole role;
        uint64_t epoch;
        bool reachable, bad, known, maintenance;
        ShownService shown[PLAN_SERVICES_MAX];
} Manager;

_must_check_ int manager_new(Manager **ret);
Manager *manager_free(Manager *m);

static inline void manager_freep(Manager **m)
{
        manager_free(*m);
}

_must_check_ int manager_start(Manager *m);

/* Does all that is due, answers the order that is done, tells what changed, sets the timer. */
void manager_turn(Manager *m);

/* problem.c: why the service is not as it should be and what to do; empty when it is. */
void problem_of(const Manager *m, size_t service, char ret_text[PROBLEM_MAX]);

/* bus.c */
extern const ServiceInfo bus_info;
void bus_answer_order(Manager *m, PlanOrder order, PlanOutcome outcome);
void bus_show(Manager *m);
