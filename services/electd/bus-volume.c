/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.hapair.Election1, the part about the replicated volume: the kernel's questions, the danger of a
 * reboot, both histories of a split brain, and the operator's word that costs data.
 */
#include <string.h>

#include "common/base/clock.h"
#include "director.h"
#include "interfaces/election1-server.h"
#include "words.h"

int election1_method_fence_peer(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Director *director = userdata;
        const char *resource;
        int r = sd_bus_message_read(message, "s", &resource);

        if (r < 0)
                return r;
        if (!director->core.settings.volume || strcmp(resource, director->resource) != 0)
                return sd_bus_reply_method_return(message, "y", ELECT_FENCE_UNKNOWN);
        return director_fence_asked(director, message);
}

int election1_property_reboot_danger(sd_bus *bus, const char *path, const char *interface,
                                     const char *property, sd_bus_message *reply, void *userdata,
                                     sd_bus_error *error)
{
        const Director *director = userdata;
        char text[WORDS_MAX];

        words_reboot_danger(&director->core, &director->facts, text);
        return sd_bus_message_append(reply, "s", text);
}

int election1_property_split_risk(sd_bus *bus, const char *path, const char *interface, const char *property,
                                  sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const Director *director = userdata;
        char text[WORDS_MAX];

        words_split_risk(&director->core, text);
        return sd_bus_message_append(reply, "s", text);
}

static int append_history(sd_bus_message *reply, const ElectCore *core, ElectRole role)
{
        ElectHistory history;
        int r;

        words_history(core, role, &history);
        if (history.generation == 0)
                return 0; /* not told yet */
        r = sd_bus_message_open_container(reply, 'e', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", elect_role_to_string(role));
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{sv}", 3, "since", "t", history.since_usec, "written",
                                          "t", history.written_kib, "generation", "t", history.generation);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int election1_property_split_brain(sd_bus *bus, const char *path, const char *interface,
                                   const char *property, sd_bus_message *reply, void *userdata,
                                   sd_bus_error *error)
{
        const ElectCore *core = &((const Director *) userdata)->core;
        int r = sd_bus_message_open_container(reply, 'a', "{sa{sv}}");

        if (r >= 0 && elect_split_brain(core))
                r = append_history(reply, core, ELECT_ROLE_MASTER);
        if (r >= 0 && elect_split_brain(core))
                r = append_history(reply, core, ELECT_ROLE_SLAVE);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int election1_method_force_master(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Director *director = userdata;
        char sentence[WORDS_MAX];
        const char *typed;
        int r = sd_bus_message_read(message, "s", &typed);

        if (r < 0)
                return r;
        words_force(&director->core, &director->facts, sentence);
        if (!words_accept(&director->told_to_type, ELECT_REQUEST_FORCE_MASTER, sentence, typed, now_usec()))
                return sd_bus_error_setf(error, ELECTION_REFUSED, "To force the role, type: %s", sentence);
        return election_bus_request(director, message, ELECT_REQUEST_FORCE_MASTER, error);
}

int election1_method_resolve_split_brain(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Director *director = userdata;
        ElectRole keep = ELECT_ROLE_NONE;
        ElectRequest request;
        char sentence[WORDS_MAX];
        const char *role, *typed;
        int r = sd_bus_message_read(message, "ss", &role, &typed);

        if (r < 0)
                return r;
        if (strcmp(role, "master") == 0)
                keep = ELECT_ROLE_MASTER;
        else if (strcmp(role, "slave") == 0)
                keep = ELECT_ROLE_SLAVE;
        else
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "'%s' is neither master nor slave", role);
        if (!director->core.settings.volume || !elect_split_brain(&director->core))
                return sd_bus_error_set(error, ELECTION_REFUSED, "There is no split brain to end");
        request = keep == ELECT_ROLE_MASTER ? ELECT_REQUEST_KEEP_MASTER : ELECT_REQUEST_KEEP_SLAVE;
        words_resolve(&director->core, &director->facts, keep, sentence);
        if (!words_accept(&director->told_to_type, request, sentence, typed, now_usec()))
                return sd_bus_error_setf(error, ELECTION_REFUSED,
                                         "To keep the data of the configured %s, type: %s", role, sentence);
        return election_bus_request(director, message, request, error);
}
