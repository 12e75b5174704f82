/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first look at a configuration file; see scan.h. */
#include "scan.h"

#include <stdbool.h>
#include <string.h>

#include "problem.h"

typedef struct Scanner {
        Scan *scan;
        GPtrArray *problems;
        const ScanSection *section; /* the one that entries belong to now, NULL before the first */
        bool skipping;              /* the last header was wrong: its entries belong nowhere */
        unsigned line;
} Scanner;

static void section_free(void *data)
{
        ScanSection *section = data;

        g_free(section->header);
        g_free(section->kind);
        g_free(section->name);
        g_free(section);
}

static void entry_free(void *data)
{
        ScanEntry *entry = data;

        g_free(entry->key);
        g_free(entry->raw);
        g_free(entry);
}

Scan *scan_free(Scan *scan)
{
        if (!scan)
                return NULL;

        g_hash_table_unref(scan->entry_index);
        g_hash_table_unref(scan->section_index);
        g_ptr_array_unref(scan->entries);
        g_ptr_array_unref(scan->sections);
        g_free(scan->file);
        g_free(scan);
        return NULL;
}

const ScanEntry *scan_find(const Scan *scan, const char *header, const char *key)
{
        g_autofree char *id = g_strdup_printf("%s\n%s", header, key);

        return g_hash_table_lookup(scan->entry_index, id);
}

const ScanSection *scan_find_section(const Scan *scan, const char *header)
{
        return g_hash_table_lookup(scan->section_index, header);
}

static void complain(Scanner *s, const char *key, const char *value, const char *rule)
{
        problems_add(s->problems, PROBLEM_ERROR, s->scan->file, s->line,
                     s->section && !s->skipping ? s->section->header : NULL, key, value, "%s", rule);
}

/* "Kind" or "Kind name", one blank between. */
static bool header_is_valid(const char *header)
{
        const char *p = header;

        while (g_ascii_isalnum(*p))
                p++;

        if (p == header)
                return false;
        if (*p == '\0')
                return true;
        if (*p != ' ')
                return false;

        for (p++; *p; p++)
                if (!g_ascii_isgraph(*p) || strchr("[]\"'", *p))
                        return false;

        return p[-1] != ' ';
}

/* Says which of the two things that go wrong in a header went wrong. */
static void complain_header(Scanner *s, const char *text)
{
        const char *bracket = strchr(text, ']');

        s->section = NULL;
        s->skipping = true;

        if (bracket && strpbrk(bracket, "#;"))
                complain(s, NULL, NULL, "a comment must stand on a line of its own, not behind a section");
        else
                complain(s, NULL, NULL,
                         "is no section: write [Kind] or [Kind name], the name without blanks and quotes");
}

static void scan_header(Scanner *s, char *text)
{
        size_t n = strlen(text);
        const ScanSection *before;
        ScanSection *section;
        char *blank;

        if (text[n - 1] != ']') {
                complain_header(s, text);
                return;
        }

        text[n - 1] = '\0';
        if (!header_is_valid(text + 1)) {
                text[n - 1] = ']';
                complain_header(s, text);
                return;
        }

        s->skipping = false;
        before = scan_find_section(s->scan, text + 1);
        if (before) {
                s->section = before;
                problems_add(s->problems, PROBLEM_ERROR, s->scan->file, s->line, before->header, NULL, NULL,
                             "stands there twice, first in line %u", before->line);
                return;
        }

        section = g_new0(ScanSection, 1);
        section->header = g_strdup(text + 1);
        blank = strchr(section->header, ' ');
        section->kind = blank ? g_strndup(section->header, (gsize) (blank - section->header))
                              : g_strdup(section->header);
        section->name = g_strdup(blank ? blank + 1 : "");
        section->line = s->line;
        g_ptr_array_add(s->scan->sections, section);
        g_hash_table_insert(s->scan->section_index, section->header, section);
        s->section = section;
}

static bool key_is_valid(const char *key)
{
        for (const char *p = key; *p; p++)
                if (!g_ascii_isalnum(*p))
                        return false;

        return key[0] != '\0';
}

/* GKeyFile would make the comment a part of the value. A list may have blanks behind a semicolon only. */
static char *find_comment(char *value)
{
        for (char *p = value; *p; p++)
                if ((*p == '#' || *p == ';') && (p == value || g_ascii_isspace(p[-1])))
                        return p;

        return NULL;
}

static void store_entry(Scanner *s, const char *key, const char *value)
{
        g_autofree char *id = g_strdup_printf("%s\n%s", s->section->header, key);
        const ScanEntry *before = g_hash_table_lookup(s->scan->entry_index, id);
        ScanEntry *entry;

        if (before) {
                problems_add(s->problems, PROBLEM_ERROR, s->scan->file, s->line, s->section->header, key,
                             value, "stands there twice, first in line %u", before->line);
                return;
        }

        entry = g_new0(ScanEntry, 1);
        entry->section = s->section;
        entry->key = g_strdup(key);
        entry->raw = g_strdup(value);
        entry->line = s->line;
        g_ptr_array_add(s->scan->entries, entry);
        g_hash_table_insert(s->scan->entry_index, g_steal_pointer(&id), entry);
}

static void scan_entry(Scanner *s, char *text)
{
        char *equals = strchr(text, '=');
        char *key, *value, *comment;

        if (!equals) {
                complain(s, NULL, NULL, "is no section, no Key=Value and no comment (these begin with #)");
                return;
        }

        *equals = '\0';
        key = g_strstrip(text);
        value = g_strstrip(equals + 1);

        if (!key_is_valid(key)) {
                complain(s, NULL, NULL, "the key before the = must be one word of letters and digits");
                return;
        }

        if (s->skipping)
                return;

        if (!s->section) {
                complain(s, key, value, "stands before the first section");
                return;
        }

        /* What stands before the comment is judged all the same. */
        comment = find_comment(value);
        if (comment) {
                complain(s, key, value, "a comment must stand on a line of its own, not behind a value");
                *comment = '\0';
        }

        store_entry(s, key, g_strchomp(value));
}

static bool has_control_character(const char *text)
{
        for (const char *p = text; *p; p++)
                if (g_ascii_iscntrl(*p) && *p != '\t')
                        return true;

        return false;
}

static void scan_line(Scanner *s, const char *start, size_t length)
{
        g_autofree char *line = NULL;
        char *text;

        if (!g_utf8_validate(start, (gssize) length, NULL)) {
                complain(s, NULL, NULL, "the line is no valid UTF-8 text");
                return;
        }

        line = g_strndup(start, length);
        text = g_strstrip(line);

        if (text[0] == '\0' || text[0] == '#')
                return;

        if (has_control_character(text))
                complain(s, NULL, NULL, "the line holds a control character");
        else if (text[0] == '[')
                scan_header(s, text);
        else
                scan_entry(s, text);
}

Scan *scan_text(const char *file, const char *text, size_t length, GPtrArray *problems)
{
        Scan *scan = g_new0(Scan, 1);
        Scanner s = { .scan = scan, .problems = problems };
        const char *end = text + length;

        scan->file = g_strdup(file);
        scan->sections = g_ptr_array_new_with_free_func(section_free);
        scan->entries = g_ptr_array_new_with_free_func(entry_free);
        scan->section_index = g_hash_table_new(g_str_hash, g_str_equal);
        scan->entry_index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (const char *p = text; p < end;) {
                const char *newline = memchr(p, '\n', (size_t) (end - p));
                const char *stop = newline ? newline : end;

                s.line++;
                scan_line(&s, p, (size_t) (stop - p));
                p = newline ? newline + 1 : end;
        }

        return scan;
}
