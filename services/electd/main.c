/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-electd: the only one who decides which role this node plays. It has no privilege; the others do
 * what it orders. `--first-state` is for `hapair init` and `hapair join`: electd alone knows its file's
 * format.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "director.h"
#include "interfaces/election1-server.h"

#define EXIT_USAGE 2

static int write_first_state(const char *kind)
{
        const char *directory = getenv("STATE_DIRECTORY");
        uint8_t bytes[ELECT_MEMORY_SIZE];
        ElectMemory memory;
        char path[4096];
        int r;

        if (strcmp(kind, "founder") == 0)
                elect_memory_founder(&memory);
        else if (strcmp(kind, "joined") == 0)
                elect_memory_joined(&memory);
        else {
                fprintf(stderr, "hapair-electd: --first-state=%s: must be founder or joined\n", kind);
                return EXIT_USAGE;
        }
        r = snprintf(path, sizeof(path), "%s/state", directory ?: "/var/lib/hapair/electd");
        if (r < 0 || (size_t) r >= sizeof(path))
                return EXIT_USAGE;
        elect_memory_encode(&memory, bytes);
        r = state_save_now(path, bytes, sizeof(bytes));
        if (r < 0)
                fprintf(stderr, "hapair-electd: %s: %s\n", path, strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

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
                return write_first_state(argv[1] + strlen(first_state));
        if (argc > 1) {
                fprintf(stderr, "Usage: hapair-electd [--first-state=founder|joined]\n");
                return EXIT_USAGE;
        }

        director = calloc(1, sizeof(*director));
        if (!director)
                return EXIT_FAILURE;
        r = run(director);
        free(director);
        return service_exit_status(r);
}
