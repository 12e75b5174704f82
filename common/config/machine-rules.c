/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules between this machine and the configuration; see machine.h. Pure. */
#include <string.h>

#include "machine.h"
#include "rules.h"

typedef struct MachineRules {
        const Machine *machine;
        const Config *config;
        GPtrArray *problems;
        NodeRole role;
} MachineRules;

const MachineAddress *machine_find(const Machine *machine, const IpAddress *address)
{
        for (unsigned i = 0; i < machine->addresses->len; i++) {
                const MachineAddress *own = &g_array_index(machine->addresses, MachineAddress, i);

                if (ip_address_equal(&own->address, address))
                        return own;
        }

        return NULL;
}

static bool owns(const Machine *machine, const Config *config, NodeRole role)
{
        return machine_find(machine, &config->general.addresses[role]);
}

NodeRole machine_role(const Machine *machine, const Config *config)
{
        bool master = owns(machine, config, NODE_ROLE_MASTER),
             slave = owns(machine, config, NODE_ROLE_SLAVE);

        if (master == slave)
                return NODE_ROLE_NONE;

        return master ? NODE_ROLE_MASTER : NODE_ROLE_SLAVE;
}

static void complain_no_role(const MachineRules *r)
{
        if (owns(r->machine, r->config, NODE_ROLE_MASTER))
                config_refuse(r->config, r->problems, "General", "SlaveAddress",
                              "is an address of this machine, and so is MasterAddress: take one of them "
                              "away");
        else
                config_refuse(r->config, r->problems, "General", "MasterAddress",
                              "is no address of this machine, and neither is SlaveAddress: "
                              "give the primary device its address or correct the configuration");
}

static bool has_device(const Machine *machine, const char *name)
{
        for (unsigned i = 0; i < machine->devices->len; i++)
                if (strcmp(machine->devices->pdata[i], name) == 0)
                        return true;

        return false;
}

/* A prefix length in the file, where there is one, is the device's; the peer is in its range. G5. */
static void check_range(const MachineRules *r, const char *header, const IpAddress *addresses,
                        const MachineAddress *held)
{
        const IpAddress *own = &addresses[r->role];
        NodeRole peer_role = r->role == NODE_ROLE_MASTER ? NODE_ROLE_SLAVE : NODE_ROLE_MASTER;
        char range[IP_ADDRESS_TEXT_MAX];

        ip_address_format(&held->address, true, range);

        if (own->prefix_len > 0 && own->prefix_len != held->address.prefix_len)
                config_refuse(r->config, r->problems, header, rules_address_key(r->role),
                              "has another prefix length on %s: %s", held->device, range);
        else if (!ip_address_in_range(&addresses[peer_role], &held->address))
                config_refuse(r->config, r->problems, header, rules_address_key(peer_role),
                              "does not lie in the range of %s here, %s", held->device, range);
}

static void check_primary(const MachineRules *r, const MachineAddress *held)
{
        const char *primary = r->config->general.primary_device;

        if (primary && !has_device(r->machine, primary))
                config_refuse(r->config, r->problems, "General", "PrimaryDevice",
                              "is no network device of this machine");
        else if (primary && strcmp(primary, held->device) != 0)
                config_refuse(r->config, r->problems, "General", rules_address_key(r->role),
                              "is an address of %s, but PrimaryDevice is %s", held->device, primary);

        check_range(r, "General", r->config->general.addresses, held);
}

/* A device that no section tells of is trusted to be one of the secure LAN. */
static Zone zone_of(const Config *config, const char *name)
{
        for (unsigned i = 0; i < config->devices->len; i++) {
                const DeviceConfig *device = config->devices->pdata[i];

                if (strcmp(device->name, name) == 0)
                        return device->zone;
        }

        return ZONE_LAN;
}

static void check_replication(const MachineRules *r, const MachineAddress *primary)
{
        const IpAddress *addresses = r->config->replication.addresses;
        const MachineAddress *held;

        if (!ip_address_is_set(&addresses[r->role]))
                return;

        held = machine_find(r->machine, &addresses[r->role]);
        if (!held) {
                config_refuse(r->config, r->problems, "Replication", rules_address_key(r->role),
                              "is no address of this machine");
                return;
        }

        if (strcmp(held->device, primary->device) == 0)
                config_refuse(r->config, r->problems, "Replication", rules_address_key(r->role),
                              "is an address of %s, the primary device: replication needs another",
                              held->device);
        else if (zone_of(r->config, held->device) != ZONE_LAN)
                config_refuse(r->config, r->problems, "Replication", rules_address_key(r->role),
                              "is an address of %s, whose zone is not lan: replication is not encrypted "
                              "and needs "
                              "a secure device",
                              held->device);

        check_range(r, "Replication", addresses, held);
}

