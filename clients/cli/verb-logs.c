/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair logs: the two logs of the guide, "Heartbeat and DRBD" and "Failover", as matches on the journal.
 * The category is a field that anybody may write, so the unit, which the journal vouches for, is matched
 * too.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/macros.h"
#include "verb.h"

typedef struct Log {
        const char *name;
        const char *const *matches;
} Log;

/* Matches on one field are alternatives, matches on different fields must all hold; "+" begins anew. */
#define FROM_DAEMONS                                                                                        \
        "_SYSTEMD_UNIT=hapair-hbd.service", "_SYSTEMD_UNIT=hapair-electd.service",                          \
                        "_SYSTEMD_UNIT=hapair-svcmand.service", "_SYSTEMD_UNIT=hapair-vipd.service",        \
                        "_SYSTEMD_UNIT=hapair-confd.service", "_SYSTEMD_UNIT=hapair-replicd.service"

/* What systemd says about a daemon: that it died, was killed by its watchdog, came back. */
#define ABOUT_DAEMON(name) "+", "_PID=1", "UNIT=hapair-" name ".service"

static const char *const heartbeat_matches[] = {
        FROM_DAEMONS,        "HAPAIR_CATEGORY=heartbeat", "HAPAIR_CATEGORY=drbd",
        ABOUT_DAEMON("hbd"), ABOUT_DAEMON("replicd"),     NULL,
};

static const char *const failover_matches[] = {
        FROM_DAEMONS,         "HAPAIR_CATEGORY=failover", ABOUT_DAEMON("electd"),
        ABOUT_DAEMON("vipd"), ABOUT_DAEMON("svcmand"),    NULL,
};

static const char *const all_matches[] = {
        FROM_DAEMONS,          ABOUT_DAEMON("hbd"),     ABOUT_DAEMON("electd"),  ABOUT_DAEMON("vipd"),
        ABOUT_DAEMON("confd"), ABOUT_DAEMON("replicd"), ABOUT_DAEMON("svcmand"), NULL,
};

static const Log logs[] = {
        { "heartbeat", heartbeat_matches },
        { "failover", failover_matches },
        { "all", all_matches },
};

static const Log *find_log(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(logs); i++)
                if (strcmp(logs[i].name, name) == 0)
                        return &logs[i];

        return NULL;
}

/* Does not come back when it works: this process becomes journalctl. */
static ExitStatus show(const Log *log, bool follow, bool explain, const char *lines)
{
        const char *command[32] = { "journalctl", "--output=short-precise" };
        size_t n = 2;

        if (follow)
                command[n++] = "--follow";
        if (explain)
                command[n++] = "--catalog";
        if (lines) {
                command[n++] = "--lines";
                command[n++] = lines;
        }
        for (size_t i = 0; log->matches[i] && n < ARRAY_SIZE(command) - 1; i++)
                command[n++] = log->matches[i];

        execvp(command[0], (char **) command);
        fprintf(stderr, "hapair logs: cannot run journalctl: %s\n", strerror(errno));
        return STATUS_DEGRADED;
}

static bool is_count(const char *text)
{
        return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

static ExitStatus run(int argc, char *argv[])
{
        static const struct option options[] = {
                { "follow", no_argument, NULL, 'f' },
                { "explain", no_argument, NULL, 'x' },
                { "lines", required_argument, NULL, 'n' },
                {},
        };
        const char *lines = NULL;
        bool follow = false;
        bool explain = false;
        const Log *log;
        int c;

        while ((c = getopt_long(argc, argv, "fxn:", options, NULL)) >= 0) {
                switch (c) {
                case 'f':
                        follow = true;
                        break;
                case 'x':
                        explain = true;
                        break;
                case 'n':
                        lines = optarg;
                        break;
                default:
                        return verb_usage(&verb_logs);
                }
        }

        if (lines && !is_count(lines)) {
                fprintf(stderr, "hapair logs: '%s' is not a number of lines\n", lines);
                return verb_usage(&verb_logs);
        }
        if (argc - optind > 1) {
                fputs("hapair logs: one log at a time, please\n", stderr);
                return verb_usage(&verb_logs);
        }

        log = find_log(optind < argc ? argv[optind] : "all");
        if (!log) {
                fprintf(stderr, "hapair logs: there is no log '%s': heartbeat, failover or all\n",
                        argv[optind]);
                return verb_usage(&verb_logs);
        }

        return show(log, follow, explain, lines);
}

const Verb verb_logs = {
        .name = "logs",
        .arguments = "[heartbeat|failover|all] [-f] [-x] [-n LINES]",
        .summary = "Show what the daemons logged",
        .help = "  heartbeat        how the nodes and the replicated disk see each other\n"
                "  failover         who became master, when and why\n"
                "  all              everything (this is the default)\n\n"
                "  -f, --follow     go on with what comes in\n"
                "  -x, --explain    with each message, what it means and what to do\n"
                "  -n, --lines=N    only the last N lines\n\n"
                "Logs are kept by the journal: who may read that may read this.\n",
        .run = run,
};
