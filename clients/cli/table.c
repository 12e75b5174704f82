/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See table.h. */
#include "table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>

#define LABEL_WIDTH 9

struct Table {
        struct libscols_table *scols;
        struct libscols_line *line;
        size_t column;
        int error;
};

static int add_columns(struct libscols_table *scols, const char *const headings[], size_t n)
{
        for (size_t i = 0; i < n; i++) {
                bool label = i == 0 && headings[0][0] == '\0';
                int flags = label ? SCOLS_FL_RIGHT : i == n - 1 ? SCOLS_FL_WRAP : 0;

                if (!scols_table_new_column(scols, headings[i], label ? LABEL_WIDTH : 0, flags))
                        return -ENOMEM;
        }

        return 0;
}

Table *table_new(const char *const headings[], size_t n)
{
        _cleanup_(table_freep) Table *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;
        table->scols = scols_new_table();
        if (!table->scols || add_columns(table->scols, headings, n) < 0)
                return NULL;
        if (scols_table_set_column_separator(table->scols, "  ") < 0)
                return NULL;

        scols_table_enable_colors(table->scols, term_has_colors());
        scols_table_enable_noheadings(table->scols, headings[0][0] == '\0');
        return TAKE_PTR(table);
}

Table *table_free(Table *table)
{
        if (!table)
                return NULL;

        scols_unref_table(table->scols);
        free(table);
        return NULL;
}

void table_line(Table *table)
{
        table->line = scols_table_new_line(table->scols, NULL);
        table->column = 0;
        if (!table->line)
                table->error = -ENOMEM;
}

void table_cell(Table *table, Paint paint, const char *format, ...)
{
        struct libscols_cell *cell;
        va_list arguments;
        char *text;
        int n;

        if (!table->line)
                return;

        va_start(arguments, format);
        n = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (n < 0) {
                table->error = -ENOMEM;
                return;
        }

        cell = scols_line_get_cell(table->line, table->column++);
        if (!cell || scols_cell_refer_data(cell, text) < 0) {
                free(text);
                table->error = -EINVAL;
                return;
        }

        if (paint != PAINT_PLAIN && scols_cell_set_color(cell, term_paint(paint)) < 0)
                table->error = -ENOMEM;
}

int table_print(Table *table)
{
        if (table->error < 0)
                return table->error;

        return scols_print_table(table->scols);
}
