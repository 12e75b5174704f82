/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks what another daemon's objects say of themselves.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "common/base/macros.h"

/* The message stands at the value, a variant, which the callback reads or skips. -errno ends the walk. */
typedef int (*objects_property_t)(const char *object, const char *interface, const char *name,
                                  sd_bus_message *message, void *userdata);

/* The answer to GetManagedObjects: a{oa{sa{sv}}}. */
_must_check_ int objects_walk(sd_bus_message *message, objects_property_t property, void *userdata);

/* The answer to GetAll: a{sv}. */
_must_check_ int objects_walk_properties(sd_bus_message *message, const char *object, const char *interface,
                                         objects_property_t property, void *userdata);

/* The last part of `object` when it lies below `parent`, else NULL. */
const char *objects_name(const char *object, const char *parent);
