/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See table.h. */
#include "table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LABEL_WIDTH 9

typedef struct Note {
        struct Note *next;
        size_t line;
        char *text;
} Note;

struct Table {
        struct libscols_table *scols;
        struct libscols_line *line;
        size_t n_lines;
        size_t column;
        bool labelled;
        Note *notes; /* the last one first */
        int error;
};

static int add_columns(struct libscols_table *scols, const char *const headings[], size_t n, bool labelled)
{
        for (size_t i = 0; i < n; i++) {
                bool label = labelled && i == 0;

                if (!scols_table_new_column(scols, headings[i], label ? LABEL_WIDTH : 0,
                                            label ? SCOLS_FL_RIGHT : 0))
                        return -ENOMEM;
        }

        return 0;
}

Table *table_new(const char *const headings[], size_t n)
{
        _cleanup_(table_freep) Table *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;
        table->labelled = headings[0][0] == '\0';
        table->scols = scols_new_table();
        if (!table->scols || add_columns(table->scols, headings, n, table->labelled) < 0)
                return NULL;
        if (scols_table_set_column_separator(table->scols, "  ") < 0)
                return NULL;

        scols_table_enable_colors(table->scols, term_has_colors());
        scols_table_enable_noheadings(table->scols, table->labelled);
        scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_NEVER);
        return TAKE_PTR(table);
}

Table *table_free(Table *table)
{
        if (!table)
                return NULL;

        while (table->notes) {
                Note *note = table->notes;

                table->notes = note->next;
                free(note->text);
                free(note);
        }
        scols_unref_table(table->scols);
        free(table);
        return NULL;
}

void table_line(Table *table)
{
        table->line = scols_table_new_line(table->scols, NULL);
        table->column = 0;
        table->n_lines++;
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

void table_note(Table *table, const char *format, ...)
{
        Note *note = calloc(1, sizeof(*note));
        va_list arguments;

        if (!note) {
                table->error = -ENOMEM;
                return;
        }

        va_start(arguments, format);
        if (vasprintf(&note->text, format, arguments) < 0)
                note->text = NULL;
        va_end(arguments);
        if (!note->text) {
                free(note);
                table->error = -ENOMEM;
                return;
        }

        note->line = table->n_lines;
        note->next = table->notes;
        table->notes = note;
}

static void print_note(const Table *table, size_t line)
{
        int indent = table->labelled ? LABEL_WIDTH + 4 : 2;

        for (const Note *note = table->notes; note; note = note->next)
                if (note->line == line)
                        printf("%*s%s\n", indent, "", note->text);
}

int table_print(Table *table)
{
        _cleanup_(freep) char *drawn = NULL;
        size_t line = table->labelled ? 1 : 0; /* the headings are line 0 */
        char *rest, *text;
        int r;

        if (table->error < 0)
                return table->error;

        r = scols_print_table_to_string(table->scols, &drawn);
        if (r < 0)
                return r;

        for (rest = drawn; (text = strsep(&rest, "\n")) && (rest || text[0]); line++) {
                puts(text);
                print_note(table, line);
        }

        return 0;
}
