/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-electd: the only one who decides which role this node plays. It has no privilege; the others do
 * what it orders. `--first-state` is for `hapair init` and `hapair join`.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "director.h"
#include "first-state.h"
#include "interfaces/election1-server.h"

static int run(Director *director)
{
        static const ServiceInfo info = {
                .name = "electd",
                .identifier = "hapair-electd",
                .bus_name = ELECTION1_BUS_NAME,
                .rights = election1_rights,
                .add_objects = election_bus_add_objects,
        };
        Service *service = NULL;
        int r;

        r = service_new(&info, director, &service);
        if (r < 0)
                return r;
        r = director_new(service, director);
        if (r >= 0) {
                service_on_stop(service, director_stop);
                r = service_run(service);
        }
        director_done(director);
        service_free(service);
        return r;
}

int main(int argc, char *argv[])
{
        static const char first_state[] = "--first-state=";
        Director *director;
        int r;

        if (argc == 2 && strncmp(argv[1], first_state, strlen(first_state)) == 0)
                return first_state_write(argv[1] + strlen(first_state));
        if (argc > 1) {
                fprintf(stderr, "Usage: hapair-electd [--first-state=founder|joined]\n");
                return FIRST_STATE_USAGE;
        }

        director = calloc(1, sizeof(*director));
        if (!director)
                return EXIT_FAILURE;
        r = run(director);
        free(director);
        return service_exit_status(r);
}
