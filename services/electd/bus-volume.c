/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.hapair.Election1, the part about the replicated volume: the kernel's questions.
 */
#include "director.h"
#include "interfaces/election1-server.h"

#define FENCE_UNKNOWN 1

int election1_method_fence_peer(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Director *director = userdata;
        const char *resource;
        int r = sd_bus_message_read(message, "s", &resource);

        if (r < 0)
                return r;
        if (!director->core.settings.volume || strcmp(resource, director->resource) != 0)
                return sd_bus_reply_method_return(message, "y", FENCE_UNKNOWN);
        return director_fence_asked(director, message);
}
