/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "common/timer.h"

enum {
        TURNS_MAX = 256, /* of one event: more would be a loop */
        NEWS_MAX = 40,   /* entries in the log in ten seconds */
};

/* A unit may crash a hundred times a second; the journal must survive that. */
static bool may_tell(Manager *m)
{
        return log_budget_allows(&m->news, NEWS_MAX, now_usec());
}

static void tell_stray(Manager *m, const char *name, const char *unit)
{
        log_event(service_log(m->service),
                  &(LogEntry){ .priority = LOG_ERR,
                               .id = MESSAGE_SERVICE_STRAY,
                               .category = "failover",
                               .reason = "runs where it is not placed" },
                  "%s of service %s runs here, where it is not placed now; stopping it", unit, name);
}

static void tell_bad(Manager *m, const PlanService *service)
{
        log_event(service_log(m->service),
                  &(LogEntry){ .priority = LOG_ERR,
                               .id = MESSAGE_SERVICE_BAD,
                               .category = "failover",
                               .reason = "too many failures" },
                  "Service %s has failed %u times within %u s; a peer that is able takes over",
                  service->name, service->max_failures,
                  (unsigned int) (service->window_usec / USEC_PER_SEC));
}

static void tell(Manager *m, const PlanAction *action)
{
        const PlanService *service = &m->plan.service[action->service];
        const char *unit = service->unit[action->unit].name;
        Log *log = service_log(m->service);

        if (!may_tell(m))
                return;
        switch (action->type) {
        case PLAN_ACT_START:
                log_info(log, "failover", "Starting %s of service %s", unit, service->name);
                break;
        case PLAN_ACT_STOP:
                log_info(log, "failover", "Stopping %s of service %s", unit, service->name);
                break;
        case PLAN_ACT_KILL:
                log_warning(log, "failover",
                            "%s of service %s does not end in time; killing what is left of it", unit,
                            service->name);
                break;
        case PLAN_ACT_STRAY:
                tell_stray(m, service->name, unit);
                break;
        case PLAN_ACT_ENDED:
                log_warning(log, "failover", "%s of service %s has ended, though it is to run here", unit,
                            service->name);
                break;
        case PLAN_ACT_START_FAILED:
                log_event(log,
                          &(LogEntry){ .priority = LOG_ERR,
                                       .id = MESSAGE_SERVICE_FAILED,
                                       .category = "failover" },
                          "%s of service %s did not start%s%s", unit, service->name,
                          m->refusal[action->service][0] != 0 ? ": " : "", m->refusal[action->service]);
                break;
        case PLAN_ACT_BAD:
                tell_bad(m, service);
                break;
        }
}

static bool is_call(PlanActionType type)
{
        return type == PLAN_ACT_START || type == PLAN_ACT_STOP || type == PLAN_ACT_KILL;
}

/* Acting comes first: a log entry must not delay a takeover. */
static void turn(Manager *m)
{
        PlanAction actions[PLAN_ACTIONS_MAX];
        size_t n = plan_turn(&m->plan, now_usec(), actions);

        for (size_t i = 0; i < n; i++)
                if (is_call(actions[i].type))
                        units_act(m->units, &actions[i]);
        for (size_t i = 0; i < n; i++)
                tell(m, &actions[i]);
}

void manager_turn(Manager *m)
{
        PlanOrder order = m->plan.order;
        PlanOutcome outcome;

        m->turn_again = true;
        if (m->in_turn)
                return;
        m->in_turn = true;
        for (int i = 0; m->turn_again && i < TURNS_MAX; i++) {
                m->turn_again = false;
                turn(m);
                m->turn_again |= m->plan.changed;
        }
        m->in_turn = false;
        outcome = plan_outcome(&m->plan, now_usec());
        if (outcome != PLAN_PENDING)
                bus_answer_order(m, order, outcome);
        bus_show(m);
        timer_set(m->timer, m->plan.wake_usec);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        manager_turn(userdata);
        return 0;
}

/* A connection that broke may be back in a moment; who has waited for an answer has waited long enough. */
static void on_reachable(void *userdata, bool reachable, bool waited)
{
        Manager *m = userdata;

        plan_reachable(&m->plan, reachable, waited ? 0 : now_usec());
        manager_turn(m);
}

static void on_report(void *userdata, size_t service, size_t unit, const PlanReport *report)
{
        Manager *m = userdata;

        plan_report(&m->plan, service, unit, report);
        manager_turn(m);
}

static void on_answered(void *userdata, size_t service, size_t unit, const char *error)
{
        Manager *m = userdata;

        snprintf(m->refusal[service], REFUSAL_MAX, "%s", error ?: "");
        if (error && may_tell(m))
                log_warning(service_log(m->service), "failover", "systemd refuses what is asked of %s: %s",
                            m->plan.service[service].unit[unit].name, error);
        plan_answered(&m->plan, service, unit, !error, now_usec());
        manager_turn(m);
}

static int on_settings(sd_bus_message *message, void *userdata)
{
        Manager *m = userdata;
        Wanted wanted;
        const char *bad = "";
        int r = wanted_read(message, &wanted, &bad);

        if (r < 0) {
                log_error(service_log(m->service), "config", "confd's settings cannot be read at \"%s\"",
                          bad);
                return r;
        }
        /* Without a configuration in force confd knows less than we do. */
        if (!wanted.configured) {
                wanted_done(&wanted);
                return 0;
        }
        wanted_done(&m->wanted);
        m->wanted = wanted;
        memset(&m->next, 0, sizeof(m->next));
        wanted_load(&m->wanted, &m->next);
        if (plan_load_end(&m->plan, &m->next)) {
                memset(m->refusal, 0, sizeof(m->refusal));
                units_watch(m->units, &m->plan);
        }
        m->loaded = true;
        manager_turn(m);
        return 0;
}

static int on_bus(sd_bus *bus, void *userdata)
{
        Manager *m = userdata;

        return units_connected(m->units, bus);
}

int manager_start(Manager *m)
{
        static const UnitsHandlers handlers = { .reachable = on_reachable,
                                                .report = on_report,
                                                .answered = on_answered };
        int r;

        r = timer_new(service_event(m->service), on_timer, m, &m->timer);
        if (r < 0)
                return r;
        r = units_new(m->service, &handlers, m, &m->units);
        if (r < 0)
                return r;
        service_on_bus(m->service, on_bus);
        return settings_open(m->service, "svcmand", on_settings, m, &m->settings);
}

/*
 * A stop of this daemon alone stops no service: it may be an upgrade. Before the whole of hapair stops,
 * electd has had the master's services stopped.
 */
int manager_new(Manager **ret)
{
        Manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        plan_init(&m->plan, now_usec());
        for (size_t i = 0; i < PLAN_SERVICES_MAX; i++)
                m->shown[i].manager = m;
        r = service_new(&bus_info, m, &m->service);
        if (r < 0) {
                manager_free(m);
                return r;
        }
        *ret = m;
        return 0;
}

Manager *manager_free(Manager *m)
{
        if (!m)
                return NULL;
        sd_bus_message_unref(m->order);
        settings_close(m->settings);
        units_free(m->units);
        sd_event_source_disable_unref(m->timer);
        service_free(m->service);
        wanted_done(&m->wanted);
        free(m);
        return NULL;
}
