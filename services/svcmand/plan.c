/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the core is told: settings, orders, and what systemd says; see plan.h. */
#include "plan.h"

#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/macros.h"

/* A daemon that has just started, or a broker that restarts, is back within that time. */
#define REACH_GRACE_USEC (2 * USEC_PER_SEC)

void plan_init(Plan *plan, uint64_t now_usec)
{
        memset(plan, 0, sizeof(*plan));
        plan->reachable_since_usec = now_usec;
        plan->wake_usec = USEC_INFINITY;
}

void plan_load_begin(Plan *next)
{
        next->n_services = 0;
}

PlanService *plan_load_service(Plan *next)
{
        PlanService *service;

        if (next->n_services == PLAN_SERVICES_MAX)
                return NULL;
        service = &next->service[next->n_services++];
        memset(service, 0, sizeof(*service));
        service->down_before = true; /* what runs before anybody asked for it is a stray */
        return service;
}

static bool same_units(const PlanService *a, const PlanService *b)
{
        if (a->n_units != b->n_units)
                return false;
        for (size_t i = 0; i < a->n_units; i++)
                if (strcmp(a->unit[i].name, b->unit[i].name) != 0)
                        return false;
        return true;
}

/* What was known of it goes on; the settings are the new ones. */
static void keep(PlanService *now, const PlanService *before)
{
        PlanService settings = *now;

        *now = *before;
        now->placement = settings.placement;
        now->order = settings.order;
        now->settle_usec = settings.settle_usec;
        now->start_limit_usec = settings.start_limit_usec;
        now->stop_limit_usec = settings.stop_limit_usec;
        now->max_failures = settings.max_failures;
        now->window_usec = settings.window_usec;
}

static bool same_service(const PlanService *a, const PlanService *b)
{
        return strcmp(a->name, b->name) == 0 && same_units(a, b);
}

static void ask_anew(PlanService *service)
{
        for (size_t i = 0; i < service->n_units; i++) {
                service->unit[i].report = (PlanReport){ .load = PLAN_LOAD_UNKNOWN };
                service->unit[i].doing = PLAN_IDLE;
                service->unit[i].killed_usec = service->unit[i].again_usec = 0;
        }
}

bool plan_load_end(Plan *plan, Plan *next)
{
        bool same = plan->n_services == next->n_services;

        for (size_t i = 0; i < next->n_services; i++) {
                same = same && same_service(&next->service[i], &plan->service[i]);
                for (size_t j = 0; j < plan->n_services; j++)
                        if (same_service(&next->service[i], &plan->service[j]))
                                keep(&next->service[i], &plan->service[j]);
        }
        memcpy(plan->service, next->service, sizeof(plan->service));
        plan->n_services = next->n_services;
        plan->loaded = true;
        for (size_t i = 0; !same && i < plan->n_services; i++)
                ask_anew(&plan->service[i]);
        return !same;
}

/* Also in maintenance, and also what somebody has meanwhile started or stopped by hand. */
static void unsettle(Plan *plan)
{
        for (size_t i = 0; i < plan->n_services; i++)
                plan->service[i].settled = false;
}

/* A master that steps back is no slave before it is told so. */
int plan_start(Plan *plan, uint64_t epoch, bool alone)
{
        if (epoch < plan->epoch)
                return -ESTALE;
        unsettle(plan);
        plan->epoch = epoch;
        plan->master_told = plan->master = true;
        plan->slave = false;
        plan->order = PLAN_ORDER_START;
        plan->alone = alone;
        return 0;
}

void plan_stop(Plan *plan)
{
        unsettle(plan);
        plan->master_told = true;
        plan->master = false;
        plan->order = PLAN_ORDER_STOP;
}

void plan_set_slave(Plan *plan, bool on)
{
        plan->slave = on;
}

void plan_set_maintenance(Plan *plan, bool on)
{
        plan->maintenance = on;
}

bool plan_holds(const Plan *plan, const PlanService *service)
{
        return plan->maintenance && plan->order == PLAN_ORDER_NONE && service->settled;
}

PlanRole plan_role(const Plan *plan)
{
        if (!plan->master_told)
                return PLAN_ROLE_UNKNOWN;
        return plan->master ? PLAN_ROLE_MASTER : plan->slave ? PLAN_ROLE_SLAVE : PLAN_ROLE_NONE;
}

bool plan_wants(const Plan *plan, const PlanService *service)
{
        PlanRole role = plan_role(plan);

        switch (service->placement) {
        case PLAN_ON_MASTER:
                return role == PLAN_ROLE_MASTER;
        case PLAN_ON_SLAVE:
                return role == PLAN_ROLE_SLAVE;
        case PLAN_ON_BOTH:
                break;
        }
        return role != PLAN_ROLE_UNKNOWN;
}

