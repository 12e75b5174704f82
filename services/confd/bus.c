/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The object /org/hapair/Config1: what the interface says, from the store. */
#include <errno.h>

#include "interfaces/config1-server.h"
#include "manager.h"
#include "settings-for.h"

int manager_add_objects(sd_bus *bus, void *userdata)
{
        int r;

        r = sd_bus_add_object_manager(bus, NULL, CONFIG1_OBJECT);
        if (r < 0)
                return r;

        return sd_bus_add_object_vtable(bus, NULL, CONFIG1_OBJECT, CONFIG1_INTERFACE, config1_vtable,
                                        userdata);
}

static const Store *store_of(void *userdata)
{
        return &((Manager *) userdata)->store;
}

int config1_property_valid(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", store_of(userdata)->config ? 1 : 0);
}

int config1_property_generation(sd_bus *bus, const char *path, const char *interface, const char *property,
                                sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "t", store_of(userdata)->generation);
}

int config1_property_digest(sd_bus *bus, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const Store *store = store_of(userdata);

        return sd_bus_message_append(reply, "s", store->config ? store->config->digest : "");
}

int config1_property_configured_role(sd_bus *bus, const char *path, const char *interface,
                                     const char *property, sd_bus_message *reply, void *userdata,
                                     sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", node_role_to_string(store_of(userdata)->role));
}

int config1_property_problems(sd_bus *bus, const char *path, const char *interface, const char *property,
                              sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return settings_append_problems(reply, store_of(userdata)->problems);
}

int config1_method_get_settings(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *daemon;
        int r;

        r = sd_bus_message_read(message, "s", &daemon);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = settings_append_for(reply, daemon, store_of(userdata));
        if (r == -EINVAL)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "There are no settings for '%s'",
                                         daemon);
        if (r < 0)
                return r;

        return sd_bus_message_send(reply);
}

typedef struct Listing {
        sd_bus_message *reply;
        int r;
} Listing;

static void append_item(const char *file, const char *section, const char *key, const char *value,
                        void *userdata)
{
        Listing *listing = userdata;

        if (listing->r >= 0)
                listing->r = sd_bus_message_append(listing->reply, "(ssss)", file, section, key, value);
}

int config1_method_show(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Listing listing;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(ssss)");
        if (r < 0)
                return r;

        listing = (Listing){ .reply = reply };
        if (store_of(userdata)->config)
                config_foreach(store_of(userdata)->config, append_item, &listing);
        if (listing.r < 0)
                return listing.r;

        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_message_send(reply);
}

int config1_method_reload(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;

        if (manager_load(manager) != STORE_LOADED) {
                g_autofree char *first = problem_to_string(manager->store.file_problems->pdata[0]);

                return sd_bus_error_set(error, "org.hapair.Error.BadConfig", first);
        }

        return sd_bus_reply_method_return(message, NULL);
}
