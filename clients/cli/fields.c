/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See fields.h. */
#include "fields.h"

#include <errno.h>

#include "common/base/clock.h"

static json_t *draw_age(uint64_t now, json_int_t then)
{
        return then > 0 ? json_integer(MAX_OF((json_int_t) now - then, (json_int_t) 0) / 1000) : json_null();
}

static json_t *draw_hex(const json_t *value)
{
        return json_integer_value(value) != 0
                               ? json_sprintf("%016llX", (unsigned long long) json_integer_value(value))
                               : json_null();
}

/* A new reference; what is missing or of another type is unknown. */
static json_t *draw_field(uint64_t usec, FieldKind kind, json_t *value)
{
        json_int_t number = json_integer_value(value);

        switch (kind) {
        case FIELD_TEXT:
                return json_is_string(value) ? json_incref(value) : json_string("unknown");
        case FIELD_NUMBER:
                return json_is_integer(value) && number >= 0 ? json_incref(value) : json_null();
        case FIELD_REAL:
                return json_is_real(value) ? json_incref(value) : json_null();
        case FIELD_FLAG:
                return json_is_boolean(value) ? json_incref(value) : json_null();
        case FIELD_LIST:
                return json_is_array(value) ? json_incref(value) : json_array();
        case FIELD_AGE:
                return draw_age(usec, number);
        case FIELD_DURATION:
                return number > 0 ? json_real((double) number / 1000) : json_null();
        case FIELD_SPAN:
                return json_is_integer(value) && number >= 0 ? json_integer(number / 1000) : json_null();
        case FIELD_WALL_AGE:
                return draw_age(clock_usec(CLOCK_REALTIME), number);
        case FIELD_HEX:
                return draw_hex(value);
        }

        return json_null();
}

int fields_draw(uint64_t usec, const Field *fields, size_t n, const json_t *properties, json_t *object)
{
        for (size_t i = 0; i < n; i++) {
                json_t *value = json_object_get(properties, fields[i].property);

                if (json_object_set_new(object, fields[i].name, draw_field(usec, fields[i].kind, value)) < 0)
                        return -ENOMEM;
        }

        return 0;
}
