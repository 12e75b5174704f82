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
        const TableColumn *columns;
        const char *label; /* NULL: the whole table; else the label of the next line */
        struct libscols_line *line;
        size_t n_lines;
        size_t column;
        size_t cell; /* of the line: columns that the block does without have none */
        Note *notes; /* the last one first */
        int error;
};

static int add_columns(const Table *table, size_t n)
{
        if (table->label && !scols_table_new_column(table->scols, "", LABEL_WIDTH, SCOLS_FL_RIGHT))
                return -ENOMEM;

        for (size_t i = 0; i < n; i++)
                if (!(table->label && table->columns[i].whole_only) &&
                    !scols_table_new_column(table->scols, table->columns[i].heading, 0, 0))
                        return -ENOMEM;

        return 0;
}

Table *table_new(const TableColumn columns[], size_t n, const char *label)
{
        _cleanup_(table_freep) Table *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;
        table->columns = columns;
        table->label = label;
        table->scols = scols_new_table();
        if (!table->scols || add_columns(table, n) < 0)
                return NULL;
        if (scols_table_set_column_separator(table->scols, "  ") < 0)
                return NULL;

        scols_table_enable_colors(table->scols, term_has_colors());
        scols_table_enable_noheadings(table->scols, label ? 1 : 0);
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

/* Takes over the text. */
static void set_cell(Table *table, Paint paint, char *text)
{
        struct libscols_cell *cell = scols_line_get_cell(table->line, table->cell++);

        if (!cell || scols_cell_refer_data(cell, text) < 0) {
                free(text);
                table->error = -EINVAL;
                return;
        }

        if (paint != PAINT_PLAIN && scols_cell_set_color(cell, term_paint(paint)) < 0)
                table->error = -ENOMEM;
}

void table_line(Table *table)
{
        table->line = scols_table_new_line(table->scols, NULL);
        table->column = 0;
        table->cell = 0;
        table->n_lines++;
        if (!table->line) {
                table->error = -ENOMEM;
                return;
        }

        if (table->label) {
                char *label = strdup(table->label);

                if (label)
                        set_cell(table, PAINT_PLAIN, label);
                table->label = "";
        }
}

/* A hole in a table looks like a mistake. */
_printf_(2, 0) static int write_cell(const char *word, const char *format, va_list arguments,
                                     char **ret_text)
{
        _cleanup_(freep) char *text = NULL;

        if (vasprintf(&text, format, arguments) < 0)
                return -ENOMEM;
        if (text[0] == '\0' || strcmp(text, "-") == 0 || strcmp(text, "never") == 0)
                word = NULL;

        return asprintf(ret_text, "%s%s%s", word ? word : "", word ? " " : "", text[0] ? text : "-") < 0
                               ? -ENOMEM
                               : 0;
}

void table_cell(Table *table, Paint paint, const char *format, ...)
{
        const TableColumn *column = &table->columns[table->column++];
        va_list arguments;
        char *text;
        int r;

        if (!table->line || (table->label && column->whole_only))
                return;

        va_start(arguments, format);
        r = write_cell(table->label ? column->word : NULL, format, arguments, &text);
        va_end(arguments);
        if (r < 0)
                table->error = r;
        else
                set_cell(table, paint, text);
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
        int indent = table->label ? LABEL_WIDTH + 4 : 2;

        for (const Note *note = table->notes; note; note = note->next)
                if (note->line == line)
                        printf("%*s%s\n", indent, "", note->text);
}

int table_print(Table *table)
{
        _cleanup_(freep) char *drawn = NULL;
        size_t line = table->label ? 1 : 0; /* the headings are line 0 */
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
