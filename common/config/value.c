/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One value of the configuration; see value.h. */
#include "value.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/address.h"

static void *field_of(const KeySpec *key, void *section)
{
        return (char *) section + key->offset;
}

static const void *const_field_of(const KeySpec *key, const void *section)
{
        return (const char *) section + key->offset;
}

static char *parse_bool(const char *text, bool *ret_value)
{
        static const struct {
                const char *word;
                bool value;
        } words[] = {
                { "yes", true }, { "true", true },   { "on", true },
                { "no", false }, { "false", false }, { "off", false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcmp(text, words[i].word) == 0) {
                        *ret_value = words[i].value;
                        return NULL;
                }

        return g_strdup("must be yes, no, true, false, on or off");
}

/* Digits only: no sign, no blank, no hexadecimal; at most 18, which cannot overflow. */
static bool parse_digits(const char *text, size_t n, uint64_t *ret_value)
{
        uint64_t value = 0;

        if (n == 0 || n > 18)
                return false;

        for (size_t i = 0; i < n; i++) {
                if (!g_ascii_isdigit(text[i]))
                        return false;
                value = value * 10 + (uint64_t) (text[i] - '0');
        }

        *ret_value = value;
        return true;
}

static char *parse_number(const KeySpec *key, const char *text, uint64_t *ret_value)
{
        uint64_t value;

        if (!parse_digits(text, strlen(text), &value) || value < key->min || value > key->max ||
            (key->valid && !key->valid(text)))
                return g_strdup_printf("must be %s", key->rule);

        *ret_value = value;
        return NULL;
}

/* "20", "0.03": at most nine digits before the point and six behind it, whatever the locale says. */
static bool parse_decimal(const char *text, uint64_t unit, uint64_t *ret_usec)
{
        const char *point = strchr(text, '.');
        size_t n = point ? (size_t) (point - text) : strlen(text);
        uint64_t whole, fraction = 0, scale = 1;

        if (n > 9 || !parse_digits(text, n, &whole))
                return false;

        if (point) {
                size_t digits = strlen(point + 1);

                if (digits > 6 || !parse_digits(point + 1, digits, &fraction))
                        return false;
                for (size_t i = 0; i < digits; i++)
                        scale *= 10;
        }

        *ret_usec = whole * unit + fraction * unit / scale;
        return true;
}

static char *parse_duration(const KeySpec *key, const char *text, uint64_t *ret_usec)
{
        uint64_t usec;

        if (!parse_decimal(text, key->unit, &usec) || usec < key->min || usec > key->max)
                return g_strdup_printf("must be %s", key->rule);

        *ret_usec = usec;
        return NULL;
}

static char *parse_choice(const KeySpec *key, const char *text, int *ret_value)
{
        g_autofree char *all = NULL;

        for (int i = 0; key->choices[i]; i++)
                if (strcmp(text, key->choices[i]) == 0) {
                        *ret_value = i;
                        return NULL;
                }

        all = g_strjoinv(", ", (char **) key->choices);
        return g_strdup_printf("must be one of %s", all);
}

static char *parse_address(const KeySpec *key, const char *text, IpAddress *ret_address)
{
        IpAddress address;
        const char *reason;
        int r;

        r = ip_address_parse(text, &address);
        if (r == -ERANGE)
                return g_strdup("has no valid prefix length: 1 to 32 for IPv4, 1 to 128 for IPv6");
        if (r < 0)
                return g_strdup("is no IPv4 or IPv6 address");

        if (key->no_prefix && address.prefix_len > 0)
                return g_strdup("must be an address without a prefix length");

        reason = ip_address_unusable(&address);
        if (reason)
                return g_strdup(reason);

        *ret_address = address;
        return NULL;
}

static char *parse_address_list(const KeySpec *key, char *const *elements, GArray **ret_list)
{
        GArray *list = g_array_new(FALSE, FALSE, sizeof(IpAddress));

        for (char *const *element = elements; *element; element++) {
                g_autofree char *rule = NULL;
                IpAddress address;

                rule = parse_address(key, g_strstrip(*element), &address);
                if (!rule && list->len == key->max)
                        rule = g_strdup_printf("must be at most %" PRIu64 " addresses", key->max);
                if (rule) {
                        g_array_unref(list);
                        return (*element)[0] ? g_strdup_printf("%s %s", *element, rule)
                                             : g_strdup("has an empty element");
                }

                g_array_append_val(list, address);
        }

        *ret_list = list;
        return NULL;
}

static char *parse_string(const KeySpec *key, const char *text, char **ret_string)
{
        if (!key->valid(text))
                return g_strdup_printf("must be %s", key->rule);

        g_free(*ret_string);
        *ret_string = g_strdup(text);
        return NULL;
}

char *value_parse(const KeySpec *key, const char *text, char *const *elements, void *section)
{
        void *field = field_of(key, section);

        if (text[0] == '\0') {
                if (key->required)
                        return g_strdup("must not be empty");
                if (key->type == KEY_STRING || key->type == KEY_ADDRESS || key->type == KEY_ADDRESS_LIST) {
                        value_clear(key, section);
                        return NULL;
                }
        }

        switch (key->type) {
        case KEY_BOOL:
                return parse_bool(text, field);
        case KEY_NUMBER:
                return parse_number(key, text, field);
        case KEY_DURATION:
                return parse_duration(key, text, field);
        case KEY_CHOICE:
                return parse_choice(key, text, field);
        case KEY_STRING:
                return parse_string(key, text, field);
        case KEY_ADDRESS:
                return parse_address(key, text, field);
        case KEY_ADDRESS_LIST:
                value_clear(key, section);
                return parse_address_list(key, elements, field);
        }

        g_assert_not_reached();
}

static char *format_duration(uint64_t usec, uint64_t unit)
{
        /* Exact: a fraction of at most six digits was all that could be written. */
        uint64_t millionths = usec % unit * 1000000 / unit;
        char *text;
        size_t n;

        if (millionths == 0)
                return g_strdup_printf("%" PRIu64, usec / unit);

        text = g_strdup_printf("%" PRIu64 ".%06" PRIu64, usec / unit, millionths);
        for (n = strlen(text); text[n - 1] == '0'; n--)
                text[n - 1] = '\0';

        return text;
}

static char *format_address_list(const GArray *list)
{
        GString *text = g_string_new(NULL);

        for (unsigned i = 0; list && i < list->len; i++) {
                char address[IP_ADDRESS_TEXT_MAX];

                ip_address_format(&g_array_index(list, IpAddress, i), true, address);
                g_string_append_printf(text, "%s%s", i > 0 ? ";" : "", address);
        }

        return g_string_free(text, FALSE);
}

char *value_format(const KeySpec *key, const void *section)
{
        const void *field = const_field_of(key, section);
        char address[IP_ADDRESS_TEXT_MAX];

        switch (key->type) {
        case KEY_BOOL:
                return g_strdup(*(const bool *) field ? "yes" : "no");
        case KEY_NUMBER:
                return g_strdup_printf("%" PRIu64, *(const uint64_t *) field);
        case KEY_DURATION:
                return format_duration(*(const uint64_t *) field, key->unit);
        case KEY_CHOICE:
                return g_strdup(key->choices[*(const int *) field]);
        case KEY_STRING:
                return g_strdup(*(char *const *) field ?: "");
        case KEY_ADDRESS:
                ip_address_format(field, true, address);
                return g_strdup(address);
        case KEY_ADDRESS_LIST:
                return format_address_list(*(GArray *const *) field);
        }

        g_assert_not_reached();
}

void value_clear(const KeySpec *key, void *section)
{
        void *field = field_of(key, section);

        switch (key->type) {
        case KEY_STRING:
                g_clear_pointer((char **) field, g_free);
                break;
        case KEY_ADDRESS:
                *(IpAddress *) field = (IpAddress){};
                break;
        case KEY_ADDRESS_LIST:
                g_clear_pointer((GArray **) field, g_array_unref);
                break;
        case KEY_BOOL:
        case KEY_NUMBER:
        case KEY_DURATION:
        case KEY_CHOICE:
                break;
        }
}
