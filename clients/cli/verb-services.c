/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair services: where services are placed, and how they are on this node. */
#include "lists.h"
#include "page.h"

static int print(const json_t *picture, ExitStatus status)
{
        return list_services(picture, NULL);
}

static ExitStatus run(int argc, char *argv[])
{
        return page_verb(&(Page){ &verb_services, "services", print }, argc, argv);
}

const Verb verb_services = {
        .name = "services",
        .arguments = "[--json] [-w]",
        .summary = "Show the services, where they are placed and how they are on this node",
        .help = "  --json           as JSON, on one line each with --watch\n"
                "  -w, --watch      go on, drawn anew whenever something changes\n\n"
                "RUNS ON is the node on which the service is placed: master, slave or both.\n"
                "STATE is running or stopped, as it should be on this node; starting, stopping; failed (it should\n"
                "run and does not; it is tried again), missing (there is no such service or unit on this node),\n"
                "stuck (it cannot be ended) or unknown (systemd does not answer).\n",
        .run = run,
};
