/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair, the command line: finds the verb and runs it. Help is printed here for all of them, so that no
 * verb can forget to have one.
 */
#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macros.h"
#include "verb.h"

/* In the order in which `hapair --help` shows them. */
static const Verb *const verbs[] = {
        &verb_status,   &verb_errors, &verb_paths,  &verb_vips,        &verb_services,    &verb_replication,
        &verb_why,      &verb_logs,   &verb_become, &verb_maintenance, &verb_split_brain, &verb_reboot,
        &verb_poweroff, &verb_config, &verb_init,   &verb_join,
};

static const Verb *find_verb(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (strcmp(verbs[i]->name, name) == 0)
                        return verbs[i];

        return NULL;
}

static void print_overview(FILE *out)
{
        fputs("Usage: hapair VERB [ARGUMENTS]\n\n"
              "Look at and steer the high availability pair that this node is one half of.\n\n"
              "Verbs:\n",
              out);

        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                fprintf(out, "  %-14s %s\n", verbs[i]->name, verbs[i]->summary);

        fputs("\nhapair VERB --help explains one of them; hapair(7) explains the words.\n"
              "Exit status: 0 healthy, 1 degraded or failed, 2 usage, 3 not running, 4 refused.\n",
              out);
}

static void print_verb_help(const Verb *verb)
{
        printf("Usage: hapair %s%s%s\n\n%s.\n\n%s", verb->name, verb->arguments[0] ? " " : "",
               verb->arguments, verb->summary, verb->help);
}

static ExitStatus overview_usage(void)
{
        fputs("Try 'hapair --help'.\n", stderr);
        return STATUS_USAGE;
}

ExitStatus verb_usage(const Verb *verb)
{
        fprintf(stderr, "Try 'hapair %s --help'.\n", verb->name);
        return STATUS_USAGE;
}

ExitStatus verb_failed(const Verb *verb, int error)
{
        fprintf(stderr, "hapair %s: %s\n", verb->name, strerror(-error));
        return STATUS_DEGRADED;
}

ExitStatus verb_not_running(const Verb *verb)
{
        fprintf(stderr,
                "hapair %s: hapair does not run on this node.\n"
                "Start it with 'systemctl start hapair.target'; a node that is not part of a pair yet needs "
                "'hapair init' or 'hapair join' first.\n",
                verb->name);
        return STATUS_NOT_RUNNING;
}

static bool is_help(const char *argument)
{
        return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

/* --help counts wherever it stands, so that it can be added to a line that is already typed. */
static bool asks_for_help(int argc, char *argv[])
{
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
                if (is_help(argv[i]))
                        return true;

        return false;
}

static ExitStatus help(int argc, char *argv[])
{
        const Verb *verb;

        if (argc <= 1) {
                print_overview(stdout);
                return STATUS_HEALTHY;
        }

        verb = find_verb(argv[1]);
        if (!verb) {
                fprintf(stderr, "hapair: there is no verb '%s'\n", argv[1]);
                return overview_usage();
        }

        print_verb_help(verb);
        return STATUS_HEALTHY;
}

static ExitStatus run_verb(const Verb *verb, int argc, char *argv[])
{
        char title[64];

        if (asks_for_help(argc, argv)) {
                print_verb_help(verb);
                return STATUS_HEALTHY;
        }

        snprintf(title, sizeof(title), "hapair %s", verb->name);
        argv[0] = title;
        return verb->run(argc, argv);
}

/* Output that could not be written (a full disk, say) must not pass for success. */
static ExitStatus flush_output(ExitStatus status)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return status;

        fprintf(stderr, "hapair: cannot write to standard output: %s\n", strerror(errno));
        return status == STATUS_HEALTHY ? STATUS_DEGRADED : status;
}

int main(int argc, char *argv[])
{
        const Verb *verb;

        setlocale(LC_ALL, "");

        if (argc < 2) {
                print_overview(stderr);
                return STATUS_USAGE;
        }

        if (is_help(argv[1]) || strcmp(argv[1], "help") == 0)
                return flush_output(help(argc - 1, argv + 1));

        if (strcmp(argv[1], "--version") == 0) {
                puts("hapair " HAPAIR_VERSION);
                return flush_output(STATUS_HEALTHY);
        }

        verb = find_verb(argv[1]);
        if (!verb) {
                fprintf(stderr, "hapair: there is no %s '%s'\n", argv[1][0] == '-' ? "option" : "verb",
                        argv[1]);
                return overview_usage();
        }

        return flush_output(run_verb(verb, argc - 1, argv + 1));
}
