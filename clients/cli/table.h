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

/* With headings; without any when the first is "", which makes the first column one of labels, set right. */
Table *table_new(const char *const headings[], size_t n);
Table *table_free(Table *table);

void table_line(Table *table);

/* The next column of the line that was begun last. */
_printf_(3, 4) void table_cell(Table *table, Paint paint, const char *format, ...);

/* Stands below the line that was begun last, over the whole width: a sentence would burst any column. */
_printf_(2, 3) void table_note(Table *table, const char *format, ...);

/* To standard output. */
_must_check_ int table_print(Table *table);

static inline void table_freep(Table **table)
{
        table_free(*table);
}
