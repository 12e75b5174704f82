/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-confd: the only one that reads the configuration files. It checks them, hands every daemon its
 * settings, typed, and lists what is wrong. It has no privilege and is in nobody's way: when it is gone the
 * others go on with the settings they have.
 */
#include <stdlib.h>
#include <string.h>

#include "common/messages.h"
#include "interfaces/config1-server.h"
#include "manager.h"

static void log_problems(Manager *manager)
{
        const GPtrArray *problems = manager->store.problems;

        for (unsigned i = 0; i < problems->len; i++) {
                const Problem *problem = problems->pdata[i];
                g_autofree char *text = problem_to_string(problem);

                log_event(service_log(manager->service),
                          &(LogEntry){ .priority = problem->severity == PROBLEM_ERROR ? LOG_ERR
                                                                                      : LOG_WARNING,
                                       .category = "config" },
                          "%s", text);
        }
}

static void log_outcome(Manager *manager, StoreOutcome outcome)
{
        Log *log = service_log(manager->service);

        if (outcome == STORE_LOADED)
                log_event(log,
                          &(LogEntry){ .priority = LOG_INFO,
                                       .id = MESSAGE_CONFIG_LOADED,
                                       .category = "config" },
                          "The configuration is in force; the configured role of this node: %s",
                          node_role_to_string(manager->store.role));
        else
                log_event(log,
                          &(LogEntry){ .priority = LOG_ERR,
                                       .id = MESSAGE_CONFIG_REFUSED,
                                       .category = "config" },
                          "The configuration has errors and is not put in force; %s",
                          outcome == STORE_FROM_COPY ? "the last right one is instead"
                          : manager->store.config    ? "the one before stays"
                                                     : "there is none");

        if (manager->store.copy_error < 0)
                log_error(log, "config", "Cannot keep what must outlive a restart of this daemon: %s",
                          strerror(-manager->store.copy_error));
}

static void tell_changed(Manager *manager)
{
        service_emit_changed(manager->service, CONFIG1_OBJECT, CONFIG1_INTERFACE, "Valid", "Generation",
                             "Digest", "ConfiguredRole", "Problems", NULL);
        config1_emit_settings_changed(manager->service);
}

StoreOutcome manager_load(Manager *manager)
{
        StoreOutcome outcome = store_load(&manager->store);

        log_outcome(manager, outcome);
        log_problems(manager);
        tell_changed(manager);
        return outcome;
}

static int on_reload(void *userdata)
{
        (void) manager_load(userdata); /* logged; the loop goes on */
        return 0;
}

static void on_machine_changed(void *userdata)
{
        Manager *manager = userdata;

        if (!store_judge(&manager->store))
                return;

        log_info(service_log(manager->service), "config", "The configured role of this node: %s",
                 node_role_to_string(manager->store.role));
        log_problems(manager);
        tell_changed(manager);
}

static int run(Manager *manager)
{
        static const ServiceInfo info = {
                .name = "confd",
                .identifier = "hapair-confd",
                .bus_name = CONFIG1_BUS_NAME,
                .rights = config1_rights,
                .add_objects = manager_add_objects,
        };
        int r;

        r = service_new(&info, manager, &manager->service);
        if (r < 0)
                return r;

        service_on_reload(manager->service, on_reload);

        /* Before the first load, so that no change falls in between. */
        r = watch_new(service_event(manager->service), on_machine_changed, manager, &manager->watch);
        if (r < 0) {
                log_error(service_log(manager->service), "config",
                          "Cannot watch this machine's addresses: %s", strerror(-r));
                return r;
        }

        (void) manager_load(manager);
        return service_run(manager->service);
}

int main(int argc, char *argv[])
{
        Manager manager = {};
        int r;

        store_init(&manager.store, getenv("HAPAIR_CONFIG_DIR") ?: HAPAIR_CONFIG_DIR,
                   getenv("STATE_DIRECTORY"));
        r = run(&manager);
        watch_free(manager.watch);
        service_free(manager.service);
        store_done(&manager.store);
        return service_exit_status(r);
}
