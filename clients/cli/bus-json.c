/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See bus-json.h. Values nest no deeper than D-Bus itself allows (64), which bounds the recursion. */
#include "bus-json.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

typedef union BasicValue {
        uint8_t byte;
        int boolean;
        int16_t int16;
        uint16_t uint16;
        int32_t int32;
        uint32_t uint32;
        int64_t int64;
        uint64_t uint64;
        double real;
        const char *text;
} BasicValue;

static json_t *basic_to_json(char type, const BasicValue *value)
{
        switch (type) {
        case SD_BUS_TYPE_BYTE:
                return json_integer(value->byte);
        case SD_BUS_TYPE_BOOLEAN:
                return json_boolean(value->boolean);
        case SD_BUS_TYPE_INT16:
                return json_integer(value->int16);
        case SD_BUS_TYPE_UINT16:
                return json_integer(value->uint16);
        case SD_BUS_TYPE_INT32:
                return json_integer(value->int32);
        case SD_BUS_TYPE_UINT32:
                return json_integer(value->uint32);
        case SD_BUS_TYPE_INT64:
                return json_integer(value->int64);
        case SD_BUS_TYPE_UINT64:
                return json_integer((json_int_t) value->uint64);
        case SD_BUS_TYPE_DOUBLE:
                return json_real(value->real);
        case SD_BUS_TYPE_STRING:
        case SD_BUS_TYPE_OBJECT_PATH:
        case SD_BUS_TYPE_SIGNATURE:
                return json_string(value->text);
        default:
                return NULL; /* a file descriptor has no place in JSON */
        }
}

static int read_basic(sd_bus_message *m, char type, json_t **ret)
{
        BasicValue value = {};
        json_t *json;
        int r;

        r = sd_bus_message_read_basic(m, type, &value);
        if (r <= 0)
                return r < 0 ? r : -ENXIO;

        json = basic_to_json(type, &value);
        if (!json)
                return -EBADMSG;

        *ret = json;
        return 0;
}

static int read_elements(sd_bus_message *m, json_t *array)
{
        json_t *element;
        int r;

        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                r = bus_json_read(m, &element);
                if (r < 0)
                        return r;
                if (json_array_append_new(array, element) < 0)
                        return -ENOMEM;
        }

        return r < 0 ? r : 0;
}

static int read_entries(sd_bus_message *m, const char *entry, json_t *object)
{
        const char *key;
        json_t *value;
        int r;

        while ((r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, entry)) > 0) {
                r = sd_bus_message_read_basic(m, entry[0], &key);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;

                r = bus_json_read(m, &value);
                if (r < 0)
                        return r;
                if (json_object_set_new(object, key, value) < 0)
                        return -ENOMEM;

                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }

        return r;
}

/* "{sv}" as the contents of an array: a dictionary whose keys are text. Its entry's signature is "sv". */
static bool is_dictionary(const char *contents, char *ret_entry, size_t size)
{
        size_t length = strlen(contents);

        if (length < 4 || contents[0] != SD_BUS_TYPE_DICT_ENTRY_BEGIN || length - 2 >= size)
                return false;
        if (!strchr("sog", contents[1]))
                return false;

        memcpy(ret_entry, contents + 1, length - 2);
        ret_entry[length - 2] = '\0';
        return true;
}

static int read_container(sd_bus_message *m, char type, const char *contents, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *json = NULL;
        char entry[256]; /* a signature is no longer than 255 */
        bool dictionary;
        int r;

        dictionary = type == SD_BUS_TYPE_ARRAY && is_dictionary(contents, entry, sizeof(entry));
        json = dictionary ? json_object() : json_array();
        if (!json)
                return -ENOMEM;

        r = sd_bus_message_enter_container(m, type, contents);
        if (r <= 0)
                return r < 0 ? r : -ENXIO;

        if (type == SD_BUS_TYPE_VARIANT) {
                json_decref(TAKE_PTR(json));
                r = bus_json_read(m, &json);
        } else if (dictionary) {
                r = read_entries(m, entry, json);
        } else {
                r = read_elements(m, json);
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(json);
        return 0;
}

int bus_json_read(sd_bus_message *m, json_t **ret)
{
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r <= 0)
                return r < 0 ? r : -ENXIO;

        return contents ? read_container(m, type, contents, ret) : read_basic(m, type, ret);
}
