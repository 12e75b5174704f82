/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair config: checks a configuration file, or shows the configuration in force. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "common/config/catalogue.h"
#include "common/config/machine.h"
#include "setup.h"

static void check_catalogue(const Config *config, GPtrArray *problems)
{
        static const char *const directories[] = { SETUP_DIRECTORY "/services.d", SETUP_CATALOGUE, NULL };

        g_ptr_array_unref(catalogue_read(config, directories, problems));
}

static void check_machine(const Config *config, GPtrArray *problems)
{
        g_autoptr(Machine) machine = NULL;

        if (machine_read(&machine) < 0 || machine_role(machine, config) == NODE_ROLE_NONE) {
                fputs("This machine is neither node of this pair; what depends on the node was not "
                      "checked.\n",
                      stderr);
                return;
        }

        setup_check_node(machine, config, problems);
        check_catalogue(config, problems);
}

/* local.conf lies beside the file, wherever that is. */
static Config *parse(const char *path, GPtrArray *problems)
{
        g_autofree char *directory = g_path_get_dirname(path);
        g_autofree char *local_path = g_build_filename(directory, "local.conf", NULL);
        ConfigText shared = { .path = path }, local = { .path = local_path };
        Config *config = NULL;
        int r;

        r = config_text_read(path, &shared);
        if (r < 0) {
                problems_add(problems, PROBLEM_ERROR, path, 0, NULL, NULL, NULL, "cannot be read: %s",
                             strerror(-r));
                return NULL;
        }

        r = config_text_read(local_path, &local);
        if (r < 0 && r != -ENOENT)
                problems_add(problems, PROBLEM_ERROR, local_path, 0, NULL, NULL, NULL, "cannot be read: %s",
                             strerror(-r));
        else
                config = config_parse(&shared, &local, problems);

        g_free(shared.text);
        g_free(local.text);
        return config;
}

static ExitStatus check(const char *path)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Config) config = parse(path, problems);
        unsigned errors, warnings;

        if (config)
                check_machine(config, problems);

        problems_sort(problems);
        setup_print_problems(problems);

        errors = problems_count(problems, PROBLEM_ERROR);
        warnings = problems_count(problems, PROBLEM_WARNING);
        printf("%s: %u error%s, %u warning%s\n", path, errors, errors == 1 ? "" : "s", warnings,
               warnings == 1 ? "" : "s");
        return errors > 0 ? STATUS_DEGRADED : STATUS_HEALTHY;
}

static const char *text_at(const json_t *item, size_t index)
{
        return json_string_value(json_array_get(item, index)) ?: "";
}

/* As a file that could be read again: what is a default stands behind a #. */
static void print_items(const json_t *items)
{
        const char *section = "";
        const json_t *item;
        size_t i;

        json_array_foreach(items, i, item)
        {
                const char *file = text_at(item, 0);

                if (strcmp(section, text_at(item, 1)) != 0) {
                        printf("%s[%s]\n", i > 0 ? "\n" : "", text_at(item, 1));
                        section = text_at(item, 1);
                }

                if (strcmp(file, "local.conf") == 0)
                        puts("# of this node alone, in local.conf:");
                printf("%s%s=%s\n", file[0] ? "" : "#", text_at(item, 2), text_at(item, 3));
        }
}

static int print_json(const json_t *items)
{
        json_t *list = json_array();
        const json_t *item;
        size_t i;
        int r;

        json_array_foreach(items, i, item)
        {
                json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "section", text_at(item, 1), "key",
                                           text_at(item, 2), "value", text_at(item, 3), "file",
                                           text_at(item, 0));

                json_array_append_new(list, object);
        }

        r = json_dumpf(list, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        json_decref(list);
        putchar('\n');
        return r;
}

static ExitStatus show(bool as_json)
{
        _cleanup_(question_donep) Question question = {};
        _cleanup_(client_freep) Client *client = NULL;
        int r;

        r = client_new(&client);
        if (r < 0)
                return verb_failed(&verb_config, r);

        client_ask(client, &question, DAEMON_CONFD, CLIENT_ANSWER_USEC, daemon_path(DAEMON_CONFD),
                   daemon_interface(DAEMON_CONFD), "Show", "");
        client_wait(client);
        if (question.outcome != OUTCOME_ANSWERED)
                return question_complain(&question, &verb_config);

        if (json_array_size(question.answer) == 0) {
                fputs("No configuration is in force; 'hapair config check' says why.\n", stderr);
                return STATUS_DEGRADED;
        }

        if (!as_json)
                print_items(question.answer);
        else if (print_json(question.answer) < 0)
                return verb_failed(&verb_config, -ENOMEM);

        return STATUS_HEALTHY;
}

static ExitStatus run(int argc, char *argv[])
{
        if (argc >= 2 && argc <= 3 && strcmp(argv[1], "check") == 0 && (argc == 2 || argv[2][0] != '-'))
                return check(argc == 3 ? argv[2] : SETUP_CONFIG);

        if (argc == 2 && strcmp(argv[1], "show") == 0)
                return show(false);
        if (argc == 3 && strcmp(argv[1], "show") == 0 && strcmp(argv[2], "--json") == 0)
                return show(true);

        fputs("hapair config: say 'check' or 'show'\n", stderr);
        return verb_usage(&verb_config);
}

const Verb verb_config = {
        .name = "config",
        .arguments = "check [FILE] | show [--json]",
        .summary = "Check a configuration file, or show the configuration in force",
        .help = "  check [FILE]     say everything that is wrong with FILE (" SETUP_CONFIG ") and the\n"
                "                   local.conf beside it, also against this machine where it is a node of "
                "that\n"
                "                   pair; exit status 1 when there is an error\n"
                "  show             every key with the value in force; a # marks a default\n"
                "  --json           as JSON\n",
        .run = run,
};
