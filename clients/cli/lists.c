/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See lists.h. */
#include "lists.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

static void path_line(Table *table, const json_t *path)
{
        const json_t *heard = json_object_get(path, "age_ms");
        const json_t *loss = json_object_get(path, "loss");
        const char *state = picture_text(path, "state");
        char text[AGE_SIZE];

        table_line(table);
        table_cell(table, PAINT_STRONG, "%s", picture_text(path, "name"));
        table_cell(table, PAINT_PLAIN, "%s", picture_text(path, "kind"));
        table_cell(table, PAINT_PLAIN, "%s", picture_text(path, "device"));
        table_cell(table, paint_of_path(state), "%s", state);
        table_cell(table, PAINT_PLAIN, "%s", format_ago(heard, text));
        table_cell(table, PAINT_PLAIN, "%s", format_ms(json_object_get(path, "round_trip_ms"), text));
        table_cell(table, PAINT_PLAIN, "%s", format_ms(json_object_get(path, "jitter_ms"), text));
        if (json_is_real(loss))
                table_cell(table, json_real_value(loss) > 0 ? PAINT_WARNING : PAINT_PLAIN, "%.0f %%",
                           json_real_value(loss) * 100);
        else
                table_cell(table, PAINT_PLAIN, "-");
        if (optional(path, "reason")[0])
                table_note(table, "%s", optional(path, "reason"));
}

int list_paths(const json_t *picture, const char *label)
{
        static const TableColumn columns[] = {
                { "PATH", NULL, false },      { "KIND", NULL, false },     { "DEVICE", NULL, false },
                { "STATE", NULL, false },     { "HEARD", "heard", false }, { "ROUND TRIP", "rtt", false },
                { "JITTER", "jitter", true }, { "LOSS", "loss", false },
        };
        const json_t *paths = json_object_get(picture, "paths");
        _cleanup_(table_freep) Table *table = NULL;
        const json_t *path;
        size_t i;

        if (json_array_size(paths) == 0)
                return print_empty(picture, label, "hbd");

        table = table_new(columns, ARRAY_SIZE(columns), label);
        if (!table)
                return -ENOMEM;

        json_array_foreach(paths, i, path) path_line(table, path);

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

static void vip_line(Table *table, const json_t *vip, bool with_aliases)
{
        size_t n = json_array_size(json_object_get(vip, "aliases"));
        const char *state = picture_text(vip, "state");
        char text[AGE_SIZE];

        table_line(table);
        table_cell(table, PAINT_STRONG, "%s", picture_text(vip, "name"));
        if (with_aliases || n == 0)
                table_cell(table, PAINT_PLAIN, "%s", picture_text(vip, "address"));
        else
                table_cell(table, PAINT_PLAIN, "%s +%zu", picture_text(vip, "address"), n);
        table_cell(table, PAINT_PLAIN, "%s", picture_text(vip, "device"));
        table_cell(table, paint_of_vip(state), "%s", state);
        table_cell(table, PAINT_PLAIN, "%s", format_age(json_object_get(vip, "state_age_ms"), text));
        table_cell(table, PAINT_PLAIN, "%s",
                   strcmp(state, "absent") == 0
                                   ? "-"
                                   : format_ago(json_object_get(vip, "announced_age_ms"), text));
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
                table_cell(table, PAINT_PLAIN, " ");
                table_cell(table, PAINT_PLAIN, "%s", json_string_value(alias));
        }
}

int list_vips(const json_t *picture, const char *label)
{
        static const TableColumn columns[] = {
                { "VIRTUAL IP", NULL, false }, { "ADDRESS", NULL, false },
                { "DEVICE", NULL, false },     { "STATE", NULL, false },
                { "FOR", "for", false },       { "ANNOUNCED", "announced", false },
        };
        const json_t *vips = json_object_get(picture, "vips");
        _cleanup_(table_freep) Table *table = NULL;
        const json_t *vip;
        size_t i;

        if (json_array_size(vips) == 0)
                return print_empty(picture, label, "vipd");

        table = table_new(columns, ARRAY_SIZE(columns), label);
        if (!table)
                return -ENOMEM;

        json_array_foreach(vips, i, vip)
        {
                vip_line(table, vip, !label);
                if (!label)
                        alias_lines(table, vip);
        }

        return table_print(table);
}

static Paint paint_of_service(const json_t *service)
{
        const char *state = picture_text(service, "state");

        if (strcmp(state, "running") == 0)
                return PAINT_GOOD;
        if (strcmp(state, "stopped") == 0)
                return PAINT_PLAIN;
        return strcmp(state, "starting") == 0 || strcmp(state, "stopping") == 0 ? PAINT_WARNING : PAINT_BAD;
}

static void service_line(Table *table, const json_t *service)
{
        const json_t *units = json_object_get(service, "units"), *unit;
        char text[AGE_SIZE], names[256] = "";
        size_t i, n = 0;

        json_array_foreach(units, i, unit)
        {
                n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%s", i > 0 ? " " : "",
                                       json_string_value(unit) ?: "");
                n = MIN_OF(n, sizeof(names) - 1);
        }
        table_line(table);
        table_cell(table, PAINT_STRONG, "%s", picture_text(service, "name"));
        table_cell(table, PAINT_PLAIN, "%s", picture_text(service, "start"));
        table_cell(table, paint_of_service(service), "%s", picture_text(service, "state"));
        table_cell(table, PAINT_PLAIN, "%s", format_age(json_object_get(service, "state_age_ms"), text));
        table_cell(table, PAINT_PLAIN, "%" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(service, "failures")));
        table_cell(table, PAINT_PLAIN, "%s", names);
        if (optional(service, "problem")[0])
                table_note(table, "%s", optional(service, "problem"));
}

int list_services(const json_t *picture, const char *label)
{
        static const TableColumn columns[] = {
                { "SERVICE", NULL, false }, { "RUNS ON", NULL, false },       { "STATE", NULL, false },
                { "FOR", "for", false },    { "FAILURES", "failures", true }, { "UNITS", NULL, false },
        };
        const json_t *services = json_object_get(picture, "services");
        _cleanup_(table_freep) Table *table = NULL;
        const json_t *service;
        size_t i;

        if (json_array_size(services) == 0)
                return print_empty(picture, label, "svcmand");

        table = table_new(columns, ARRAY_SIZE(columns), label);
        if (!table)
                return -ENOMEM;

        json_array_foreach(services, i, service) service_line(table, service);

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
