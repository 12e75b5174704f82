/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration in the making; see draft.h. */
#include "draft.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "prompt.h"

#define VIP_SECTION "VirtualIP lan"

const DraftKey draft_keys[] = {
        { "cluster", "General", "Cluster",
          "Base host name of the pair (the nodes are NAME-master and NAME-slave)", true },
        { "domain", "General", "Domain", NULL, false },
        { "primary-device", "General", "PrimaryDevice", NULL, false },
        { "master-address", "General", "MasterAddress", "This node's address on the secure LAN", true },
        { "slave-address", "General", "SlaveAddress", "The other node's address there", true },
        { "gateway", "General", "Gateway", NULL, false },
        { "dead-time", "Heartbeat", "DeadTimeSec", NULL, false },
        { "master-serial", "Heartbeat", "MasterSerial", NULL, false },
        { "slave-serial", "Heartbeat", "SlaveSerial", NULL, false },
        { "master-disk", "Replication", "MasterDisk", NULL, false },
        { "slave-disk", "Replication", "SlaveDisk", NULL, false },
        { "mount-point", "Replication", "MountPoint", NULL, false },
        { "virtual-ip", VIP_SECTION, "Address", "Virtual IP on the secure LAN (empty for none yet)", false },
        { "aliases", VIP_SECTION, "Aliases", NULL, false },
        {},
};

GKeyFile *draft_new(void)
{
        GKeyFile *draft = g_key_file_new();

        g_key_file_set_value(draft, "General", "Active", "yes");
        return draft;
}

void draft_set(GKeyFile *draft, const DraftKey *key, const char *value)
{
        g_key_file_set_value(draft, key->section, key->key, value);
}

int draft_add_path(GKeyFile *draft, const char *text)
{
        g_auto(GStrv) sides = g_strsplit(text, "=", 2);
        g_auto(GStrv) addresses = sides[0] && sides[1] ? g_strsplit(sides[1], ",", -1) : NULL;
        g_autofree char *section = NULL;

        if (!addresses || g_strv_length(addresses) != 2 || !sides[0][0] || strpbrk(sides[0], "[] \n"))
                return -EINVAL;

        section = strcmp(sides[0], "replication") == 0 ? g_strdup("Replication")
                                                       : g_strdup_printf("Path %s", sides[0]);
        g_key_file_set_value(draft, section, "MasterAddress", addresses[0]);
        g_key_file_set_value(draft, section, "SlaveAddress", addresses[1]);
        return 0;
}

static bool has(GKeyFile *draft, const DraftKey *key)
{
        return g_key_file_has_key(draft, key->section, key->key, NULL);
}

bool draft_is_complete(GKeyFile *draft)
{
        for (const DraftKey *key = draft_keys; key->option; key++)
                if (key->required && !has(draft, key))
                        return false;

        return true;
}

int draft_ask(GKeyFile *draft)
{
        for (const DraftKey *key = draft_keys; key->option; key++) {
                if (!key->question || has(draft, key))
                        continue;

                for (;;) {
                        g_autofree char *answer = NULL;
                        int r;

                        r = prompt_line(key->question, &answer);
                        if (r < 0)
                                return r;

                        if (answer[0])
                                draft_set(draft, key, answer);
                        if (answer[0] || !key->required)
                                break;
                }
        }

        return 0;
}

void draft_complain(GKeyFile *draft, const char *verb)
{
        for (const DraftKey *key = draft_keys; key->option; key++)
                if (key->required && !has(draft, key))
                        fprintf(stderr, "hapair %s: --%s is missing\n", verb, key->option);
}

/* The virtual IP lies on the primary device, which the nodes' own addresses name. */
static void complete_virtual_ip(GKeyFile *draft)
{
        static const char *const keys[] = { "MasterAddress", "SlaveAddress" };

        if (!g_key_file_has_group(draft, VIP_SECTION))
                return;

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                g_autofree char *address = g_key_file_get_value(draft, "General", keys[i], NULL);

                if (!address)
                        continue;
                address[strcspn(address, "/")] = '\0';
                g_key_file_set_value(draft, VIP_SECTION, keys[i], address);
        }
}

/* Who names a disk wants a volume on it. */
static void complete_replication(GKeyFile *draft)
{
        if (g_key_file_has_key(draft, "Replication", "MasterDisk", NULL) ||
            g_key_file_has_key(draft, "Replication", "SlaveDisk", NULL))
                g_key_file_set_value(draft, "Replication", "Enabled", "yes");
}

char *draft_finish(GKeyFile *draft, size_t *ret_length)
{
        complete_virtual_ip(draft);
        complete_replication(draft);
        return g_key_file_to_data(draft, ret_length, NULL);
}
