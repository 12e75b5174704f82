/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What svcmand shows and whom it obeys on D-Bus: org.hapair.Service1 and its children. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "interfaces/service1-server.h"
#include "manager.h"

#define ERROR_STALE_EPOCH "org.hapair.Error.StaleEpoch"
#define ERROR_FAILED      "org.hapair.Error.Failed"
#define SERVICE_PREFIX    SERVICE1_OBJECT "/service"

/* Orders */

static int append_deferred(Manager *m, PlanOrder order, bool deferred, sd_bus_message *reply)
{
        int r = sd_bus_message_open_container(reply, 'a', "(ss)");

        for (size_t i = 0; r >= 0 && deferred && i < m->plan.n_services; i++) {
                char problem[PROBLEM_MAX];

                if (!plan_concerns(&m->plan, &m->plan.service[i], order))
                        continue;
                problem_of(m, i, problem);
                r = sd_bus_message_append(reply, "(ss)", m->plan.service[i].name, problem);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* The first service that is not as ordered, with its reason. */
static int answer_failed(Manager *m, PlanOrder order, sd_bus_message *call)
{
        for (size_t i = 0; i < m->plan.n_services; i++) {
                const PlanService *service = &m->plan.service[i];
                char problem[PROBLEM_MAX];

                if (!plan_concerns(&m->plan, service, order) ||
                    plan_outcome_of(service, order) != PLAN_NOT_DONE)
                        continue;
                problem_of(m, i, problem);
                return sd_bus_reply_method_errorf(call, ERROR_FAILED, "Service %s: %s", service->name,
                                                  problem);
        }
        return sd_bus_reply_method_errorf(call, ERROR_FAILED, "A service is not as ordered");
}

static int answer_done(Manager *m, PlanOrder order, bool deferred, sd_bus_message *call)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(call, &reply);

        if (r >= 0)
                r = append_deferred(m, order, deferred, reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

void bus_answer_order(Manager *m, PlanOrder order, PlanOutcome outcome)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = TAKE_PTR(m->order);

        if (!call)
                return;
        /* The caller may be gone; then nobody misses the answer. */
        if (outcome == PLAN_NOT_DONE)
                (void) answer_failed(m, order, call);
        else
                (void) answer_done(m, order, outcome == PLAN_DEFERRED, call);
}

/* The last order is what counts: the one before is over. */
static int wait_for_outcome(Manager *m, sd_bus_message *message)
{
        if (m->order)
                (void) sd_bus_reply_method_errorf(m->order, ERROR_FAILED, "Another order came");
        sd_bus_message_unref(m->order);
        m->order = sd_bus_message_ref(message);
        manager_turn(m);
        return 1;
}

int service1_method_start(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        uint64_t epoch;
        int alone, r;

        r = sd_bus_message_read(message, "tb", &epoch, &alone);
        if (r < 0)
                return r;
        if (plan_start(&m->plan, epoch, alone != 0) < 0)
                return sd_bus_error_setf(error, ERROR_STALE_EPOCH,
                                         "Epoch %" PRIu64 " is below %" PRIu64 ", the highest seen", epoch,
                                         m->plan.epoch);
        return wait_for_outcome(m, message);
}

int service1_method_stop(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        plan_stop(&m->plan);
        return wait_for_outcome(m, message);
}

static int set(sd_bus_message *message, Manager *m, void (*set_plan)(Plan *plan, bool on))
{
        int on, r;

        r = sd_bus_message_read(message, "b", &on);
        if (r < 0)
                return r;
        set_plan(&m->plan, on != 0);
        r = sd_bus_reply_method_return(message, NULL);
        manager_turn(m);
        return r;
}

int service1_method_set_slave(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return set(message, userdata, plan_set_slave);
}

int service1_method_set_maintenance(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return set(message, userdata, plan_set_maintenance);
}

/* Properties of the root */

int service1_property_role(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        static const char *const names[] = { "unknown", "none", "slave", "master" };
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", names[plan_role(&m->plan)]);
}

int service1_property_maintenance(sd_bus *bus, const char *path, const char *interface, const char *property,
                                  sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", m->plan.maintenance);
}

int service1_property_epoch(sd_bus *bus, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->plan.epoch);
}

int service1_property_systemd_reachable(sd_bus *bus, const char *path, const char *interface,
                                        const char *property, sd_bus_message *reply, void *userdata,
                                        sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", m->plan.reachable);
}

int service1_property_health(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s",
                                     !m->plan.loaded      ? "unknown"
                                     : plan_bad(&m->plan) ? "bad"
                                                          : "good");
}

