/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-confd: the only one that reads the configuration files. It checks them, hands every daemon its
 * settings, typed, and lists what is wrong. It has no privilege and is in nobody's way: when it is gone the
 * others go on with the settings they have.
 */
#include <stdlib.h>
#include <string.h>

#include "interfaces/config1-server.h"
#include "manager.h"

static int on_reload(void *userdata)
{
        (void) manager_load(userdata); /* logged; the loop goes on */
        return 0;
}

static void on_machine_changed(void *userdata)
{
        manager_judge(userdata);
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
                   getenv("HAPAIR_CATALOGUE_DIR") ?: HAPAIR_CATALOGUE_DIR, getenv("STATE_DIRECTORY"));
        r = run(&manager);
        watch_free(manager.watch);
        service_free(manager.service);
        store_done(&manager.store);
        return service_exit_status(r);
}
