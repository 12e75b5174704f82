/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair vips: the virtual IPs as this node holds them, or not. */
#include "lists.h"
#include "page.h"

static int print(const json_t *picture, ExitStatus status)
{
        return list_vips(picture, NULL);
}

static ExitStatus run(int argc, char *argv[])
{
        return page_verb(&(Page){ &verb_vips, "vips", print }, argc, argv);
}

const Verb verb_vips = {
        .name = "vips",
        .arguments = "[--json] [-w]",
        .summary = "Show the virtual IPs and what this node does with them",
        .help = "  --json           as JSON, on one line each with --watch\n"
                "  -w, --watch      go on, drawn anew whenever something changes\n\n"
                "STATE is held (address and aliases are on this node), absent (as it should be on a node "
                "that\n"
                "is not the running master), partial, conflict (another host answers for it too), "
                "no-device\n"
                "(no device of this node holds its own address), failed (the kernel refused) or disabled.\n",
        .run = run,
};
