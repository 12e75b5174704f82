/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks what another daemon's objects say of themselves.
 */
#include "objects.h"

#include <string.h>

int objects_walk_properties(sd_bus_message *message, const char *object, const char *interface,
                            objects_property_t property, void *userdata)
{
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const char *name;

                r = sd_bus_message_read(message, "s", &name);
                if (r >= 0)
                        r = property(object, interface, name, message, userdata);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int walk_interfaces(sd_bus_message *message, const char *object, objects_property_t property,
                           void *userdata)
{
        int r = sd_bus_message_enter_container(message, 'a', "{sa{sv}}");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sa{sv}")) > 0) {
                const char *interface;

                r = sd_bus_message_read(message, "s", &interface);
                if (r >= 0)
                        r = objects_walk_properties(message, object, interface, property, userdata);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int objects_walk(sd_bus_message *message, objects_property_t property, void *userdata)
{
        int r = sd_bus_message_enter_container(message, 'a', "{oa{sa{sv}}}");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "oa{sa{sv}}")) > 0) {
                const char *object;

                r = sd_bus_message_read(message, "o", &object);
                if (r >= 0)
                        r = walk_interfaces(message, object, property, userdata);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

const char *objects_name(const char *object, const char *parent)
{
        size_t length = strlen(parent);

        return strncmp(object, parent, length) == 0 && object[length] == '/' ? object + length + 1 : NULL;
}
