/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One turn of the core: what is there against what is wanted, unit by unit; see plan.h. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/macros.h"
#include "plan.h"

#define RETRY_FIRST_USEC (1 * USEC_PER_SEC)
#define RETRY_DOUBLINGS  5
#define STOP_AGAIN_USEC  (1 * USEC_PER_SEC)
#define KILL_AGAIN_USEC  (1 * USEC_PER_SEC)
/* Nothing but the kernel can keep a process from ending for so long after KILL. */
#define KILL_LIMIT_USEC (5 * USEC_PER_SEC)

enum { ACTIONS_OF_A_SERVICE = 6 };

typedef struct Turn {
        Plan *plan;
        uint64_t now_usec;
        PlanAction *out;
        size_t n;
} Turn;

/* Where a unit, or all of a service, stands on its way. */
typedef enum Step {
        STEP_THERE,
        STEP_WAIT,
        STEP_FAILED,
        STEP_MISSING,
        STEP_STUCK,
} Step;

static void wake(Turn *turn, uint64_t usec)
{
        turn->plan->wake_usec = MIN_OF(turn->plan->wake_usec, usec);
}

static PlanAction *act(Turn *turn, PlanActionType type, const PlanService *service, size_t unit)
{
        PlanAction *action = &turn->out[turn->n++];

        *action = (PlanAction){ .type = type,
                                .service = (size_t) (service - turn->plan->service),
                                .unit = unit };
        return action;
}

static void forget_old_failures(Turn *turn, PlanService *service)
{
        size_t old = 0;

        while (old < service->n_failures &&
               service->failure_usec[old] + service->window_usec <= turn->now_usec)
                old++;
        service->n_failures -= old;
        memmove(service->failure_usec, service->failure_usec + old,
                service->n_failures * sizeof(service->failure_usec[0]));
        if (service->n_failures > 0)
                wake(turn, service->failure_usec[0] + service->window_usec);
}

/* The first restart is at once; a start that failed waits, longer each time. */
static void note_failure(Turn *turn, PlanService *service, size_t unit, PlanActionType what)
{
        uint64_t rest = RETRY_FIRST_USEC << MIN_OF(service->tries, (uint32_t) RETRY_DOUBLINGS);

        act(turn, what, service, unit);
        if (what == PLAN_ACT_ENDED && service->tries == 0)
                rest = 0;
        service->tries++;
        service->retry_usec = turn->now_usec + rest;
        service->culprit = unit;
        if (service->n_failures == PLAN_FAILURES_MAX)
                memmove(service->failure_usec, service->failure_usec + 1,
                        --service->n_failures * sizeof(service->failure_usec[0]));
        service->failure_usec[service->n_failures++] = turn->now_usec;
        if (!service->bad && service->n_failures >= service->max_failures) {
                service->bad = true;
                act(turn, PLAN_ACT_BAD, service, unit);
        }
}

/*
 * The rests between tries may be so long that the window has few failures of a service that never works: it
 * is well again when it has run for as long as the window.
 */
static void look_whether_well(PlanService *service)
{
        if (service->n_failures < service->max_failures &&
            (!service->wanted || (service->state == PLAN_RUNNING && service->tries == 0)))
                service->bad = false;
}

/* Stopping */

static void ask_stop(Turn *turn, PlanService *service, size_t index)
{
        PlanUnit *unit = &service->unit[index];

        if (service->down_before && !service->wanted) {
                act(turn, PLAN_ACT_STRAY, service, index);
                service->down_before = false; /* told once */
        }
        act(turn, PLAN_ACT_STOP, service, index);
        unit->doing = PLAN_STOP_ASKED;
        unit->since_usec = turn->now_usec;
        if (unit->stop_usec == 0)
                unit->stop_usec = turn->now_usec;
        unit->killed_usec = unit->again_usec = 0;
}

/* Who decides on the rights may be restarting: a refusal is final only past the limit. */
static Step refused(Turn *turn, const PlanService *service, const PlanUnit *unit)
{
        return unit->refused && turn->now_usec >= unit->stop_usec + service->stop_limit_usec ? STEP_STUCK
                                                                                             : STEP_WAIT;
}

