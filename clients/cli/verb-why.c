/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair why: the last decisions, each with what it rested on. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bus-json.h"
#include "client.h"
#include "picture.h"
#include "term.h"

/* More than electd keeps. */
#define ALL_DECISIONS 1000

static void print_time(json_int_t realtime_usec)
{
        time_t seconds = (time_t) (realtime_usec / (json_int_t) USEC_PER_SEC);
        char text[TIME_SIZE];
        struct tm tm;

        if (realtime_usec <= 0 || !localtime_r(&seconds, &tm) ||
            strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S", &tm) == 0)
                fputs("at an unknown time", stdout);
        else
                printf("%s.%06lld", text, (long long) (realtime_usec % (json_int_t) USEC_PER_SEC));
}

static void print_inputs(const json_t *inputs)
{
        size_t width = 0;
        const char *name;
        json_t *value;

        json_object_foreach((json_t *) inputs, name, value) width = MAX_OF(width, strlen(name));

        json_object_foreach((json_t *) inputs, name, value)
                        printf("      %s%-*s%s  %s\n", term_paint(PAINT_FAINT), (int) width, name,
                               term_paint(PAINT_PLAIN), json_string_value(value));
}

static void print_decision(const json_t *decision)
{
        const char *from = picture_text(decision, "from");
        const char *to = picture_text(decision, "to");

        print_time(json_integer_value(json_object_get(decision, "time")));
        if (strcmp(from, to) == 0)
                printf("  %s%s%s", term_paint(PAINT_STRONG), to, term_paint(PAINT_PLAIN));
        else
                printf("  %s %s %s%s%s", from, term_arrow(), term_paint(PAINT_STRONG), to,
                       term_paint(PAINT_PLAIN));
        printf("  epoch %" JSON_INTEGER_FORMAT "\n    because %s\n",
               json_integer_value(json_object_get(decision, "epoch")), picture_text(decision, "reason"));
        print_inputs(json_object_get(decision, "inputs"));
}

static int print_decisions(const json_t *decisions, size_t wanted, bool as_json)
{
        size_t n = json_array_size(decisions);
        size_t first = n > wanted ? n - wanted : 0;

        if (as_json) {
                _cleanup_(json_decrefp) json_t *last = json_array();

                for (size_t i = first; i < n; i++)
                        if (json_array_append(last, json_array_get(decisions, i)) < 0)
                                return -1;
                if (json_dumpf(last, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0)
                        return -1;
                putchar('\n');
                return 0;
        }

        if (n == 0)
                puts("Nothing was decided since hapair-electd started.");
        for (size_t i = first; i < n; i++) {
                if (i > first)
                        putchar('\n');
                print_decision(json_array_get(decisions, i));
        }

        return 0;
}

static ExitStatus show(size_t wanted, bool as_json)
{
        _cleanup_(question_donep) Question question = {};
        _cleanup_(client_freep) Client *client = NULL;
        int r;

        r = client_new(&client);
        if (r < 0)
                return verb_failed(&verb_why, r);

        client_ask(client, &question, DAEMON_ELECTD, CLIENT_ANSWER_USEC, daemon_path(DAEMON_ELECTD),
                   daemon_interface(DAEMON_ELECTD), "GetDecisions", "");
        client_wait(client);
        if (question.outcome != OUTCOME_ANSWERED)
                return question_complain(&question, &verb_why);

        r = print_decisions(question.answer, wanted, as_json);
        return r < 0 ? verb_failed(&verb_why, -ENOMEM) : STATUS_HEALTHY;
}

static int parse_count(const char *text, size_t *ret)
{
        unsigned long n;
        char *end;

        if (text[0] < '0' || text[0] > '9')
                return -EINVAL;
        errno = 0;
        n = strtoul(text, &end, 10);
        if (errno != 0 || *end != '\0' || n == 0)
                return -EINVAL;

        *ret = n;
        return 0;
}

static ExitStatus run(int argc, char *argv[])
{
        static const struct option options[] = {
                { "json", no_argument, NULL, 'j' },
                { "lines", required_argument, NULL, 'n' },
                {},
        };
        size_t wanted = ALL_DECISIONS;
        bool as_json = false;
        int c;

        while ((c = getopt_long(argc, argv, "n:", options, NULL)) >= 0) {
                switch (c) {
                case 'j':
                        as_json = true;
                        break;
                case 'n':
                        if (parse_count(optarg, &wanted) < 0) {
                                fprintf(stderr, "hapair why: '%s' is not a number of decisions\n", optarg);
                                return verb_usage(&verb_why);
                        }
                        break;
                default:
                        return verb_usage(&verb_why);
                }
        }

        if (optind < argc) {
                fprintf(stderr, "hapair why: takes no argument '%s'\n", argv[optind]);
                return verb_usage(&verb_why);
        }

        return show(wanted, as_json);
}

const Verb verb_why = {
        .name = "why",
        .arguments = "[--json] [-n N]",
        .summary = "Show the last decisions and what each rested on",
        .help = "  --json           as JSON\n"
                "  -n, --lines=N    only the last N decisions\n\n"
                "Newest last. hapair-electd keeps 64 since it started; 'hapair logs failover' goes further "
                "back.\n",
        .run = run,
};
