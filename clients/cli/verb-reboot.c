/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair reboot and hapair poweroff: the same as systemctl's, but not while it would endanger data or
 * service. systemctl itself stays the way to do it all the same: it too hands over first, it just does not
 * refuse.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus-json.h"
#include "picture.h"

static ExitStatus refuse(const Verb *verb, const char *reason)
{
        fprintf(stderr,
                "hapair %s: refused: %s\n"
                "Wait until 'hapair status' is healthy, or put right what 'hapair errors' lists. "
                "'systemctl %s' does "
                "it all the same.\n",
                verb->name, reason, verb->name);
        return STATUS_REFUSED;
}

/* What follows for those who use the pair. */
static void announce(const Verb *verb, const json_t *picture)
{
        bool peer = json_is_true(json_object_get(json_object_get(picture, "peer"), "online"));
        bool volume = json_is_object(json_object_get(picture, "volume"));
        const char *role = picture_text(picture, "running_role");

        if (strcmp(role, "master") == 0 && peer)
                puts("This node is the running master: the other node takes over first.");
        else if (strcmp(role, "master") == 0)
                puts("This node is the running master and alone: the service is away until it is back.");
        else if (strcmp(role, "slave") == 0)
                puts("This node is the running slave: the service goes on at the other node.");
        else
                puts("This node serves nothing.");

        if (volume && peer)
                puts("Until it is back and resynced nobody can take over from the other node.");
        else if (peer)
                puts("Until it is back nobody can take over from the other node.");
        printf("Now: systemctl %s\n", verb->name);
        fflush(stdout);
}

/* Does not come back when it works: this process becomes systemctl, which asks logind and polkit. */
static ExitStatus go_down(const Verb *verb)
{
        execlp("systemctl", "systemctl", verb->name, (char *) NULL);
        fprintf(stderr, "hapair %s: cannot run systemctl: %s\n", verb->name, strerror(errno));
        return STATUS_DEGRADED;
}

static ExitStatus decide(const Verb *verb, bool check_only)
{
        _cleanup_(json_decrefp) json_t *picture = NULL;
        _cleanup_(client_freep) Client *client = NULL;
        const char *danger;
        int r;

        r = client_new(&client);
        if (r < 0)
                return verb_failed(verb, r);

        if (picture_take(client, &picture) == STATUS_NOT_RUNNING)
                return verb_not_running(verb);
        if (!picture)
                return verb_failed(verb, -ENOMEM);

        danger = picture_text(picture, "reboot_danger");
        if (strcmp(danger, "unknown") == 0)
                return refuse(verb, "hapair-electd does not say whether it is safe");
        if (danger[0])
                return refuse(verb, danger);

        if (check_only) {
                puts("Nothing speaks against it.");
                return STATUS_HEALTHY;
        }

        announce(verb, picture);
        return go_down(verb);
}

static ExitStatus run(const Verb *verb, int argc, char *argv[])
{
        static const struct option options[] = {
                { "check", no_argument, NULL, 'c' },
                {},
        };
        bool check_only = false;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c != 'c')
                        return verb_usage(verb);
                check_only = true;
        }

        if (optind < argc) {
                fprintf(stderr, "hapair %s: takes no argument '%s'\n", verb->name, argv[optind]);
                return verb_usage(verb);
        }

        return decide(verb, check_only);
}

static ExitStatus run_reboot(int argc, char *argv[])
{
        return run(&verb_reboot, argc, argv);
}

static ExitStatus run_poweroff(int argc, char *argv[])
{
        return run(&verb_poweroff, argc, argv);
}

#define HELP                                                                                                \
        "  --check          only say whether it is safe now\n\n"                                            \
        "Refuses, with the reason, while the other node is down or not in sync, or would be left without\n" \
        "what it needs to go on. Otherwise it says what will happen and hands over to systemctl.\n\n"       \
        "Exit status: 1 systemctl failed, 3 hapair does not run, 4 refused.\n"

const Verb verb_reboot = {
        .name = "reboot",
        .arguments = "[--check]",
        .summary = "Reboot this node, unless that endangers data or service",
        .help = HELP,
        .run = run_reboot,
};

const Verb verb_poweroff = {
        .name = "poweroff",
        .arguments = "[--check]",
        .summary = "Switch this node off, unless that endangers data or service",
        .help = HELP,
        .run = run_poweroff,
};
