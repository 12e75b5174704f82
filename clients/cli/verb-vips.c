/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair vips: the virtual IPs as this node holds them, or not. */
#include "lists.h"

static ExitStatus run(int argc, char *argv[])
{
        return list_verb(&verb_vips, argc, argv, "vips", list_vips);
}

const Verb verb_vips = {
        .name = "vips",
        .arguments = "[--json]",
        .summary = "Show the virtual IPs and what this node does with them",
        .help = "  --json           as JSON\n\n"
                "STATE is held (address and aliases are on this node), absent (as it should be on a node "
                "that\n"
                "is not the running master), partial, conflict (another host answers for it too), "
                "no-device\n"
                "(no device of this node holds its own address), failed (the kernel refused) or disabled.\n",
        .run = run,
};
