/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loader of hapair.conf takes any bytes: it ends with a list of problems or with a configuration whose
 * listing, read again, gives the same configuration.
 */
#include <string.h>

#include "common/config/config.h"
#include "common/config/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_item(const char *file, const char *section, const char *key, const char *value,
                       void *userdata)
{
        GKeyFile *keys = userdata;

        g_key_file_set_value(keys, section, key, value);
}

static void check_round_trip(const Config *config)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(GKeyFile) keys = g_key_file_new();
        g_autoptr(Config) again = NULL;
        g_autofree char *text = NULL;
        ConfigText shared = { .path = "again" }, local = { .path = "local.conf" };

        config_foreach(config, write_item, keys);
        text = g_key_file_to_data(keys, &shared.length, NULL);
        shared.text = text;
        again = config_parse(&shared, &local, problems);

        g_assert_nonnull(again);
        g_assert_cmpstr(again->digest, ==, config->digest);
}

static void check_machine(const Config *config)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Machine) machine = machine_new();
        MachineAddress own = { .device = "eth0", .address = config->general.addresses[NODE_ROLE_MASTER] };

        own.address.prefix_len = 24;
        g_array_append_val(machine->addresses, own);
        g_assert_cmpint(machine_check(machine, config, problems), ==, NODE_ROLE_MASTER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GPtrArray) problems = problems_new();
        ConfigText shared = { "hapair.conf", (char *) data, size },
                   local = { "local.conf", (char *) data, size };
        g_autoptr(Config) config = NULL;

        g_assert_null(config_parse(&shared, &local, problems));
        for (unsigned i = 0; i < problems->len; i++)
                g_free(problem_to_string(problems->pdata[i]));

        g_ptr_array_set_size(problems, 0);
        local.text = NULL;
        local.length = 0;
        config = config_parse(&shared, &local, problems);
        if (config) {
                check_round_trip(config);
                check_machine(config);
        }

        return 0;
}