/*
 * A start is done when all that runs on a master does, and what runs on a slave alone does not: the other
 * node starts that when this one has become master. A stop is done when what runs on a master alone does
 * not.
 */
bool plan_concerns(const Plan *plan, const PlanService *service, PlanOrder order)
{
        switch (service->placement) {
        case PLAN_ON_MASTER:
                return true;
        case PLAN_ON_SLAVE:
                return order == PLAN_ORDER_START && !plan->alone;
        case PLAN_ON_BOTH:
                break;
        }
        return order == PLAN_ORDER_START;
}

PlanOutcome plan_outcome_of(const PlanService *service, PlanOrder order)
{
        if (service->placement == PLAN_ON_SLAVE)
                order = PLAN_ORDER_STOP;
        if (service->state == PLAN_MISSING) /* what is not there cannot start, and need not be stopped */
                return order == PLAN_ORDER_START ? PLAN_NOT_DONE : PLAN_DONE;
        if (order == PLAN_ORDER_START)
                return service->state == PLAN_RUNNING  ? PLAN_DONE
                       : service->state == PLAN_FAILED ? PLAN_NOT_DONE
                                                       : PLAN_PENDING;
        return service->state == PLAN_STOPPED ? PLAN_DONE
               : service->state == PLAN_STUCK ? PLAN_NOT_DONE
                                              : PLAN_PENDING;
}

PlanOutcome plan_outcome(Plan *plan, uint64_t now_usec)
{
        uint64_t grace = plan->reachable_since_usec + REACH_GRACE_USEC;
        PlanOutcome outcome = PLAN_DONE;

        if (plan->order == PLAN_ORDER_NONE || !plan->loaded)
                return PLAN_PENDING;
        if (!plan->reachable) {
                if (now_usec < grace) {
                        plan->wake_usec = MIN_OF(plan->wake_usec, grace);
                        return PLAN_PENDING;
                }
                plan->order = PLAN_ORDER_NONE;
                return PLAN_DEFERRED;
        }
        for (size_t i = 0; i < plan->n_services; i++) {
                const PlanService *service = &plan->service[i];
                PlanOutcome one;

                if (!plan_concerns(plan, service, plan->order))
                        continue;
                one = plan_outcome_of(service, plan->order);
                if (one == PLAN_PENDING)
                        return PLAN_PENDING;
                outcome = MAX_OF(outcome, one);
        }
        plan->order = PLAN_ORDER_NONE;
        return outcome;
}

void plan_reachable(Plan *plan, bool reachable, uint64_t since_usec)
{
        if (plan->reachable == reachable)
                return;
        plan->reachable = reachable;
        plan->reachable_since_usec = since_usec;
        for (size_t i = 0; i < plan->n_services; i++)
                ask_anew(&plan->service[i]);
}

void plan_report(Plan *plan, size_t service, size_t unit, const PlanReport *report)
{
        if (service < plan->n_services && unit < plan->service[service].n_units)
                plan->service[service].unit[unit].report = *report;
}

/*
 * The next report comes from after the call: systemd had queued its job when it answered. Until then what we
 * have is from before, so a job is assumed.
 */
void plan_answered(Plan *plan, size_t service, size_t index, bool taken, uint64_t now_usec)
{
        PlanUnit *unit;

        if (service >= plan->n_services || index >= plan->service[service].n_units)
                return;
        unit = &plan->service[service].unit[index];
        unit->report.job = unit->report.job || taken;
        unit->refused = !taken;
        switch (unit->doing) {
        case PLAN_START_ASKED:
                unit->doing = PLAN_STARTING; /* refused: without a job it has failed, see plan-turn.c */
                break;
        case PLAN_STOP_ASKED:
                unit->doing = PLAN_STOPPING;
                break;
        case PLAN_KILL_ASKED:
                unit->doing = PLAN_KILLING;
                break;
        case PLAN_IDLE:
        case PLAN_STARTING:
        case PLAN_STOPPING:
        case PLAN_KILLING:
                break;
        }
}

/* Failures age out of the window by the next turn. */
bool plan_bad(const Plan *plan)
{
        for (size_t i = 0; i < plan->n_services; i++)
                if (plan->service[i].bad)
                        return true;
        return false;
}

/* A unit whose file is gone, or that was masked, may run on, and is stopped like any other. */
bool plan_unit_absent(const PlanUnit *unit)
{
        return unit->report.load != PLAN_LOAD_UNKNOWN && unit->report.load != PLAN_LOADED &&
               plan_unit_down(unit);
}

bool plan_unit_down(const PlanUnit *unit)
{
        const PlanReport *report = &unit->report;

        if (report->load == PLAN_LOAD_UNKNOWN || report->job || report->processes)
                return false;
        return report->active == PLAN_INACTIVE || report->active == PLAN_UNIT_FAILED;
}
