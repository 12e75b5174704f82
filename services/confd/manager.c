/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Another configuration, or another machine below it: looked at, logged, and told to everyone; see
 * manager.h. */
#include "manager.h"

#include <string.h>

#include "common/messages.h"
#include "interfaces/config1-server.h"

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

void manager_judge(Manager *manager)
{
        if (!store_judge(&manager->store))
                return;

        log_info(service_log(manager->service), "config", "The configured role of this node: %s",
                 node_role_to_string(manager->store.role));
        log_problems(manager);
        tell_changed(manager);
}
