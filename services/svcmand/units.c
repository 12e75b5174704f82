/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "units.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/timer.h"
#include "unit-report.h"

#define SYSTEMD    "org.freedesktop.systemd1"
#define MANAGER    "org.freedesktop.systemd1.Manager"
#define UNIT       "org.freedesktop.systemd1.Unit"
#define ROOT_PATH  "/org/freedesktop/systemd1"
#define UNIT_PATH  "/org/freedesktop/systemd1/unit"
#define PROPERTIES "org.freedesktop.DBus.Properties"
/*
 * systemd and polkit answer within milliseconds, jobs run on behind the answer. A bus that says nothing for
 * so long is as good as none: a takeover does not wait for it any longer.
 */
#define ANSWER_USEC (3 * USEC_PER_SEC)
#define PING_USEC   (1 * USEC_PER_SEC)

/* One of our units: where it is on the bus, and what is under way about it. */
typedef struct Watched {
        Units *units;
        size_t service, unit;
        char name[PLAN_UNIT_NAME_MAX];
        char *path;
        sd_bus_slot *changed, *fetch, *call;
        bool fetch_again;
        PlanReport report; /* until its processes are known too */
} Watched;

struct Units {
        Service *service;
        const UnitsHandlers *handlers;
        void *userdata;
        sd_bus *bus; /* NULL while there is none */
        bool reachable;
        sd_bus_slot *slots[5];
        sd_bus_slot *hello;
        sd_event_source *ping;
        Watched *watched;
        size_t n_watched;
};

static void fetch(Watched *watched);
static void say_hello(Units *units);

static void set_reachable(Units *units, bool reachable, bool waited)
{
        if (units->reachable == reachable)
                return;
        units->reachable = reachable;
        units->handlers->reachable(units->userdata, reachable, waited);
}

static void forget_calls(Watched *watched)
{
        watched->fetch = sd_bus_slot_unref(watched->fetch);
        watched->call = sd_bus_slot_unref(watched->call);
        watched->fetch_again = false;
}

static void lose(Units *units, bool waited)
{
        for (size_t i = 0; i < units->n_watched; i++)
                forget_calls(&units->watched[i]);
        units->hello = sd_bus_slot_unref(units->hello);
        set_reachable(units, false, waited);
}

static void ping_later(Units *units)
{
        timer_set(units->ping, now_usec() + PING_USEC);
}

/* No answer is not the same as a refusal: who is silent is out of reach, and asked until it answers. */
static bool is_silence(const sd_bus_error *error)
{
        static const char *const names[] = { SD_BUS_ERROR_TIMEOUT, SD_BUS_ERROR_NO_REPLY,
                                             SD_BUS_ERROR_DISCONNECTED, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                                             SD_BUS_ERROR_SERVICE_UNKNOWN };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (sd_bus_error_has_name(error, names[i]))
                        return true;
        return false;
}

/* systemd does not have the unit, and cannot have it by this name. All else it may answer tells nothing of
 * it. */
static bool is_absence(const sd_bus_error *error)
{
        static const char *const names[] = { SD_BUS_ERROR_UNKNOWN_OBJECT, SD_BUS_ERROR_INVALID_ARGS,
                                             "org.freedesktop.systemd1.NoSuchUnit" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (sd_bus_error_has_name(error, names[i]))
                        return true;
        return false;
}

static void hear_silence(Units *units)
{
        lose(units, true);
        ping_later(units);
}

/* What a unit says of itself */

static void fetched(Watched *watched)
{
        Units *units = watched->units;
        PlanReport report = watched->report;

        watched->fetch = sd_bus_slot_unref(watched->fetch);
        if (watched->fetch_again)
                fetch(watched);
        units->handlers->report(units->userdata, watched->service, watched->unit, &report);
}

/* A unit may be down, or have failed, and leave processes behind: then it is not down for us. */
static int on_processes(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Watched *watched = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(message);

        watched->fetch = sd_bus_slot_unref(watched->fetch);
        if (error && !is_absence(error)) {
                hear_silence(watched->units);
                return 0;
        }
        watched->report.processes = unit_report_processes(message);
        fetched(watched);
        return 0;
}

static bool is_down(const PlanReport *report)
{
        return !report->job && report->load != PLAN_ALIAS &&
               (report->active == PLAN_INACTIVE || report->active == PLAN_UNIT_FAILED);
}

static int ask_processes(Watched *watched)
{
        Units *units = watched->units;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(units->bus, &call, SYSTEMD, ROOT_PATH, MANAGER,
                                               "GetUnitProcesses");

        if (r >= 0)
                r = sd_bus_message_append(call, "s", watched->name);
        return r < 0 ? r
                     : sd_bus_call_async(units->bus, &watched->fetch, call, on_processes, watched,
                                         ANSWER_USEC);
}

static int on_unit(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Watched *watched = userdata;
        Units *units = watched->units;
        const sd_bus_error *error = sd_bus_message_get_error(message);

        watched->fetch = sd_bus_slot_unref(watched->fetch);
        if (error && is_absence(error)) {
                watched->report = (PlanReport){ .load = PLAN_UNUSABLE };
                fetched(watched);
        } else if (error || unit_report_read(message, watched->name, &watched->report) < 0)
                hear_silence(units);
        else if (!is_down(&watched->report))
                fetched(watched);
        else if (ask_processes(watched) < 0)
                hear_silence(units);
        return 0;
}

static void fetch_of(Units *units, Watched *watched)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        watched->fetch_again = watched->fetch;
        if (!units->bus || !units->reachable || watched->fetch)
                return;
        r = sd_bus_message_new_method_call(units->bus, &call, SYSTEMD, watched->path, PROPERTIES, "GetAll");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", UNIT);
        if (r >= 0)
                r = sd_bus_call_async(units->bus, &watched->fetch, call, on_unit, watched, ANSWER_USEC);
        if (r < 0)
                hear_silence(units);
}

