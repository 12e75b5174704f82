/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair split-brain: what each node wrote alone, side by side, and whose data are to stay. Nothing is
 * merged and nothing is discarded but by who typed the sentence for it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus-json.h"
#include "common/base/clock.h"
#include "confirm.h"
#include "page.h"
#include "picture.h"
#include "table.h"
#include "volume.h"

/* A snapshot that is a file takes as long as reading what was written alone. */
#define RESOLVE_USEC (10 * USEC_PER_MINUTE)

/* After this long without a resync, none began: a connection that breaks in the middle needs seconds. */
#define PATIENCE_USEC USEC_PER_MINUTE

static void history_row(Table *table, const char *name, const char *master, const char *slave)
{
        table_line(table);
        table_cell(table, PAINT_PLAIN, "%s", name);
        table_cell(table, PAINT_PLAIN, "%s", master);
        table_cell(table, PAINT_PLAIN, "%s", slave);
}

static int print_histories(const json_t *picture)
{
        static const TableColumn columns[] = {
                { " ", NULL, false },
                { "CONFIGURED MASTER", NULL, false },
                { "CONFIGURED SLAVE", NULL, false },
        };
        const json_t *histories = json_object_get(picture, "split_brain");
        const json_t *master = json_object_get(histories, "master"),
                     *slave = json_object_get(histories, "slave");
        bool is_master = strcmp(picture_text(picture, "configured_role"), "master") == 0;
        _cleanup_(table_freep) Table *table = table_new(columns, ARRAY_SIZE(columns), NULL);
        char a[TIME_SIZE], b[TIME_SIZE];

        if (!table)
                return -ENOMEM;

        history_row(table, "node", is_master ? "this one" : "the other one",
                    is_master ? "the other one" : "this one");
        history_row(table, "alone since", format_time_ago(json_object_get(master, "alone_age_ms"), a),
                    format_time_ago(json_object_get(slave, "alone_age_ms"), b));
        history_row(table, "that is, for", format_age(json_object_get(master, "alone_age_ms"), a),
                    format_age(json_object_get(slave, "alone_age_ms"), b));
        history_row(table, "written alone", format_kib(json_object_get(master, "written_kib"), a),
                    format_kib(json_object_get(slave, "written_kib"), b));
        history_row(table, "data generation", picture_text(master, "generation"),
                    picture_text(slave, "generation"));
        return table_print(table);
}

static int print(const json_t *picture, ExitStatus status)
{
        const json_t *volume = json_object_get(picture, "volume");
        int r;

        if (!json_is_object(json_object_get(picture, "split_brain"))) {
                if (json_is_true(json_object_get(volume, "split_brain")))
                        puts("The kernel says split-brain; what each node wrote alone is not known yet.");
                else if (strcmp(picture_text(picture, "state"), "unknown") == 0)
                        puts("It is not known whether there is a split-brain: hapair-electd does not "
                             "answer.");
                else
                        puts("There is no split-brain.");
                return 0;
        }

        puts("Split-brain: each node has data that the other one does not have.\n");
        r = print_histories(picture);
        if (r < 0)
                return r;

        puts("\nLook at both, and choose whose data stay:\n"
             "  hapair split-brain resolve --keep master|slave\n"
             "What the other node wrote alone is kept there in a snapshot, then discarded.");
        return 0;
}

static bool is_one(const json_t *volume)
{
        return strcmp(picture_text(volume, "connection"), "Connected") == 0 &&
               strcmp(picture_text(volume, "disk_state"), "UpToDate") == 0 &&
               strcmp(picture_text(volume, "peer_disk_state"), "UpToDate") == 0;
}

static bool is_syncing(const json_t *volume)
{
        const char *sync = picture_text(volume, "sync");

        return strcmp(sync, "source") == 0 || strcmp(sync, "target") == 0 || strcmp(sync, "paused") == 0;
}

/* In place, on a terminal; a log would only grow by it. */
static void show_progress(const json_t *volume)
{
        if (!isatty(STDOUT_FILENO))
                return;

        fputs("\033[A\033[J", stdout);
        if (is_syncing(volume))
                volume_print_sync(volume, "Resync:", 0);
        else
                puts("Waiting for the resync");
        fflush(stdout);
}