static void ask_kill(Turn *turn, PlanService *service, size_t index)
{
        PlanUnit *unit = &service->unit[index];

        act(turn, PLAN_ACT_KILL, service, index);
        unit->doing = PLAN_KILL_ASKED;
        unit->again_usec = turn->now_usec + KILL_AGAIN_USEC;
        if (unit->killed_usec == 0)
                unit->killed_usec = turn->now_usec;
}

/* systemd's own limit may be longer than a takeover can wait: ours is enforced with KILL. */
static Step stopping(Turn *turn, PlanService *service, size_t index)
{
        PlanUnit *unit = &service->unit[index];
        uint64_t limit = unit->since_usec + service->stop_limit_usec;
        bool ended = !unit->report.job;

        if (ended && !unit->report.processes) {
                /* Refused, or something had it start again and that job took the place of ours. */
                unit->doing = PLAN_IDLE;
                unit->again_usec = turn->now_usec + STOP_AGAIN_USEC;
                wake(turn, unit->again_usec);
                return refused(turn, service, unit);
        } else if (ended || turn->now_usec >= limit)
                ask_kill(turn, service, index); /* also what the unit leaves behind when it ends */
        else
                wake(turn, limit);
        return STEP_WAIT;
}

static Step killing(Turn *turn, PlanService *service, size_t index)
{
        PlanUnit *unit = &service->unit[index];
        uint64_t limit = unit->killed_usec + KILL_LIMIT_USEC;

        if (turn->now_usec >= unit->again_usec)
                ask_kill(turn, service, index);
        wake(turn, unit->again_usec);
        if (turn->now_usec >= limit)
                return STEP_STUCK;
        wake(turn, limit);
        return STEP_WAIT;
}

static Step unit_down(Turn *turn, PlanService *service, size_t index)
{
        PlanUnit *unit = &service->unit[index];

        unit->up = false;
        if (unit->report.load == PLAN_LOAD_UNKNOWN)
                return STEP_WAIT;
        switch (unit->doing) {
        case PLAN_START_ASKED: /* a stop could overtake it */
        case PLAN_STOP_ASKED:
                return STEP_WAIT;
        case PLAN_KILL_ASKED:
                return turn->now_usec >= unit->killed_usec + KILL_LIMIT_USEC ? STEP_STUCK : STEP_WAIT;
        case PLAN_IDLE:
        case PLAN_STARTING:
        case PLAN_STOPPING:
        case PLAN_KILLING:
                break;
        }
        if (plan_unit_down(unit)) {
                unit->doing = PLAN_IDLE;
                unit->stop_usec = unit->killed_usec = unit->again_usec = 0;
                return STEP_THERE;
        }
        if (unit->doing == PLAN_STOPPING)
                return stopping(turn, service, index);
        if (unit->doing == PLAN_KILLING)
                return killing(turn, service, index);
        if (turn->now_usec < unit->again_usec) {
                wake(turn, unit->again_usec);
                return refused(turn, service, unit);
        }
        ask_stop(turn, service, index);
        return STEP_WAIT;
}

static Step service_down(Turn *turn, PlanService *service)
{
        for (size_t i = service->n_units; i-- > 0;) {
                Step step = unit_down(turn, service, i);

                if (step != STEP_THERE)
                        return step;
        }
        return STEP_THERE;
}

/* Starting */

static Step starting(Turn *turn, PlanService *service, size_t index)
{
        PlanUnit *unit = &service->unit[index];
        uint64_t limit = unit->since_usec + service->start_limit_usec;

        if (unit->report.job && !unit->report.restarting) {
                if (turn->now_usec < limit) {
                        wake(turn, limit);
                        return STEP_WAIT;
                }
                note_failure(turn, service, index, PLAN_ACT_START_FAILED);
                ask_stop(turn, service, index);
                return STEP_FAILED;
        }
        unit->doing = PLAN_IDLE;
        if (unit->report.active == PLAN_ACTIVE)
                return STEP_THERE;
        note_failure(turn, service, index, PLAN_ACT_START_FAILED);
        return STEP_FAILED;
}

