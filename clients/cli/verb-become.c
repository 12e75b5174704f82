/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair become: the guide's two buttons, "Make myself the running master" and "... slave". Says what
 * happens while it happens, and how it ended.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bus-json.h"
#include "client.h"
#include "common/base/clock.h"
#include "confirm.h"
#include "picture.h"
#include "term.h"

/* Above the limits of all steps of a demotion here and a promotion there. */
#define SWITCH_USEC (10 * USEC_PER_MINUTE)

typedef struct Progress {
        uint64_t begun_usec;
        char state[32]; /* the last one that is known; empty: watch nothing yet */
} Progress;

static double elapsed_ms(const Progress *progress)
{
        return (double) (now_usec() - progress->begun_usec) / 1000;
}

static void remember_state(Progress *progress, const char *state)
{
        snprintf(progress->state, sizeof(progress->state), "%s", state);
}

static void tell_state(Progress *progress, const json_t *properties)
{
        const char *state = json_string_value(json_object_get(properties, "State"));

        if (!state || progress->state[0] == '\0' || strcmp(state, progress->state) == 0)
                return;

        printf("%s%9.1f ms%s  %s %s %s\n", term_paint(PAINT_FAINT), elapsed_ms(progress),
               term_paint(PAINT_PLAIN), progress->state, term_arrow(), state);
        fflush(stdout);
        remember_state(progress, state);
}

static void on_signal(sd_bus_message *signal, void *userdata)
{
        _cleanup_(json_decrefp) json_t *properties = NULL;
        const char *interface;

        if (!sd_bus_message_is_signal(signal, "org.freedesktop.DBus.Properties", "PropertiesChanged"))
                return;
        if (sd_bus_message_read(signal, "s", &interface) <= 0)
                return;
        if (strcmp(interface, daemon_interface(DAEMON_ELECTD)) == 0 &&
            bus_json_read(signal, &properties) == 0)
                tell_state(userdata, properties);
}

/* What the node is at the moment, and with it whether electd is there at all. */
static ExitStatus ask_state(Client *client, Question *question)
{
        client_ask(client, question, DAEMON_ELECTD, CLIENT_ANSWER_USEC, daemon_path(DAEMON_ELECTD),
                   "org.freedesktop.DBus.Properties", "GetAll", "s", daemon_interface(DAEMON_ELECTD));
        client_wait(client);
        return question_complain(question, &verb_become);
}

static ExitStatus report(Client *client, const char *wanted, const Progress *progress, bool was)
{
        _cleanup_(question_donep) Question after = {};
        double took_ms = elapsed_ms(progress);
        const char *now;
        ExitStatus status;

        status = ask_state(client, &after);
        if (status != STATUS_HEALTHY)
                return status;

        now = picture_text(after.answer, "RunningRole");
        if (strcmp(now, wanted) != 0) {
                fprintf(stderr, "hapair become: was told that it is done, but the running role is %s: %s\n",
                        now, picture_text(after.answer, "Reason"));
                return STATUS_DEGRADED;
        }

        printf("%s%s%s This node is the running %s", term_paint(PAINT_GOOD), term_bullet(),
               term_paint(PAINT_PLAIN), wanted);
        if (was)
                puts(", and was it before.");
        else
                printf(", after %.1f ms.\n", took_ms);
        return STATUS_HEALTHY;
}

typedef struct Change {
        const char *wanted; /* the role */
        const char *method;
        const Deed *forced; /* what must be confirmed; NULL: nothing */
} Change;

static ExitStatus ask_change(Client *client, const Change *change, const char *sentence)
{
        _cleanup_(question_donep) Question done = {};

        if (change->forced)
                return confirm_act(client, change->forced, sentence);

        client_ask(client, &done, DAEMON_ELECTD, SWITCH_USEC, daemon_path(DAEMON_ELECTD),
                   daemon_interface(DAEMON_ELECTD), change->method, "");
        client_wait(client);
        return question_complain(&done, &verb_become);
}

static ExitStatus change_role(Client *client, const Change *change, const char *sentence)
{
        _cleanup_(question_donep) Question before = {};
        Progress progress = {};
        ExitStatus status;
        bool was;

        client_subscribe(client, DAEMON_ELECTD, on_signal, &progress);
        status = ask_state(client, &before);
        if (status != STATUS_HEALTHY)
                return status;

        progress.begun_usec = now_usec();
        remember_state(&progress, picture_text(before.answer, "State"));
        status = ask_change(client, change, sentence);
        if (status != STATUS_HEALTHY)
                return status;

        was = strcmp(picture_text(before.answer, "RunningRole"), change->wanted) == 0;
        return report(client, change->wanted, &progress, was);
}

static ExitStatus become(const Change *change)
{
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(freep) char *sentence = NULL;
        ExitStatus status;
        int r;

        r = client_new(&client);
        if (r < 0)
                return verb_failed(&verb_become, r);

        if (change->forced) {
                _cleanup_(client_freep) Client *asker = NULL;

                /* Apart: this one is subscribed to nothing yet, and a person may think for hours. */
                r = client_new(&asker);
                if (r < 0)
                        return verb_failed(&verb_become, r);

                status = confirm_sentence(asker, change->forced, &sentence);
                if (status != STATUS_HEALTHY || !sentence)
                        return status;
        }

        return change_role(client, change, sentence);
}

static ExitStatus run(int argc, char *argv[])
{
        static const struct option options[] = {
                { "force", no_argument, NULL, 'f' },
                { "confirm", required_argument, NULL, 'c' },
                {},
        };
        Deed force = { &verb_become, DAEMON_ELECTD, "ForceMaster", NULL, NULL, SWITCH_USEC };
        bool forced = false;
        const char *role;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (c) {
                case 'c':
                        force.given = optarg;
                        break;
                case 'f':
                        forced = true;
                        break;
                default:
                        return verb_usage(&verb_become);
                }
        }

        role = argc - optind == 1 ? argv[optind] : "";
        if (strcmp(role, "master") == 0 && (forced || !force.given))
                return become(&(Change){ "master", "MakeMaster", forced ? &force : NULL });
        if (strcmp(role, "slave") == 0 && !forced && !force.given)
                return become(&(Change){ "slave", "MakeSlave", NULL });

        fputs("hapair become: say 'master', 'slave', or 'master --force'\n", stderr);
        return verb_usage(&verb_become);
}

const Verb verb_become = {
        .name = "become",
        .arguments = "master|slave [--force [--confirm TEXT]]",
        .summary = "Make this node the running master or the running slave",
        .help = "  --force          become master without the right to, at the loss of what only the other "
                "node\n"
                "                   has; a sentence that spells it out must be typed, or come on standard "
                "input.\n"
                "                   Refused while the other node is heard as master\n"
                "  --confirm TEXT   that sentence\n\n"
                "The other node takes the other role. Nothing is interrupted before the node that is to be\n"
                "master has said that it can. The result holds against automatic failback until the other\n"
                "way is asked for, or the configured master is rebooted.\n\n"
                "Exit status: 0 done, 1 it did not end as it should, 3 not running, 4 refused, with the "
                "reason.\n",
        .run = run,
};