/* Services */

static size_t index_of(const ShownService *shown)
{
        return (size_t) (shown - shown->manager->shown);
}

static const PlanService *service_of(const ShownService *shown)
{
        return &shown->manager->plan.service[index_of(shown)];
}

static const char *description_of(const ShownService *shown)
{
        const Wanted *wanted = &shown->manager->wanted;

        for (size_t i = 0; i < wanted->n_services; i++)
                if (wanted->services[i].name && strcmp(wanted->services[i].name, shown->name) == 0)
                        return wanted->services[i].description ?: "";
        return "";
}

int service1_service_property_description(sd_bus *bus, const char *path, const char *interface,
                                          const char *property, sd_bus_message *reply, void *userdata,
                                          sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", description_of(userdata));
}

int service1_service_property_placement(sd_bus *bus, const char *path, const char *interface,
                                        const char *property, sd_bus_message *reply, void *userdata,
                                        sd_bus_error *error)
{
        static const char *const names[] = { "master", "slave", "both" };

        return sd_bus_message_append(reply, "s", names[service_of(userdata)->placement]);
}

int service1_service_property_units(sd_bus *bus, const char *path, const char *interface,
                                    const char *property, sd_bus_message *reply, void *userdata,
                                    sd_bus_error *error)
{
        const PlanService *service = service_of(userdata);
        int r = sd_bus_message_open_container(reply, 'a', "s");

        for (size_t i = 0; r >= 0 && i < service->n_units; i++)
                r = sd_bus_message_append(reply, "s", service->unit[i].name);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int service1_service_property_wanted(sd_bus *bus, const char *path, const char *interface,
                                     const char *property, sd_bus_message *reply, void *userdata,
                                     sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", service_of(userdata)->wanted);
}

int service1_service_property_state(sd_bus *bus, const char *path, const char *interface,
                                    const char *property, sd_bus_message *reply, void *userdata,
                                    sd_bus_error *error)
{
        static const char *const names[PLAN_STATE_MAX] = {
                [PLAN_UNKNOWN] = "unknown",          [PLAN_STOPPED] = "stopped",
                [PLAN_START_UNDER_WAY] = "starting", [PLAN_RUNNING] = "running",
                [PLAN_STOP_UNDER_WAY] = "stopping",  [PLAN_FAILED] = "failed",
                [PLAN_MISSING] = "missing",          [PLAN_STUCK] = "stuck",
        };

        return sd_bus_message_append(reply, "s", names[service_of(userdata)->state]);
}

int service1_service_property_failures(sd_bus *bus, const char *path, const char *interface,
                                       const char *property, sd_bus_message *reply, void *userdata,
                                       sd_bus_error *error)
{
        return sd_bus_message_append(reply, "u", (uint32_t) service_of(userdata)->n_failures);
}

int service1_service_property_problem(sd_bus *bus, const char *path, const char *interface,
                                      const char *property, sd_bus_message *reply, void *userdata,
                                      sd_bus_error *error)
{
        const ShownService *shown = userdata;
        char problem[PROBLEM_MAX];

        problem_of(shown->manager, index_of(shown), problem);
        return sd_bus_message_append(reply, "s", problem);
}

int service1_service_property_since(sd_bus *bus, const char *path, const char *interface,
                                    const char *property, sd_bus_message *reply, void *userdata,
                                    sd_bus_error *error)
{
        return sd_bus_message_append(reply, "t", service_of(userdata)->since_usec);
}

/* Finding them by path */

static int find_service(sd_bus *bus, const char *path, const char *interface, void *userdata,
                        void **ret_found, sd_bus_error *error)
{
        Manager *m = userdata;
        _cleanup_(freep) char *name = NULL;

        if (sd_bus_path_decode(path, SERVICE_PREFIX, &name) <= 0)
                return 0;
        for (size_t i = 0; i < PLAN_SERVICES_MAX; i++) {
                if (!m->shown[i].exists || strcmp(m->shown[i].name, name) != 0)
                        continue;
                *ret_found = &m->shown[i];
                return 1;
        }
        return 0;
}

static int list_services(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                         sd_bus_error *error)
{
        Manager *m = userdata;
        char **nodes = calloc(PLAN_SERVICES_MAX + 1, sizeof(*nodes));
        size_t n = 0;

        if (!nodes)
                return -ENOMEM;
        for (size_t i = 0; i < PLAN_SERVICES_MAX; i++)
                if (m->shown[i].exists &&
                    sd_bus_path_encode(SERVICE_PREFIX, m->shown[i].name, &nodes[n]) >= 0)
                        n++;
        *ret_nodes = nodes;
        return 0;
}

static int add_objects(sd_bus *bus, void *userdata)
{
        int r;

        r = sd_bus_add_object_vtable(bus, NULL, SERVICE1_OBJECT, SERVICE1_INTERFACE, service1_vtable,
                                     userdata);
        if (r < 0)
                return r;
        r = sd_bus_add_object_manager(bus, NULL, SERVICE1_OBJECT);
        if (r < 0)
                return r;
        r = sd_bus_add_fallback_vtable(bus, NULL, SERVICE_PREFIX, SERVICE1_SERVICE_INTERFACE,
                                       service1_service_vtable, find_service, userdata);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(bus, NULL, SERVICE1_OBJECT, list_services, userdata);
}

const ServiceInfo bus_info = {
        .name = "svcmand",
        .identifier = "hapair-svcmand",
        .bus_name = SERVICE1_BUS_NAME,
        .rights = service1_rights,
        .add_objects = add_objects,
};

/* Telling what changed */

static void emit(Manager *m, void (*how)(Service *service, const char *path), const char *name)
{
        _cleanup_(freep) char *path = NULL;

        if (sd_bus_path_encode(SERVICE_PREFIX, name, &path) >= 0)
                how(m->service, path);
}

static void emit_state(Service *service, const char *path)
{
        service_emit_changed(service, path, SERVICE1_SERVICE_INTERFACE, "Wanted", "State", "Failures",
                             "Problem", "Since", NULL);
}

static void emit_settings(Service *service, const char *path)
{
        service_emit_changed(service, path, SERVICE1_SERVICE_INTERFACE, "Description", "Placement", "Units",
                             NULL);
}

static void show_service(Manager *m, size_t index)
{
        const PlanService *service = &m->plan.service[index];
        ShownService *shown = &m->shown[index];
        bool exists = index < m->plan.n_services, added;
        char problem[PROBLEM_MAX] = "";

        if (shown->exists && (!exists || strcmp(shown->name, service->name) != 0)) {
                emit(m, service_emit_removed, shown->name);
                shown->exists = false;
        }
        if (!exists)
                return;
        problem_of(m, index, problem);
        added = !shown->exists;
        if (!added && m->loaded)
                emit(m, emit_settings, shown->name);
        if (!added && shown->state == service->state && shown->wanted == service->wanted &&
            shown->n_failures == service->n_failures && strcmp(shown->problem, problem) == 0)
                return;
        *shown = (ShownService){ .manager = m,
                                 .exists = true,
                                 .wanted = service->wanted,
                                 .state = service->state,
                                 .n_failures = service->n_failures };
        memcpy(shown->name, service->name, sizeof(shown->name));
        memcpy(shown->problem, problem, sizeof(shown->problem));
        emit(m, added ? service_emit_added : emit_state, shown->name);
}

void bus_show(Manager *m)
{
        PlanRole role = plan_role(&m->plan);
        bool bad = plan_bad(&m->plan);

        for (size_t i = 0; i < PLAN_SERVICES_MAX; i++)
                show_service(m, i);
        m->loaded = false;
        if (role == m->role && m->plan.epoch == m->epoch && m->plan.reachable == m->reachable &&
            bad == m->bad && m->plan.loaded == m->known && m->plan.maintenance == m->maintenance)
                return;
        m->role = role;
        m->epoch = m->plan.epoch;
        m->reachable = m->plan.reachable;
        m->bad = bad;
        m->known = m->plan.loaded;
        m->maintenance = m->plan.maintenance;
        service_emit_changed(m->service, SERVICE1_OBJECT, SERVICE1_INTERFACE, "Role", "Maintenance", "Epoch",
                             "SystemdReachable", "Health", NULL);
}
