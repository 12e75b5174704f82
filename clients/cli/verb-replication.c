/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair replication: the replicated volume and how far a resync has come; and making its disk ready. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "confirm.h"
#include "page.h"
#include "picture.h"
#include "volume.h"

/* Metadata of a large disk are written in seconds; looking for data on it may take as long. */
#define PREPARE_USEC (2 * USEC_PER_MINUTE)

static int print(const json_t *picture, ExitStatus status)
{
        const json_t *volume = json_object_get(picture, "volume");

        if (json_is_object(volume))
                volume_print(volume);
        else
                puts("This pair has no volume: [Replication] Enabled=yes in hapair.conf(5) makes one.");
        return 0;
}

static ExitStatus prepare(int argc, char *argv[])
{
        static const struct option options[] = {
                { "confirm", required_argument, NULL, 'c' },
                {},
        };
        Deed deed = { &verb_replication, DAEMON_REPLICD, "Prepare", NULL, NULL, PREPARE_USEC };
        _cleanup_(client_freep) Client *client = NULL;
        ExitStatus status;
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c != 'c')
                        return verb_usage(&verb_replication);
                deed.given = optarg;
        }
        if (optind < argc)
                return verb_usage(&verb_replication);

        r = client_new(&client);
        if (r < 0)
                return verb_failed(&verb_replication, r);

        status = confirm_deed(client, &deed);
        if (status == STATUS_HEALTHY)
                puts("This node's disk is ready for the volume.");
        return status;
}

static ExitStatus run(int argc, char *argv[])
{
        const char *what = argc > 1 && argv[1][0] != '-' ? argv[1] : "";
        const Page page = { &verb_replication, "volume", print };

        if (strcmp(what, "show") != 0 && strcmp(what, "prepare") != 0)
                return page_verb(&page, argc, argv);

        argv[1] = argv[0];
        return strcmp(what, "show") == 0 ? page_verb(&page, argc - 1, argv + 1)
                                         : prepare(argc - 1, argv + 1);
}

const Verb verb_replication = {
        .name = "replication",
        .arguments = "[show|prepare] [--json] [-w] [--confirm TEXT]",
        .summary = "Show the replicated volume and how far a resync has come",
        .help = "  --json           as JSON, on one line each with --watch\n"
                "  -w, --watch      go on, drawn anew whenever something changes\n\n"
                "hapair replication prepare makes this node's disk ready to be half of the volume. A disk "
                "with\n"
                "data on it is not touched before a sentence that names it was typed, came on standard "
                "input, "
                "or\n"
                "by\n"
                "  --confirm TEXT\n",
        .run = run,
};
