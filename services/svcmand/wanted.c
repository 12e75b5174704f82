/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/base/macros.h"

#include "wanted.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/settings.h"

static void free_service(WantedService *service)
{
        settings_free_strings(service->units);
        free(service->name);
        free(service->description);
        free(service->start);
}

void wanted_done(Wanted *wanted)
{
        for (size_t i = 0; i < wanted->n_services; i++)
                free_service(&wanted->services[i]);
        free(wanted->services);
        *wanted = (Wanted){ 0 };
}

static int read_service(sd_bus_message *message, void *userdata)
{
        static const SettingsField fields[] = {
                { "Name", "s", offsetof(WantedService, name) },
                { "Description", "s", offsetof(WantedService, description) },
                { "Start", "s", offsetof(WantedService, start) },
                { "Units", "as", offsetof(WantedService, units) },
                { "Order", "t", offsetof(WantedService, order) },
                { "SettleUSec", "t", offsetof(WantedService, settle_usec) },
                { "StartLimitUSec", "t", offsetof(WantedService, start_limit_usec) },
                { "StopLimitUSec", "t", offsetof(WantedService, stop_limit_usec) },
                { "MaxFailures", "t", offsetof(WantedService, max_failures) },
                { "FailureWindowUSec", "t", offsetof(WantedService, window_usec) },
        };
        Wanted *wanted = userdata;
        WantedService *services;
        const char *bad;

        if (wanted->n_services == PLAN_SERVICES_MAX)
                return -E2BIG;
        services = reallocarray(wanted->services, wanted->n_services + 1, sizeof(*services));
        if (!services)
                return -ENOMEM;
        wanted->services = services;
        services[wanted->n_services] = (WantedService){ 0 };
        return settings_read(message, fields, ARRAY_SIZE(fields), &services[wanted->n_services++], &bad);
}

static int read_services(sd_bus_message *message, void *value)
{
        return settings_read_rows(message, read_service, (char *) value - offsetof(Wanted, services));
}

int wanted_read(sd_bus_message *message, Wanted *ret, const char **ret_bad)
{
        static const SettingsField fields[] = {
                { "Configured", "b", offsetof(Wanted, configured) },
                { "Services", "aa{sv}", offsetof(Wanted, services), read_services },
        };
        Wanted wanted = { 0 };
        int r = settings_read(message, fields, ARRAY_SIZE(fields), &wanted, ret_bad);

        if (r < 0) {
                wanted_done(&wanted);
                return r;
        }
        *ret = wanted;
        return 0;
}

static PlanPlacement parse_placement(const char *text)
{
        if (text && strcmp(text, "slave") == 0)
                return PLAN_ON_SLAVE;
        return text && strcmp(text, "both") == 0 ? PLAN_ON_BOTH : PLAN_ON_MASTER;
}

static bool fits(const WantedService *wanted)
{
        size_t n = 0;

        if (!wanted->name || wanted->name[0] == 0 || strlen(wanted->name) >= PLAN_NAME_MAX)
                return false;
        for (char **unit = wanted->units; unit && *unit; unit++)
                if (++n > PLAN_UNITS_MAX || strlen(*unit) >= PLAN_UNIT_NAME_MAX)
                        return false;
        return true;
}

void wanted_load(const Wanted *wanted, Plan *next)
{
        plan_load_begin(next);
        for (size_t i = 0; i < wanted->n_services; i++) {
                const WantedService *w = &wanted->services[i];
                PlanService *service = fits(w) ? plan_load_service(next) : NULL;

                if (!service)
                        continue;
                snprintf(service->name, sizeof(service->name), "%s", w->name);
                service->placement = parse_placement(w->start);
                service->order = (uint32_t) w->order;
                service->settle_usec = w->settle_usec;
                service->start_limit_usec = w->start_limit_usec;
                service->stop_limit_usec = w->stop_limit_usec;
                service->max_failures = (uint32_t) MIN_OF(w->max_failures, (uint64_t) PLAN_FAILURES_MAX);
                service->window_usec = w->window_usec;
                for (char **unit = w->units; unit && *unit; unit++)
                        snprintf(service->unit[service->n_units++].name, PLAN_UNIT_NAME_MAX, "%s", *unit);
        }
}
