/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit-report.h"

#include <errno.h>
#include <string.h>

typedef struct Told {
        PlanReport report;
        const char *id; /* its own name */
} Told;

static PlanLoad parse_load(const char *text)
{
        if (strcmp(text, "loaded") == 0)
                return PLAN_LOADED;
        return strcmp(text, "not-found") == 0 ? PLAN_NOT_FOUND : PLAN_UNUSABLE;
}

static PlanActive parse_active(const char *text)
{
        static const struct {
                const char *text;
                PlanActive active;
        } names[] = { { "active", PLAN_ACTIVE },         { "reloading", PLAN_ACTIVE },
                      { "refreshing", PLAN_ACTIVE },     { "activating", PLAN_ACTIVATING },
                      { "failed", PLAN_UNIT_FAILED },    { "deactivating", PLAN_DEACTIVATING },
                      { "maintenance", PLAN_ACTIVATING } };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i].text, text) == 0)
                        return names[i].active;
        return PLAN_INACTIVE;
}

static int read_job(sd_bus_message *message, PlanReport *report)
{
        uint32_t id;
        int r = sd_bus_message_read(message, "v", "(uo)", &id, NULL);

        report->job = id != 0;
        return r;
}

static int read_property(sd_bus_message *message, Told *told)
{
        PlanReport *report = &told->report;
        const char *name, *text;
        int r = sd_bus_message_read(message, "s", &name);

        if (r < 0)
                return r;
        if (strcmp(name, "Job") == 0)
                return read_job(message, report);
        if (strcmp(name, "Id") != 0 && strcmp(name, "LoadState") != 0 && strcmp(name, "ActiveState") != 0 &&
            strcmp(name, "SubState") != 0 && strcmp(name, "UnitFileState") != 0)
                return sd_bus_message_skip(message, "v");
        r = sd_bus_message_read(message, "v", "s", &text);
        if (r < 0)
                return r;
        if (name[0] == 'I')
                told->id = text;
        else if (name[0] == 'L')
                report->load = parse_load(text);
        else if (name[0] == 'A')
                report->active = parse_active(text);
        else if (name[0] == 'S')
                report->restarting = strncmp(text, "auto-restart", strlen("auto-restart")) == 0;
        else
                report->enabled = strcmp(text, "enabled") == 0 || strcmp(text, "enabled-runtime") == 0;
        return 0;
}

int unit_report_read(sd_bus_message *message, const char *name, PlanReport *ret_report)
{
        Told told = { .report.load = PLAN_LOAD_UNKNOWN };
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_property(message, &told);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r < 0)
                return r;
        if (told.report.load == PLAN_LOAD_UNKNOWN)
                return -ENODATA;
        *ret_report = told.report;
        if (told.id && strcmp(told.id, name) != 0)
                *ret_report = (PlanReport){ .load = PLAN_ALIAS };
        return 0;
}

bool unit_report_processes(sd_bus_message *message)
{
        return sd_bus_message_enter_container(message, 'a', "(sus)") >= 0 &&
               sd_bus_message_at_end(message, false) == 0;
}
