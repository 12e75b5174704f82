/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong with a service on this node, in plain words, and what to do about it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manager.h"

static const PlanUnit *find_load(const PlanService *service, PlanLoad load)
{
        for (size_t i = 0; i < service->n_units; i++)
                if (service->unit[i].report.load == load)
                        return &service->unit[i];
        return NULL;
}

static void missing(const PlanService *service, char ret_text[PROBLEM_MAX])
{
        const PlanUnit *unit = find_load(service, PLAN_NOT_FOUND);
        const PlanUnit *alias = find_load(service, PLAN_ALIAS);

        if (service->n_units == 0)
                snprintf(ret_text, PROBLEM_MAX,
                         "The catalogue of this node has no usable %s.service-set; `hapair errors` says why.",
                         service->name);
        else if (unit)
                snprintf(ret_text, PROBLEM_MAX, "This node has no unit %s; install the package that has it.",
                         unit->name);
        else if (alias)
                snprintf(ret_text, PROBLEM_MAX,
                         "%s is only another name of a unit; the service set has to have the name that "
                         "`systemctl show -P Id %s` prints.",
                         alias->name, alias->name);
        else if ((unit = find_load(service, PLAN_UNUSABLE)))
                snprintf(ret_text, PROBLEM_MAX, "%s is masked or broken; see `systemctl status %s`.",
                         unit->name, unit->name);
}

static const PlanUnit *find_enabled(const PlanService *service)
{
        for (size_t i = 0; i < service->n_units; i++)
                if (service->unit[i].report.enabled)
                        return &service->unit[i];
        return NULL;
}

static void enabled(const PlanService *service, char ret_text[PROBLEM_MAX])
{
        const PlanUnit *unit = find_enabled(service);

        if (unit && service->placement != PLAN_ON_BOTH)
                snprintf(ret_text, PROBLEM_MAX,
                         "%s also starts at every boot, before anybody knows whether it belongs here; "
                         "`systemctl disable %s`.",
                         unit->name, unit->name);
}

/* In maintenance nothing is wrong with it: the operator is to know what happens at its end. */
static bool held(const Manager *m, const PlanService *service, char ret_text[PROBLEM_MAX])
{
        bool up = service->state == PLAN_RUNNING;

        if (!plan_holds(&m->plan, service) || service->state == PLAN_UNKNOWN ||
            service->state == PLAN_MISSING || up == service->wanted)
                return false;
        snprintf(ret_text, PROBLEM_MAX,
                 up ? "It runs, though it is not placed here now, and is left alone until the end of "
                      "maintenance stops it."
                    : "It does not run, though it should, and is left alone until the end of "
                      "maintenance starts it.");
        return true;
}

void problem_of(const Manager *m, size_t index, char ret_text[PROBLEM_MAX])
{
        const PlanService *service = &m->plan.service[index];
        const char *unit = service->n_units > 0 ? service->unit[service->culprit].name : "";

        ret_text[0] = 0;
        if (held(m, service, ret_text))
                return;
        switch (service->state) {
        case PLAN_UNKNOWN:
                if (!m->plan.reachable)
                        snprintf(ret_text, PROBLEM_MAX,
                                 "systemd does not answer over the system bus: %s. It follows as soon as it "
                                 "does; see `systemctl status dbus`.",
                                 service->wanted ? "it cannot be started"
                                                 : "it may run here and cannot be stopped");
                break;
        case PLAN_MISSING:
                missing(service, ret_text);
                break;
        case PLAN_FAILED:
                if (m->refusal[index][0] != 0)
                        snprintf(ret_text, PROBLEM_MAX, "systemd does not start %s: %s.", unit,
                                 m->refusal[index]);
                else
                        snprintf(ret_text, PROBLEM_MAX,
                                 "%s does not run, though it should; it is tried again. See `systemctl "
                                 "status %s`.",
                                 unit, unit);
                break;
        case PLAN_STUCK:
                snprintf(ret_text, PROBLEM_MAX,
                         "It cannot be ended, not even with KILL%s%s; see `systemd-cgls -u` of its units.",
                         m->refusal[index][0] != 0 ? ": " : "", m->refusal[index]);
                break;
        case PLAN_STOPPED:
        case PLAN_START_UNDER_WAY:
        case PLAN_RUNNING:
        case PLAN_STOP_UNDER_WAY:
                enabled(service, ret_text);
                break;
        case PLAN_STATE_MAX:
                break;
        }
}
