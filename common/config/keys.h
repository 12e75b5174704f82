/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of the configuration: each kind of section with its keys, their types, ranges and defaults. The
 * loader, the listing and the digest all walk these, so that a key cannot be known to one and not to
 * another.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum KeyType {
        KEY_BOOL,         /* bool */
        KEY_NUMBER,       /* uint64_t, from min to max */
        KEY_DURATION,     /* uint64_t usec; min, max and the text are in units of `unit` usec */
        KEY_CHOICE,       /* an enum whose constants are the indexes into `choices` */
        KEY_STRING,       /* char *, which `valid` accepts */
        KEY_ADDRESS,      /* IpAddress */
        KEY_ADDRESS_LIST, /* GArray * of IpAddress, at most max */
} KeyType;

typedef struct KeySpec {
        const char *name;
        KeyType type;
        size_t offset;        /* of the field in the section's struct */
        const char *fallback; /* the default, as it would stand in the file; NULL: none, the key is empty */
        bool required;
        bool local;        /* may stand in local.conf too, which then wins */
        bool no_prefix;    /* an address that makes no sense with a prefix length */
        uint64_t min, max; /* KEY_DURATION: usec */
        uint64_t unit;     /* KEY_DURATION: usec */
        const char *const *choices;
        bool (*valid)(const char *text);
        const char *rule; /* what `valid` or the range asks for, in words */
} KeySpec;

typedef struct SectionSpec {
        const char *kind;
        bool named;    /* [Kind name], any number up to max; else [Kind], once */
        size_t offset; /* in Config: of the struct, or of the GPtrArray * of structs */
        size_t size;   /* of the struct of a named section */
        unsigned max;
        bool (*name_valid)(const char *name);
        const char *name_rule;
        const KeySpec *keys; /* ended by one without a name */
} SectionSpec;

/* Ended by one without a kind; in the order of the manual. */
extern const SectionSpec section_specs[];
