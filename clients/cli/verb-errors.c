/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair errors: everything that is wrong with the pair, in plain words, with what to do. */
#include "lists.h"

static ExitStatus run(int argc, char *argv[])
{
        return list_verb(&verb_errors, argc, argv, "errors", list_errors);
}

const Verb verb_errors = {
        .name = "errors",
        .arguments = "[--json]",
        .summary = "List what is wrong with the pair and what to do about it",
        .help = "  --json           as JSON\n\n"
                "An error means that the pair cannot do its work, or could not after the next fault. A "
                "warning\n"
                "names a risk; with warnings alone the pair counts as healthy.\n",
        .run = run,
};