/* The resync goes on without us; ^C ends the looking only. */
static ExitStatus follow(Client *client)
{
        uint64_t until = now_usec() + PATIENCE_USEC;

        client_subscribe(client, DAEMON_REPLICD, NULL, NULL);
        while (now_usec() < until && !ferror(stdout)) {
                _cleanup_(json_decrefp) json_t *picture = NULL;
                const json_t *volume;

                (void) picture_take(client, &picture);
                if (!picture)
                        return verb_failed(&verb_split_brain, -ENOMEM);

                volume = json_object_get(picture, "volume");
                if (is_one(volume)) {
                        puts("Both nodes have the same data again.");
                        return STATUS_HEALTHY;
                }

                if (is_syncing(volume))
                        until = now_usec() + PATIENCE_USEC;
                show_progress(volume);
                client_watch(client, USEC_PER_SEC);
        }

        fputs("hapair split-brain: it was begun, but no resync is seen here; look at 'hapair replication' and\n"
              "'hapair errors'\n",
              stderr);
        return STATUS_DEGRADED;
}

static ExitStatus resolve(const char *keep, const char *given)
{
        const Deed deed = {
                &verb_split_brain, DAEMON_ELECTD, "ResolveSplitBrain", keep, given, RESOLVE_USEC
        };
        _cleanup_(json_decrefp) json_t *picture = NULL;
        _cleanup_(client_freep) Client *client = NULL;
        ExitStatus status;
        int r;

        r = client_new(&client);
        if (r < 0)
                return verb_failed(&verb_split_brain, r);

        status = picture_take(client, &picture);
        if (!picture)
                return verb_failed(&verb_split_brain, -ENOMEM);
        if (status == STATUS_NOT_RUNNING)
                return verb_not_running(&verb_split_brain);
        if (!given && json_is_object(json_object_get(picture, "split_brain")) &&
            print_histories(picture) < 0)
                return verb_failed(&verb_split_brain, -ENOMEM);

        fflush(stdout);
        status = confirm_deed(client, &deed);
        if (status != STATUS_HEALTHY)
                return status;

        printf("The data of the configured %s stay; the other node is being resynced. ^C stops looking, "
               "not the "
               "resync.\n\n",
               keep);
        return follow(client);
}

static ExitStatus run_resolve(int argc, char *argv[])
{
        static const struct option options[] = {
                { "keep", required_argument, NULL, 'k' },
                { "confirm", required_argument, NULL, 'c' },
                {},
        };
        const char *keep = "", *given = NULL;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (c) {
                case 'k':
                        keep = optarg;
                        break;
                case 'c':
                        given = optarg;
                        break;
                default:
                        return verb_usage(&verb_split_brain);
                }
        }

        if (optind < argc || (strcmp(keep, "master") != 0 && strcmp(keep, "slave") != 0)) {
                fputs("hapair split-brain: say whose data stay: 'resolve --keep master' or 'resolve --keep "
                      "slave'\n",
                      stderr);
                return verb_usage(&verb_split_brain);
        }

        return resolve(keep, given);
}

static ExitStatus run(int argc, char *argv[])
{
        const char *what = argc > 1 ? argv[1] : "";
        const Page page = { &verb_split_brain, "split_brain", print };

        if (strcmp(what, "show") != 0 && strcmp(what, "resolve") != 0) {
                fputs("hapair split-brain: say 'show' or 'resolve'\n", stderr);
                return verb_usage(&verb_split_brain);
        }

        argv[1] = argv[0];
        return strcmp(what, "show") == 0 ? page_verb(&page, argc - 1, argv + 1)
                                         : run_resolve(argc - 1, argv + 1);
}

const Verb verb_split_brain = {
        .name = "split-brain",
        .arguments = "show|resolve [--json] [-w] [--keep master|slave] [--confirm TEXT]",
        .summary = "Show what each node wrote alone, and choose whose data stay",
        .help = "show     both histories side by side: since when each node was alone, how much it wrote\n"
                "  --json           as JSON, on one line each with --watch\n"
                "  -w, --watch      go on, drawn anew whenever something changes\n\n"
                "resolve  ends the split-brain, from either node\n"
                "  --keep ROLE      whose data stay: those of the configured master or slave. What the "
                "other\n"
                "                   node wrote alone is kept there in a snapshot, then discarded\n"
                "  --confirm TEXT   the sentence that spells out the loss; without it, it is shown and "
                "must\n"
                "                   be typed, or come on standard input\n\n"
                "Exit status: 0 done, 1 no resync came of it, 3 not running, 4 refused, with the reason.\n",
        .run = run,
};
