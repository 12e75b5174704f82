/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a node remembers before it has ever run.
 */
#include "first-state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/state.h"
#include "elect.h"

int first_state_write(const char *kind)
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
                return FIRST_STATE_USAGE;
        }
        r = snprintf(path, sizeof(path), "%s/state", directory ?: "/var/lib/hapair/electd");
        if (r < 0 || (size_t) r >= sizeof(path))
                return FIRST_STATE_USAGE;
        elect_memory_encode(&memory, bytes);
        r = state_save_now(path, bytes, sizeof(bytes));
        if (r < 0)
                fprintf(stderr, "hapair-electd: %s: %s\n", path, strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
