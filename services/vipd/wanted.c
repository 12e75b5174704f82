/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wanted.h"

#include <errno.h>
#include <stddef.h>

#include "common/settings.h"

void wanted_done(Wanted *wanted)
{
        for (size_t i = 0; i < wanted->n_vips; i++) {
                WantedVip *v = &wanted->vips[i];

                free(v->name);
                free(v->address);
                settings_free_strings(v->aliases);
                free(v->own);
        }
        free(wanted->vips);
        free(wanted->role);
        free(wanted->primary);
        free(wanted->own);
        free(wanted->replication_own);
        free(wanted->replication_peer);
        *wanted = (Wanted){ 0 };
}

static int read_vip(sd_bus_message *message, void *userdata)
{
        static const SettingsField fields[] = {
                { "Name", "s", offsetof(WantedVip, name), NULL },
                { "Enabled", "b", offsetof(WantedVip, enabled), NULL },
                { "Address", "s", offsetof(WantedVip, address), NULL },
                { "Aliases", "as", offsetof(WantedVip, aliases), NULL },
                { "Own", "s", offsetof(WantedVip, own), NULL },
        };
        Wanted *wanted = userdata;
        const char *bad;
        WantedVip *vips;

        if (wanted->n_vips == PLAN_VIPS_MAX)
                return -E2BIG;
        vips = reallocarray(wanted->vips, wanted->n_vips + 1, sizeof(*vips));
        if (vips == NULL)
                return -ENOMEM;
        wanted->vips = vips;
        vips[wanted->n_vips] = (WantedVip){ 0 };
        return settings_read(message, fields, ARRAY_SIZE(fields), &vips[wanted->n_vips++], &bad);
}

static int read_vips(sd_bus_message *message, void *value)
{
        return settings_read_rows(message, read_vip, (char *) value - offsetof(Wanted, vips));
}

int wanted_read(sd_bus_message *message, Wanted *ret, const char **ret_bad)
{
        static const SettingsField fields[] = {
                { "Configured", "b", offsetof(Wanted, configured), NULL },
                { "Role", "s", offsetof(Wanted, role), NULL },
                { "DeadTimeUSec", "t", offsetof(Wanted, dead_usec), NULL },
                { "PrimaryDevice", "s", offsetof(Wanted, primary), NULL },
                { "Own", "s", offsetof(Wanted, own), NULL },
                { "ReplicationOwn", "s", offsetof(Wanted, replication_own), NULL },
                { "ReplicationPeer", "s", offsetof(Wanted, replication_peer), NULL },
                { "VirtualIPs", "aa{sv}", offsetof(Wanted, vips), read_vips },
        };
        Wanted wanted = { 0 };
        int r = settings_read(message, fields, ARRAY_SIZE(fields), &wanted, ret_bad);

        if (r < 0) {
                wanted_done(&wanted);
                return r;
        }
        *ret = wanted;
        return 0;
}

/* The address, or none. */
static IpAddress parse_or_none(const char *text)
{
        IpAddress address = { 0 };

        if (text != NULL && text[0] != 0 && ip_address_parse(text, &address) < 0)
                return (IpAddress){ 0 };
        return address;
}

static void load_address(Plan *plan, int vip, const char *name, const char *text, WantedRefused refused,
                         void *userdata)
{
        IpAddress address;
        int r = text != NULL ? ip_address_parse(text, &address) : -EINVAL;

        if (r >= 0)
                r = plan_load_address(plan, vip, &address);
        if (r < 0)
                refused(userdata, name, text, r);
}

void wanted_load(const Wanted *wanted, Plan *plan, WantedRefused refused, void *userdata)
{
        int numbers[PLAN_VIPS_MAX];
        IpAddress own = parse_or_none(wanted->own), peer = parse_or_none(wanted->replication_peer);

        plan_load_begin(plan, wanted->dead_usec, wanted->primary != NULL ? wanted->primary : "", &own);
        own = parse_or_none(wanted->replication_own);
        plan_load_peer(plan, &own, &peer);
        for (size_t i = 0; i < wanted->n_vips; i++) {
                const WantedVip *v = &wanted->vips[i];

                own = parse_or_none(v->own);
                numbers[i] = plan_load_vip(plan, v->name != NULL ? v->name : "", v->enabled, &own);
                if (numbers[i] < 0)
                        refused(userdata, v->name, NULL, numbers[i]);
        }
        /* Own addresses of all are known now: none of them can become a virtual IP by mistake. */
        for (size_t i = 0; i < wanted->n_vips; i++) {
                const WantedVip *v = &wanted->vips[i];

                if (numbers[i] < 0)
                        continue;
                load_address(plan, numbers[i], v->name, v->address, refused, userdata);
                for (char **alias = v->aliases; alias != NULL && *alias != NULL; alias++)
                        load_address(plan, numbers[i], v->name, *alias, refused, userdata);
        }
        plan_load_end(plan);
}
