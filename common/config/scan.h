/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first look at a configuration file: its lines, sections and entries, with line numbers. It finds what
 * GKeyFile takes silently and an administrator did not mean: a section or key that stands there twice, a
 * comment behind a value, a stray line. It knows nothing of which keys there are.
 */
#pragma once

#include <glib.h>

typedef struct ScanSection {
        char *header; /* as between the brackets: "General", "VirtualIP lan" */
        char *kind;   /* "VirtualIP" */
        char *name;   /* "lan", or "" */
        unsigned line;
} ScanSection;

typedef struct ScanEntry {
        const ScanSection *section;
        char *key;
        char *raw; /* the value as it stands in the file, without the blanks around it */
        unsigned line;
} ScanEntry;

typedef struct Scan {
        char *file;                /* the path, as messages name it */
        GPtrArray *sections;       /* ScanSection, in the order of the file, none twice */
        GPtrArray *entries;        /* ScanEntry, in the order of the file, no key twice in a section */
        GHashTable *section_index; /* header to ScanSection */
        GHashTable *entry_index;   /* "header\nkey" to ScanEntry */
} Scan;

/* Never fails: what is wrong is added to `problems`, what is right is in the result. `text` needs no NUL. */
Scan *scan_text(const char *file, const char *text, size_t length, GPtrArray *problems);

Scan *scan_free(Scan *scan);

/* NULL when there is none. */
const ScanEntry *scan_find(const Scan *scan, const char *header, const char *key);
const ScanSection *scan_find_section(const Scan *scan, const char *header);
