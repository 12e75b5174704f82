/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables for people, drawn by libsmartcols: columns as wide as their contents, colours only on a terminal,
 * nothing cut off (a terminal that is too narrow wraps by itself). They are filled cell by cell; what fails
 * for want of memory is told once, by table_print().
 */
#pragma once

#include "common/base/macros.h"
#include "term.h"

typedef struct Table Table;

/* A table comes in two forms: whole, below headings, or as a labelled block of a page, shorter. */
typedef struct TableColumn {
        const char *heading;
        const char *word; /* what stands before each cell of the block instead of the heading; NULL: nothing
                           */
        bool whole_only;  /* the block does without it */
} TableColumn;

/* The block when there is a label, which stands before its first line; else the whole table. */
Table *table_new(const TableColumn columns[], size_t n, const char *label);
Table *table_free(Table *table);

void table_line(Table *table);

/* The next column of the line that was begun last; "-" when it comes to nothing. */
_printf_(3, 4) void table_cell(Table *table, Paint paint, const char *format, ...);

/* Stands below the line that was begun last, over the whole width: a sentence would burst any column. */
_printf_(2, 3) void table_note(Table *table, const char *format, ...);

/* To standard output. */
_must_check_ int table_print(Table *table);

static inline void table_freep(Table **table)
{
        table_free(*table);
}
