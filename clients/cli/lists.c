/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See lists.h. */
#include "lists.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bus-json.h"
#include "client.h"
#include "picture.h"
#include "table.h"
#include "term.h"

/* Nothing to list: because there is nothing, or because who would know does not answer? */
static int print_empty(const json_t *picture, const char *label, const char *daemon)
{
        bool answered = json_is_true(json_object_get(json_object_get(picture, "daemons"), daemon));

        if (label)
                printf("%9s  ", label);
        if (answered)
                puts("none");
        else
                printf("%sunknown%s: no answer from hapair-%s\n", term_paint(PAINT_BAD),
                       term_paint(PAINT_PLAIN), daemon);
        return 0;
}

/* "-" for what is empty: a hole in a table looks like a mistake. */
static const char *dash(const char *text)
{
        return text[0] ? text : "-";
}

static const char *optional(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

static Paint paint_of_path(const char *state)
{
        if (strcmp(state, "up") == 0)
                return PAINT_GOOD;
        return strcmp(state, "late") == 0 || strcmp(state, "unknown") == 0 ? PAINT_WARNING : PAINT_BAD;
}

static void path_line(Table *table, const json_t *path, const char *label)
{
        const json_t *heard = json_object_get(path, "age_ms");
        const json_t *round_trip = json_object_get(path, "round_trip_ms");
        const json_t *jitter = json_object_get(path, "jitter_ms");
        const json_t *loss = json_object_get(path, "loss");
        const char *state = picture_text(path, "state");
        char age[AGE_SIZE];

        table_line(table);
        if (label)
                table_cell(table, PAINT_PLAIN, "%s", label);
        table_cell(table, PAINT_STRONG, "%s", picture_text(path, "name"));
        table_cell(table, PAINT_PLAIN, "%s", picture_text(path, "kind"));
        table_cell(table, PAINT_PLAIN, "%s", dash(picture_text(path, "device")));
        table_cell(table, paint_of_path(state), "%s", state);
        if (json_is_integer(heard))
                table_cell(table, PAINT_PLAIN, "%s%s ago", label ? "heard " : "", format_age(heard, age));
        else
                table_cell(table, PAINT_PLAIN, "%s", label ? "never heard" : "never");
        if (json_is_real(round_trip))
                table_cell(table, PAINT_PLAIN, "%s%.2f ms", label ? "rtt " : "",
                           json_real_value(round_trip));
        else
                table_cell(table, PAINT_PLAIN, "-");
        if (!label && json_is_real(jitter))
                table_cell(table, PAINT_PLAIN, "%.2f ms", json_real_value(jitter));
        else if (!label)
                table_cell(table, PAINT_PLAIN, "-");
        if (json_is_real(loss))
                table_cell(table, json_real_value(loss) > 0 ? PAINT_WARNING : PAINT_PLAIN, "%s%.0f %%",
                           label ? "loss " : "", json_real_value(loss) * 100);
        else
                table_cell(table, PAINT_PLAIN, "-");
        if (optional(path, "reason")[0])
                table_note(table, "%s", optional(path, "reason"));
}

int list_paths(const json_t *picture, const char *label)
{
        static const char *const headings[] = { "PATH",  "KIND",       "DEVICE", "STATE",
                                                "HEARD", "ROUND TRIP", "JITTER", "LOSS" };
        static const char *const labelled[] = { "",      "path",  "kind",       "device",
                                                "state", "heard", "round trip", "loss" };
        const json_t *paths = json_object_get(picture, "paths");
        _cleanup_(table_freep) Table *table = NULL;
        const json_t *path;
        size_t i;

        if (json_array_size(paths) == 0)
                return print_empty(picture, label, "hbd");

        table = label ? table_new(labelled, ARRAY_SIZE(labelled))
                      : table_new(headings, ARRAY_SIZE(headings));
        if (!table)
                return -ENOMEM;

        json_array_foreach(paths, i, path) path_line(table, path, label && i > 0 ? "" : label);

        return table_print(table);
}

static Paint paint_of_vip(const char *state)
{
        if (strcmp(state, "held") == 0)
                return PAINT_GOOD;
        if (strcmp(state, "absent") == 0)
                return PAINT_PLAIN;
        return strcmp(state, "disabled") == 0 ? PAINT_FAINT : PAINT_BAD;
}

/* The address and, in a table of its own, the aliases below it; in the short form only how many there are.
 */
static void vip_address(Table *table, const json_t *vip, const char *label)
{
        size_t n = json_array_size(json_object_get(vip, "aliases"));

        if (label && n > 0)
                table_cell(table, PAINT_PLAIN, "%s +%zu", picture_text(vip, "address"), n);
        else
                table_cell(table, PAINT_PLAIN, "%s", picture_text(vip, "address"));
}

static void vip_line(Table *table, const json_t *vip, const char *label)
{
        const json_t *announced = json_object_get(vip, "announced_age_ms");
        const char *state = picture_text(vip, "state");
        char age[AGE_SIZE];

        table_line(table);
        if (label)
                table_cell(table, PAINT_PLAIN, "%s", label);
        table_cell(table, PAINT_STRONG, "%s", picture_text(vip, "name"));
        vip_address(table, vip, label);
        table_cell(table, PAINT_PLAIN, "%s", dash(picture_text(vip, "device")));
        table_cell(table, paint_of_vip(state), "%s", state);
        table_cell(table, PAINT_PLAIN, "%s%s", label ? "for " : "",
                   format_age(json_object_get(vip, "state_age_ms"), age));
        if (strcmp(state, "absent") == 0)
                table_cell(table, PAINT_PLAIN, "%s", label ? "" : "-");
        else if (json_is_integer(announced))
                table_cell(table, PAINT_PLAIN, "%s%s ago", label ? "announced " : "",
                           format_age(announced, age));
        else
                table_cell(table, PAINT_PLAIN, "%s", label ? "" : "never");
        if (optional(vip, "reason")[0])
                table_note(table, "%s", optional(vip, "reason"));
}

static void alias_lines(Table *table, const json_t *vip)
{
        const json_t *aliases = json_object_get(vip, "aliases");
        const json_t *alias;
        size_t i;

        json_array_foreach(aliases, i, alias)
        {
                table_line(table);
                table_cell(table, PAINT_PLAIN, "%s", "");
                table_cell(table, PAINT_PLAIN, "%s", json_string_value(alias));
        }
}

int list_vips(const json_t *picture, const char *label)
{
        static const char *const headings[] = { "VIRTUAL IP", "ADDRESS", "DEVICE",
                                                "STATE",      "FOR",     "ANNOUNCED" };
        static const char *const labelled[] = { "",      "virtual ip", "address",  "device",
                                                "state", "for",        "announced" };
        const json_t *vips = json_object_get(picture, "vips");
        _cleanup_(table_freep) Table *table = NULL;
        const json_t *vip;
        size_t i;

        if (json_array_size(vips) == 0)
                return print_empty(picture, label, "vipd");

        table = label ? table_new(labelled, ARRAY_SIZE(labelled))
                      : table_new(headings, ARRAY_SIZE(headings));
        if (!table)
                return -ENOMEM;

        json_array_foreach(vips, i, vip)
        {
                vip_line(table, vip, label && i > 0 ? "" : label);
                if (!label)
                        alias_lines(table, vip);
        }

        return table_print(table);
}

int list_errors(const json_t *picture, const char *label)
{
        const json_t *errors = json_object_get(picture, "errors");
        int indent = label ? 11 : 0;
        const json_t *error;
        size_t i;

        if (json_array_size(errors) == 0)
                return print_empty(picture, label, "electd");

        json_array_foreach(errors, i, error)
        {
                const json_t *since = json_object_get(error, "age_ms");
                bool warning = strcmp(picture_text(error, "severity"), "warning") == 0;
                char age[AGE_SIZE];

                if (label)
                        printf("%9s  ", i == 0 ? label : "");
                printf("%s%s %s%s: %s", term_paint(warning ? PAINT_WARNING : PAINT_BAD), term_bullet(),
                       warning ? "warning" : "error", term_paint(PAINT_PLAIN),
                       picture_text(error, "message"));
                if (json_is_integer(since))
                        printf(" (for %s)", format_age(since, age));
                printf("\n%*s  %s %s\n", indent, "", term_arrow(), picture_text(error, "remedy"));
        }

        return 0;
}

static ExitStatus show(const Verb *verb, const char *key, ListPrinter print, bool as_json)
{
        _cleanup_(json_decrefp) json_t *picture = NULL;
        _cleanup_(client_freep) Client *client = NULL;
        ExitStatus status;
        int r;

        r = client_new(&client);
        if (r < 0)
                return verb_failed(verb, r);

        status = picture_take(client, &picture);
        if (!picture)
                return verb_failed(verb, -ENOMEM);

        if (status == STATUS_NOT_RUNNING)
                return verb_not_running(verb);

        if (as_json)
                r = json_dumpf(json_object_get(picture, key), stdout,
                               JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0
                                    ? -EIO
                                    : 0;
        else
                r = print(picture, NULL);
        if (as_json)
                putchar('\n');

        return r < 0 ? verb_failed(verb, r) : status;
}

ExitStatus list_verb(const Verb *verb, int argc, char *argv[], const char *key, ListPrinter print)
{
        static const struct option options[] = {
                { "json", no_argument, NULL, 'j' },
                {},
        };
        bool as_json = false;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c != 'j')
                        return verb_usage(verb);
                as_json = true;
        }

        if (optind < argc) {
                fprintf(stderr, "hapair %s: takes no argument '%s'\n", verb->name, argv[optind]);
                return verb_usage(verb);
        }

        return show(verb, key, print, as_json);
}
