/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a property of a daemon becomes a field of the picture: by its kind, so that an age is one everywhere,
 * and what is missing or of another type is unknown everywhere.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

typedef enum FieldKind {
        FIELD_TEXT,
        FIELD_NUMBER,
        FIELD_REAL,
        FIELD_FLAG,
        FIELD_LIST,
        FIELD_AGE,      /* a CLOCK_BOOTTIME time as milliseconds ago; 0 means never */
        FIELD_DURATION, /* microseconds as milliseconds with a fraction; 0 means unknown */
        FIELD_SPAN,     /* microseconds as whole milliseconds */
        FIELD_WALL_AGE, /* as FIELD_AGE, of CLOCK_REALTIME */
        FIELD_HEX,      /* an identifier; 0 means unknown */
} FieldKind;

/* Which property becomes which field of the picture. */
typedef struct Field {
        const char *name;
        const char *property;
        FieldKind kind;
} Field;

/*
 * Sets every field in `object` from its property, as it was at `usec` (CLOCK_BOOTTIME). `properties` may be
 * NULL: nothing is known then. -ENOMEM.
 */
_must_check_ int fields_draw(uint64_t usec, const Field *fields, size_t n, const json_t *properties,
                             json_t *object);
