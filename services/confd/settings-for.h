/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each daemon gets of the configuration, as org.hapair.Config1.GetSettings documents it.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "store.h"

/* Appends the a{sv}. -EINVAL for a daemon that gets nothing; those of sd_bus_message_append(3). */
int settings_append_for(sd_bus_message *message, const char *daemon, const Store *store);

/* Appends the aa{sv} of what is wrong; also the value of the property Problems. */
int settings_append_problems(sd_bus_message *message, const GPtrArray *problems);
