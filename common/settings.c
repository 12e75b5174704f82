/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon's settings, fetched from confd.
 */
#include "common/settings.h"

#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/bus-client.h"
#include "common/timer.h"
#include "interfaces/config1-client.h"

#define FETCH_TIMEOUT_USEC (2 * USEC_PER_SEC)
#define FETCH_RETRY_USEC   (1 * USEC_PER_SEC)

struct Settings {
        Service *service;
        const char *daemon;
        settings_apply_t apply;
        void *userdata;
        BusClient *confd;
        sd_bus_slot *call;
        sd_event_source *retry;
};

static void fetch(Settings *settings);

static void fetch_later(Settings *settings)
{
        timer_set(settings->retry, now_usec() + FETCH_RETRY_USEC);
}

static int on_settings(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Settings *settings = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(message);

        settings->call = sd_bus_slot_unref(settings->call);
        if (error) {
                log_warning(service_log(settings->service), "config", "confd gives no settings: %s",
                            error->message);
                fetch_later(settings);
                return 0;
        }
        int r = settings->apply(message, settings->userdata);
        if (r < 0)
                log_error(service_log(settings->service), "config",
                          "The settings from confd cannot be applied, those before stay in force: %s",
                          strerror(-r));
        return 0;
}

static void fetch(Settings *settings)
{
        sd_bus *confd = bus_client_get(settings->confd);

        settings->call = sd_bus_slot_unref(settings->call);
        if (!confd)
                return;
        int r = config1_call_get_settings(confd, &settings->call, on_settings, settings, FETCH_TIMEOUT_USEC,
                                          settings->daemon);
        if (r < 0)
                fetch_later(settings);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        fetch(userdata);
        return 0;
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        fetch(userdata);
        return 0;
}

static int on_connected(sd_bus *bus, void *userdata)
{
        Settings *settings = userdata;
        int r = config1_match_settings_changed(bus, on_changed, settings);

        if (r < 0)
                return r;
        fetch(settings);
        return 0;
}

static void on_disconnected(void *userdata)
{
        Settings *settings = userdata;

        settings->call = sd_bus_slot_unref(settings->call);
}

int settings_open(Service *service, const char *daemon, settings_apply_t apply, void *userdata,
                  Settings **ret_settings)
{
        static const BusClientHandlers handlers = { .connected = on_connected,
                                                    .disconnected = on_disconnected };
        Settings *settings = calloc(1, sizeof(*settings));
        int r;

        if (!settings)
                return -ENOMEM;
        *settings = (Settings){ .service = service, .daemon = daemon, .apply = apply, .userdata = userdata };
        r = timer_new(service_event(service), on_retry, settings, &settings->retry);
        if (r < 0)
                goto fail;
        r = bus_client_new(service, "confd", &handlers, settings, &settings->confd);
        if (r < 0)
                goto fail;
        *ret_settings = settings;
        return 0;

fail:
        settings_close(settings);
        return r;
}

Settings *settings_close(Settings *settings)
{
        if (!settings)
                return NULL;
        sd_bus_slot_unref(settings->call);
        sd_event_source_disable_unref(settings->retry);
        bus_client_free(settings->confd);
        free(settings);
        return NULL;
}

static int read_string(sd_bus_message *message, char **ret_value)
{
        const char *text;
        int r = sd_bus_message_read(message, "s", &text);

        if (r < 0)
                return r;
        char *copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*ret_value);
        *ret_value = copy;
        return 0;
}

void settings_free_strings(char **strings)
{
        for (char **s = strings; s && *s; s++)
                free(*s);
        free(strings);
}

static int read_strings(sd_bus_message *message, char ***ret_value)
{
        char **list = NULL;
        int r = sd_bus_message_read_strv(message, &list);

        if (r < 0)
                return r;
        settings_free_strings(*ret_value);
        *ret_value = list;
        return 0;
}

static int read_value(sd_bus_message *message, const SettingsField *field, void *value)
{
        if (field->read)
                return field->read(message, value);
        if (strcmp(field->signature, "as") == 0)
                return read_strings(message, value);
        if (field->signature[0] == 's')
                return read_string(message, value);
        if (field->signature[0] == 'b') {
                int yes, r = sd_bus_message_read(message, "b", &yes);

                if (r >= 0)
                        *(bool *) value = yes;
                return r;
        }
        return sd_bus_message_read_basic(message, field->signature[0], value);
}

static int read_entry(sd_bus_message *message, const SettingsField *fields, size_t n_fields, void *structure,
                      const char **ret_bad)
{
        const char *name, *signature;
        char type;
        int r = sd_bus_message_read(message, "s", &name);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n_fields; i++) {
                if (strcmp(fields[i].name, name) != 0)
                        continue;
                r = sd_bus_message_peek_type(message, &type, &signature);
                if (r < 0)
                        return r;
                if (type != 'v' || strcmp(signature, fields[i].signature) != 0) {
                        *ret_bad = fields[i].name;
                        return -EBADMSG;
                }
                r = sd_bus_message_enter_container(message, 'v', fields[i].signature);
                if (r < 0)
                        return r;
                r = read_value(message, &fields[i], (uint8_t *) structure + fields[i].offset);
                if (r < 0) {
                        *ret_bad = fields[i].name;
                        return r;
                }
                return sd_bus_message_exit_container(message);
        }
        return sd_bus_message_skip(message, "v");
}

int settings_read(sd_bus_message *message, const SettingsField *fields, size_t n_fields, void *ret_structure,
                  const char **ret_bad)
{
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_entry(message, fields, n_fields, ret_structure, ret_bad);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(message);
}

int settings_read_rows(sd_bus_message *message, int (*read_row)(sd_bus_message *message, void *userdata),
                       void *userdata)
{
        int r = sd_bus_message_enter_container(message, 'a', "a{sv}");

        while (r >= 0 && (r = sd_bus_message_at_end(message, false)) == 0)
                r = read_row(message, userdata);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}
