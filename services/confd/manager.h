/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What ties confd together: the store, the watch on the machine's addresses, and the doors.
 */
#pragma once

#include "common/service.h"
#include "store.h"
#include "watch.h"

typedef struct Manager {
        Store store;
        Service *service;
        Watch *watch;
} Manager;

/* Reads the files again, logs the outcome and tells everyone when something changed. */
StoreOutcome manager_load(Manager *manager);

/* Looks at this machine anew: its addresses changed. The same, when that changes the role or what is wrong.
 */
void manager_judge(Manager *manager);

/* sd_bus vtables for a connection; in bus.c. */
int manager_add_objects(sd_bus *bus, void *userdata);
