/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair errors: everything that is wrong with the pair, in plain words, with what to do. */
#include "lists.h"
#include "page.h"

static int print(const json_t *picture, ExitStatus status)
{
        return list_errors(picture, NULL);
}

static ExitStatus run(int argc, char *argv[])
{
        return page_verb(&(Page){ &verb_errors, "errors", print }, argc, argv);
}

const Verb verb_errors = {
        .name = "errors",
        .arguments = "[--json] [-w]",
        .summary = "List what is wrong with the pair and what to do about it",
        .help = "  --json           as JSON, on one line each with --watch\n"
                "  -w, --watch      go on, drawn anew whenever something changes\n\n"
                "An error means that the pair cannot do its work, or could not after the next fault. A "
                "warning\n"
                "names a risk; with warnings alone the pair counts as healthy.\n",
        .run = run,
};