/* The device that carries the node's end, or the address itself while it is away: that is told already. */
static void add_device(const MachineRules *r, GHashTable *devices, const IpAddress *addresses)
{
        const MachineAddress *held = machine_find(r->machine, &addresses[r->role]);
        char text[IP_ADDRESS_TEXT_MAX];

        if (!ip_address_is_set(&addresses[r->role]))
                return;

        ip_address_format(&addresses[r->role], false, text);
        g_hash_table_add(devices, g_strdup(held ? held->device : text));
}

static void check_split_risk(const MachineRules *r)
{
        g_autoptr(GHashTable) devices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        add_device(r, devices, r->config->general.addresses);
        add_device(r, devices, r->config->replication.addresses);
        for (unsigned i = 0; i < r->config->paths->len; i++)
                add_device(r, devices, ((const PathConfig *) r->config->paths->pdata[i])->addresses);

        rules_check_split_risk(r->config, r->problems,
                               g_hash_table_size(devices) + (rules_has_serial(r->config) ? 1 : 0));
}

static void check_paths(const MachineRules *r)
{
        for (unsigned i = 0; i < r->config->paths->len; i++) {
                const PathConfig *path = r->config->paths->pdata[i];
                g_autofree char *header = g_strdup_printf("Path %s", path->name);

                if (!machine_find(r->machine, &path->addresses[r->role]))
                        config_refuse(r->config, r->problems, header, rules_address_key(r->role),
                                      "is no address of this machine");
        }
}

/* The device may have several ranges; its own virtual IPs, while it holds them, prove nothing. */
static bool lies_on_device(const MachineRules *r, const IpAddress *address, const char *device)
{
        for (unsigned i = 0; i < r->machine->addresses->len; i++) {
                const MachineAddress *own = &g_array_index(r->machine->addresses, MachineAddress, i);

                if (strcmp(own->device, device) == 0 && !ip_address_equal(&own->address, address) &&
                    ip_address_in_range(address, &own->address))
                        return true;
        }

        return false;
}

static void check_on_device(const MachineRules *r, const char *header, const char *key,
                            const IpAddress *address, const char *device)
{
        char text[IP_ADDRESS_TEXT_MAX];

        if (lies_on_device(r, address, device))
                return;

        ip_address_format(address, false, text);
        config_refuse(r->config, r->problems, header, key,
                      "%s lies in no range of %s, the device that holds %s", text, device,
                      rules_address_key(r->role));
}

/* G14, G15. */
static void check_virtual_ips(const MachineRules *r)
{
        g_autoptr(GHashTable) by_device = g_hash_table_new(g_str_hash, g_str_equal);

        for (unsigned i = 0; i < r->config->virtual_ips->len; i++) {
                const VirtualIpConfig *vip = r->config->virtual_ips->pdata[i];
                const MachineAddress *held = machine_find(r->machine, &vip->addresses[r->role]);
                g_autofree char *header = g_strdup_printf("VirtualIP %s", vip->name);
                const VirtualIpConfig *other;

                if (!held) {
                        config_refuse(r->config, r->problems, header, rules_address_key(r->role),
                                      "is no address of this machine");
                        continue;
                }

                /* One address of the device in two sections is told by the rules of the file already. */
                other = g_hash_table_lookup(by_device, held->device);
                if (other)
                        config_refuse(r->config, r->problems, header, rules_address_key(r->role),
                                      "%s has a virtual IP already, [VirtualIP %s]: a device takes one; "
                                      "write "
                                      "further addresses as Aliases of that",
                                      held->device, other->name);
                else
                        g_hash_table_insert(by_device, (void *) held->device, (void *) vip);

                check_on_device(r, header, "Address", &vip->address, held->device);
                for (unsigned k = 0; vip->aliases && k < vip->aliases->len; k++)
                        check_on_device(r, header, "Aliases", &g_array_index(vip->aliases, IpAddress, k),
                                        held->device);
        }
}

NodeRole machine_check(const Machine *machine, const Config *config, GPtrArray *problems)
{
        MachineRules r = { machine, config, problems, machine_role(machine, config) };
        const MachineAddress *primary;

        if (r.role == NODE_ROLE_NONE) {
                complain_no_role(&r);
                return NODE_ROLE_NONE;
        }

        primary = machine_find(machine, &config->general.addresses[r.role]);
        g_assert(primary); /* it is what made the role */
        check_primary(&r, primary);
        check_replication(&r, primary);
        check_paths(&r);
        check_split_risk(&r);
        check_virtual_ips(&r);

        if (config->general.arbiter == ARBITER_PATHS && !ip_address_is_set(&config->general.gateway) &&
            !machine->default_route)
                config_warn(config, problems, "General", "Gateway",
                            "is not set, and there is no default route: who of the two is cut off "
                            "cannot be told by the gateway");

        return r.role;
}
