/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair paths: every way that heartbeats travel, and how well. */
#include "lists.h"

static ExitStatus run(int argc, char *argv[])
{
        return list_verb(&verb_paths, argc, argv, "paths", list_paths);
}

const Verb verb_paths = {
        .name = "paths",
        .arguments = "[--json]",
        .summary = "Show the heartbeat paths and how good they are",
        .help = "  --json           as JSON\n\n"
                "STATE is up, late (silent for half the dead time), lost (for all of it), one-way (we hear\n"
                "the peer, it does not hear us), down (no device or no address) or unknown. ROUND TRIP and\n"
                "JITTER are smoothed, LOSS is that of the last 100 heartbeats. The peer counts as lost "
                "only\n"
                "when every path is silent.\n",
        .run = run,
};