/* Nothing of ours is under way. */
static Step idle(Turn *turn, PlanService *service, size_t index)
{
        PlanUnit *unit = &service->unit[index];
        const PlanReport *report = &unit->report;

        unit->stop_usec = 0;
        if (report->active == PLAN_ACTIVE)
                return STEP_THERE;
        if (report->job && !report->restarting) /* somebody restarts it, or systemd again what failed */
                return service->tries > 0 ? STEP_FAILED : STEP_WAIT;
        if (unit->up) {
                unit->up = false;
                note_failure(turn, service, index, PLAN_ACT_ENDED);
        }
        /* By its Restart= systemd does what we would. */
        if (report->active == PLAN_ACTIVATING || report->active == PLAN_DEACTIVATING)
                return service->tries > 0 ? STEP_FAILED : STEP_WAIT;
        if (turn->now_usec < service->retry_usec) {
                wake(turn, service->retry_usec);
                return STEP_FAILED;
        }
        act(turn, PLAN_ACT_START, service, index)->failed = report->active == PLAN_UNIT_FAILED;
        unit->doing = PLAN_START_ASKED;
        unit->since_usec = turn->now_usec;
        return STEP_WAIT;
}

static Step unit_up(Turn *turn, PlanService *service, size_t index)
{
        PlanUnit *unit = &service->unit[index];
        Step step = STEP_WAIT;

        if (unit->report.load == PLAN_LOAD_UNKNOWN)
                return STEP_WAIT;
        if (plan_unit_absent(unit))
                return STEP_MISSING;
        switch (unit->doing) {
        case PLAN_IDLE:
                step = idle(turn, service, index);
                break;
        case PLAN_START_ASKED:
                break;
        case PLAN_STARTING:
                step = starting(turn, service, index);
                break;
        case PLAN_STOP_ASKED:
        case PLAN_STOPPING:
        case PLAN_KILL_ASKED:
        case PLAN_KILLING: /* wanted again before it was down: down first */
                (void) unit_down(turn, service, index);
                return service->tries > 0 ? STEP_FAILED : STEP_WAIT;
        }
        if (step == STEP_THERE && !unit->up) {
                unit->up = true;
                unit->up_usec = turn->now_usec;
        }
        return step;
}

static Step service_up(Turn *turn, PlanService *service)
{
        uint64_t settled = 0;

        for (size_t i = 0; i < service->n_units; i++) {
                Step step = unit_up(turn, service, i);

                if (step != STEP_THERE)
                        return step;
                settled = MAX_OF(settled, service->unit[i].up_usec);
        }
        if (service->n_units == 0)
                return STEP_MISSING;
        if (turn->now_usec < settled + service->settle_usec) {
                wake(turn, settled + service->settle_usec);
                return STEP_WAIT;
        }
        if (turn->now_usec >= settled + service->window_usec)
                service->tries = 0;
        else if (service->tries > 0)
                wake(turn, settled + service->window_usec);
        return STEP_THERE;
}

/* Services */

/* One of lower order that is on its way up, or one of higher order on its way down. */
static bool waits_for_others(const Plan *plan, const PlanService *service)
{
        for (size_t i = 0; i < plan->n_services; i++) {
                const PlanService *other = &plan->service[i];
                bool settled = other->state == PLAN_MISSING || other->state == PLAN_STUCK ||
                               other->state == (other->wanted ? PLAN_RUNNING : PLAN_STOPPED) ||
                               (other->wanted && other->state == PLAN_FAILED) || plan_holds(plan, other);

                if (other->wanted != service->wanted || settled || other->n_units == 0)
                        continue;
                if (service->wanted ? other->order < service->order : other->order > service->order)
                        return true;
        }
        return false;
}

