/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair maintenance: switches everything that happens by itself off and on again. */
#include <stdio.h>
#include <string.h>

#include "client.h"

/* A password may have to be typed. */
#define ANSWER_USEC (2 * USEC_PER_MINUTE)

static ExitStatus set_maintenance(bool on)
{
        _cleanup_(question_donep) Question question = {};
        _cleanup_(client_freep) Client *client = NULL;
        int r;

        r = client_new(&client);
        if (r < 0)
                return verb_failed(&verb_maintenance, r);

        client_ask(client, &question, DAEMON_ELECTD, ANSWER_USEC, daemon_path(DAEMON_ELECTD),
                   daemon_interface(DAEMON_ELECTD), "SetMaintenance", "b", (int) on);
        client_wait(client);
        if (question.outcome != OUTCOME_ANSWERED)
                return question_complain(&question, &verb_maintenance);

        puts(on ? "Maintenance: nothing changes by itself on this node until 'hapair maintenance off'."
                : "Maintenance is over: the pair looks after itself again.");
        return STATUS_HEALTHY;
}

static ExitStatus run(int argc, char *argv[])
{
        if (argc != 2 || (strcmp(argv[1], "on") != 0 && strcmp(argv[1], "off") != 0)) {
                fputs("hapair maintenance: say 'on' or 'off'\n", stderr);
                return verb_usage(&verb_maintenance);
        }

        return set_maintenance(strcmp(argv[1], "on") == 0);
}

const Verb verb_maintenance = {
        .name = "maintenance",
        .arguments = "on|off",
        .summary = "Switch automatic role changes off or on",
        .help = "While it is on, no role changes by itself, whatever fails. It is kept across restarts and\n"
                "reboots, so do not forget it: 'hapair status' shows it.\n",
        .run = run,
};
