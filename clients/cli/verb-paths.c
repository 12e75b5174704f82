/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair paths: every way that heartbeats travel, and how well. */
#include "lists.h"
#include "page.h"

static int print(const json_t *picture, ExitStatus status)
{
        return list_paths(picture, NULL);
}

static ExitStatus run(int argc, char *argv[])
{
        return page_verb(&(Page){ &verb_paths, "paths", print }, argc, argv);
}

const Verb verb_paths = {
        .name = "paths",
        .arguments = "[--json] [-w]",
        .summary = "Show the heartbeat paths and how good they are",
        .help = "  --json           as JSON, on one line each with --watch\n"
                "  -w, --watch      go on, drawn anew whenever something changes\n\n"
                "STATE is up, late (silent for half the dead time), lost (for all of it), one-way (we hear\n"
                "the peer, it does not hear us), down (no device or no address) or unknown. ROUND TRIP and\n"
                "JITTER are smoothed, LOSS is that of the last 100 heartbeats. The peer counts as lost "
                "only\n"
                "when every path is silent.\n",
        .run = run,
};