static PlanState state_of(const PlanService *service, Step step)
{
        switch (step) {
        case STEP_THERE:
                return service->wanted ? PLAN_RUNNING : PLAN_STOPPED;
        case STEP_WAIT:
                break;
        case STEP_FAILED:
                return PLAN_FAILED;
        case STEP_MISSING:
                return PLAN_MISSING;
        case STEP_STUCK:
                return PLAN_STUCK;
        }
        return service->wanted ? PLAN_START_UNDER_WAY : PLAN_STOP_UNDER_WAY;
}

static bool all_missing(const PlanService *service)
{
        for (size_t i = 0; i < service->n_units; i++)
                if (!plan_unit_absent(&service->unit[i]))
                        return false;
        return true;
}

static bool some_missing(const PlanService *service)
{
        for (size_t i = 0; i < service->n_units; i++)
                if (plan_unit_absent(&service->unit[i]))
                        return true;
        return service->n_units == 0;
}

/* In maintenance: what there is, whoever made it so. What somebody stops has not failed. */
static PlanState look_only(PlanService *service)
{
        size_t n_up = 0, n_down = 0, n_failed = 0;

        for (size_t i = 0; i < service->n_units; i++) {
                PlanUnit *unit = &service->unit[i];

                if (unit->report.load == PLAN_LOAD_UNKNOWN)
                        return PLAN_UNKNOWN;
                unit->up = false;
                n_up += unit->report.active == PLAN_ACTIVE;
                n_down += plan_unit_down(unit);
                n_failed += unit->report.active == PLAN_UNIT_FAILED;
        }
        if (n_up == service->n_units)
                return PLAN_RUNNING;
        if (n_failed > 0)
                return PLAN_FAILED;
        return n_down > 0 ? PLAN_STOPPED : PLAN_START_UNDER_WAY;
}

static bool is_as_wanted(const PlanService *service)
{
        return service->state == (service->wanted ? PLAN_RUNNING : PLAN_STOPPED) ||
               service->state == PLAN_MISSING;
}

static void service_turn(Turn *turn, PlanService *service)
{
        const Plan *plan = turn->plan;
        bool held = plan_holds(plan, service);
        PlanState state;

        forget_old_failures(turn, service);
        if (!plan->reachable || plan_role(plan) == PLAN_ROLE_UNKNOWN)
                state = PLAN_UNKNOWN;
        else if (all_missing(service))
                state = PLAN_MISSING;
        else if (held)
                state = look_only(service);
        else if (waits_for_others(plan, service))
                state = state_of(service, STEP_WAIT);
        else
                state = state_of(service,
                                 service->wanted ? service_up(turn, service) : service_down(turn, service));
        /* Said before it is needed. */
        if (state == PLAN_STOPPED) {
                service->down_before = true;
                if (some_missing(service))
                        state = PLAN_MISSING;
        }
        if (state != service->state) {
                service->state = state;
                service->since_usec = turn->now_usec;
                turn->plan->changed = true;
        }
        if (!held && state != PLAN_UNKNOWN)
                service->settled = is_as_wanted(service);
        look_whether_well(service);
}

static void want(PlanService *service, bool wanted)
{
        if (wanted == service->wanted)
                return;
        service->wanted = wanted;
        service->settled = false;
        service->tries = 0;
        service->retry_usec = 0;
        if (wanted)
                service->down_before = false;
}

size_t plan_turn(Plan *plan, uint64_t now_usec, PlanAction ret_actions[PLAN_ACTIONS_MAX])
{
        Turn turn = { .plan = plan, .now_usec = now_usec, .out = ret_actions };

        plan->wake_usec = USEC_INFINITY;
        plan->changed = false;
        for (size_t i = 0; i < plan->n_services; i++)
                want(&plan->service[i], plan_wants(plan, &plan->service[i]));
        for (size_t i = 0; i < plan->n_services; i++) {
                if (turn.n + ACTIONS_OF_A_SERVICE > PLAN_ACTIONS_MAX)
                        break;
                service_turn(&turn, &plan->service[i]);
        }
        plan->changed = plan->changed || turn.n > 0;
        return turn.n;
}
