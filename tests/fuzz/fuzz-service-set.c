/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A service set takes any bytes: it ends with a list of problems, or with at most eight units that systemd,
 * an object path and a shell can take.
 */
#include <string.h>

#include "common/config/catalogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_unit(const char *unit)
{
        g_assert_true(g_str_has_suffix(unit, ".service"));
        g_assert_false(g_str_has_prefix(unit, "hapair-"));
        for (const char *p = unit; *p; p++)
                g_assert_true(g_ascii_isalnum(*p) || strchr("-_.@:", *p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(ServiceSet) set = NULL;
        ConfigText text = { "x.service-set", (char *) data, size };

        set = service_set_parse(&text, problems);
        for (unsigned i = 0; i < problems->len; i++)
                g_free(problem_to_string(problems->pdata[i]));
        if (!set) {
                g_assert_cmpuint(problems_count(problems, PROBLEM_ERROR), >, 0);
                return 0;
        }
        g_assert_cmpuint(g_strv_length(set->units), >, 0);
        g_assert_cmpuint(g_strv_length(set->units), <=, CATALOGUE_UNITS_MAX);
        for (char **unit = set->units; *unit; unit++)
                check_unit(*unit);
        return 0;
}