static void fetch(Watched *watched)
{
        fetch_of(watched->units, watched);
}

static void fetch_all(Units *units)
{
        for (size_t i = 0; i < units->n_watched; i++)
                fetch_of(units, &units->watched[i]);
}

/* Signals */

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        fetch(userdata);
        return 0;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Units *units = userdata;
        const char *unit;

        if (sd_bus_message_read(message, "uoss", NULL, NULL, &unit, NULL) < 0)
                return 0;
        for (size_t i = 0; i < units->n_watched; i++)
                if (strcmp(units->watched[i].name, unit) == 0)
                        fetch(&units->watched[i]);
        return 0;
}

/* Unit files came, went, or were enabled; or systemd has read them anew. */
static int on_files(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        fetch_all(userdata);
        return 0;
}

/* Another systemd has the name: after its own restart it may have forgotten who is subscribed. */
static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Units *units = userdata;

        lose(units, false);
        say_hello(units);
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Units *units = userdata;

        units->bus = NULL;
        lose(units, false);
        return 0;
}

static int on_hello(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Units *units = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(message);

        units->hello = sd_bus_slot_unref(units->hello);
        if (error && !sd_bus_error_has_name(error, "org.freedesktop.systemd1.AlreadySubscribed")) {
                ping_later(units);
                return 0;
        }
        set_reachable(units, true, false);
        fetch_all(units);
        return 0;
}

static void say_hello(Units *units)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!units->bus || units->hello)
                return;
        r = sd_bus_message_new_method_call(units->bus, &call, SYSTEMD, ROOT_PATH, MANAGER, "Subscribe");
        if (r >= 0)
                r = sd_bus_call_async(units->bus, &units->hello, call, on_hello, units, ANSWER_USEC);
        if (r < 0)
                ping_later(units);
}

static int on_ping(sd_event_source *source, uint64_t usec, void *userdata)
{
        say_hello(userdata);
        return 0;
}

static int watch_path(Watched *watched)
{
        Units *units = watched->units;

        watched->changed = sd_bus_slot_unref(watched->changed);
        return sd_bus_match_signal_async(units->bus, &watched->changed, SYSTEMD, watched->path, PROPERTIES,
                                         "PropertiesChanged", on_changed, NULL, watched);
}

static void drop_slots(Units *units)
{
        for (size_t i = 0; i < ARRAY_SIZE(units->slots); i++)
                units->slots[i] = sd_bus_slot_unref(units->slots[i]);
        for (size_t i = 0; i < units->n_watched; i++)
                units->watched[i].changed = sd_bus_slot_unref(units->watched[i].changed);
}

int units_connected(Units *units, sd_bus *bus)
{
        const struct {
                const char *sender, *path, *interface, *member;
                sd_bus_message_handler_t handler;
        } matches[] = {
                { NULL, NULL, "org.freedesktop.DBus.Local", "Disconnected", on_disconnected },
                { SYSTEMD, ROOT_PATH, MANAGER, "JobRemoved", on_job_removed },
                { SYSTEMD, ROOT_PATH, MANAGER, "UnitFilesChanged", on_files },
                { SYSTEMD, ROOT_PATH, MANAGER, "Reloading", on_files },
        };
        int r = 0;

        drop_slots(units);
        units->bus = NULL;
        lose(units, false);
        units->bus = bus;
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(matches); i++)
                r = sd_bus_match_signal_async(bus, &units->slots[i], matches[i].sender, matches[i].path,
                                              matches[i].interface, matches[i].member, matches[i].handler,
                                              NULL, units);
        if (r >= 0)
                r = sd_bus_add_match_async(bus, &units->slots[ARRAY_SIZE(matches)],
                                           "type='signal',sender='org.freedesktop.DBus',"
                                           "member='NameOwnerChanged',arg0='" SYSTEMD "'",
                                           on_owner, NULL, units);
        for (size_t i = 0; r >= 0 && i < units->n_watched; i++)
                r = watch_path(&units->watched[i]);
        if (r < 0) {
                units->bus = NULL;
                return r;
        }
        say_hello(units);
        return 0;
}

static void unwatch(Units *units)
{
        for (size_t i = 0; i < units->n_watched; i++) {
                forget_calls(&units->watched[i]);
                sd_bus_slot_unref(units->watched[i].changed);
                free(units->watched[i].path);
        }
        units->n_watched = 0;
        free(units->watched);
        units->watched = NULL;
}

static size_t count(const Plan *plan)
{
        size_t n = 0;

        for (size_t i = 0; i < plan->n_services; i++)
                n += plan->service[i].n_units;
        return n;
}

void units_watch(Units *units, const Plan *plan)
{
        unwatch(units);
        units->watched = calloc(MAX_OF(count(plan), (size_t) 1), sizeof(*units->watched));
        if (!units->watched)
                return; /* nothing is known, nothing is touched, and the orders say so */
        for (size_t i = 0; i < plan->n_services; i++)
                for (size_t j = 0; j < plan->service[i].n_units; j++) {
                        Watched *watched = &units->watched[units->n_watched];

                        *watched = (Watched){ .units = units, .service = i, .unit = j };
                        snprintf(watched->name, sizeof(watched->name), "%s", plan->service[i].unit[j].name);
                        if (sd_bus_path_encode(UNIT_PATH, watched->name, &watched->path) < 0)
                                continue;
                        units->n_watched++;
                        if (units->bus && watch_path(watched) < 0)
                                hear_silence(units);
                }
        fetch_all(units);
}

/* Acting */

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Watched *watched = userdata;
        Units *units = watched->units;
        const sd_bus_error *error = sd_bus_message_get_error(message);

        watched->call = sd_bus_slot_unref(watched->call);
        if (error && is_silence(error)) {
                hear_silence(units);
                return 0;
        }
        /* What is asked now comes from after the call. */
        watched->fetch = sd_bus_slot_unref(watched->fetch);
        fetch(watched);
        units->handlers->answered(units->userdata, watched->service, watched->unit,
                                  error ? error->message ?: error->name : NULL);
        return 0;
}

static int append_arguments(sd_bus_message *call, const PlanAction *action, const char *name)
{
        return action->type == PLAN_ACT_KILL
                               ? sd_bus_message_append(call, "ssi", name, "all", (int32_t) SIGKILL)
                               : sd_bus_message_append(call, "ss", name, "replace");
}

static void call(Watched *watched, const PlanAction *action)
{
        Units *units = watched->units;
        const char *method = action->type == PLAN_ACT_START  ? "StartUnit"
                             : action->type == PLAN_ACT_STOP ? "StopUnit"
                                                             : "KillUnit";
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r = 0;

        if (action->type == PLAN_ACT_START && action->failed)
                r = sd_bus_call_method_async(units->bus, NULL, SYSTEMD, ROOT_PATH, MANAGER,
                                             "ResetFailedUnit", NULL, NULL, "s", watched->name);
        if (r >= 0)
                r = sd_bus_message_new_method_call(units->bus, &message, SYSTEMD, ROOT_PATH, MANAGER,
                                                   method);
        if (r >= 0)
                r = append_arguments(message, action, watched->name);
        if (r >= 0) {
                watched->call = sd_bus_slot_unref(watched->call);
                r = sd_bus_call_async(units->bus, &watched->call, message, on_answer, watched, ANSWER_USEC);
        }
        if (r < 0)
                hear_silence(units);
}

void units_act(Units *units, const PlanAction *action)
{
        for (size_t i = 0; units->bus && i < units->n_watched; i++)
                if (units->watched[i].service == action->service && units->watched[i].unit == action->unit) {
                        call(&units->watched[i], action);
                        return;
                }
}

int units_new(Service *service, const UnitsHandlers *handlers, void *userdata, Units **ret_units)
{
        Units *units = calloc(1, sizeof(*units));
        int r;

        if (!units)
                return -ENOMEM;
        *units = (Units){ .service = service, .handlers = handlers, .userdata = userdata };
        r = timer_new(service_event(service), on_ping, units, &units->ping);
        if (r < 0) {
                units_free(units);
                return r;
        }
        *ret_units = units;
        return 0;
}

Units *units_free(Units *units)
{
        if (!units)
                return NULL;
        drop_slots(units);
        unwatch(units);
        sd_bus_slot_unref(units->hello);
        sd_event_source_disable_unref(units->ping);
        free(units);
        return NULL;
}
