/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules between addresses: G5, G7, G13 and G15, as far as the files alone can tell; see rules.h. */
#include <string.h>

#include "rules.h"

/* hapair-vipd has room for twice as many, since a reload may replace every one. */
#define VIRTUAL_ADDRESSES_MAX 2048u

typedef struct AddressRules {
        const Config *config;
        GPtrArray *problems;
        GArray *nodes;           /* NodeAddress */
        GHashTable *virtual_ips; /* text of the address to the header of its section */
} AddressRules;

const char *rules_address_key(NodeRole role)
{
        return role == NODE_ROLE_MASTER ? "MasterAddress" : "SlaveAddress";
}

static void node_address_clear(void *data)
{
        g_free(((NodeAddress *) data)->header);
}

static void add_pair(GArray *nodes, const IpAddress *addresses, const char *header, bool is_path)
{
        for (NodeRole role = NODE_ROLE_MASTER; role <= NODE_ROLE_SLAVE; role++) {
                NodeAddress node = { addresses[role], role, NULL, rules_address_key(role), is_path };

                if (!ip_address_is_set(&addresses[role]))
                        continue;

                node.header = g_strdup(header);
                g_array_append_val(nodes, node);
        }
}

GArray *rules_node_addresses(const Config *config)
{
        GArray *nodes = g_array_new(FALSE, FALSE, sizeof(NodeAddress));

        g_array_set_clear_func(nodes, node_address_clear);

        add_pair(nodes, config->general.addresses, "General", true);
        add_pair(nodes, config->replication.addresses, "Replication", true);

        for (unsigned i = 0; i < config->paths->len; i++) {
                const PathConfig *path = config->paths->pdata[i];
                g_autofree char *header = g_strdup_printf("Path %s", path->name);

                add_pair(nodes, path->addresses, header, true);
        }

        for (unsigned i = 0; i < config->virtual_ips->len; i++) {
                const VirtualIpConfig *vip = config->virtual_ips->pdata[i];
                g_autofree char *header = g_strdup_printf("VirtualIP %s", vip->name);

                add_pair(nodes, vip->addresses, header, false);
        }

        return nodes;
}

const NodeAddress *rules_find_node_address(const GArray *nodes, const IpAddress *address)
{
        for (unsigned i = 0; i < nodes->len; i++) {
                const NodeAddress *node = &g_array_index(nodes, NodeAddress, i);

                if (ip_address_equal(&node->address, address))
                        return node;
        }

        return NULL;
}

/* One wire: both of one family, not the same; `one_range` where the two must share a network. */
static void check_pair(const AddressRules *r, const IpAddress *addresses, const char *header, bool one_range)
{
        const IpAddress *master = &addresses[NODE_ROLE_MASTER], *slave = &addresses[NODE_ROLE_SLAVE];

        if (!ip_address_is_set(master) || !ip_address_is_set(slave))
                return;

        if (master->family != slave->family)
                config_refuse(r->config, r->problems, header, "SlaveAddress",
                              "must be of the same family as MasterAddress");
        else if (ip_address_equal(master, slave))
                config_refuse(r->config, r->problems, header, "SlaveAddress",
                              "is MasterAddress too: each node needs its own");
        else if (one_range && ((master->prefix_len > 0 && !ip_address_in_range(slave, master)) ||
                               (slave->prefix_len > 0 && !ip_address_in_range(master, slave))))
                config_refuse(r->config, r->problems, header, "SlaveAddress",
                              "must lie in one range with MasterAddress");
        else if (one_range && master->prefix_len > 0 && slave->prefix_len > 0 &&
                 master->prefix_len != slave->prefix_len)
                config_refuse(r->config, r->problems, header, "SlaveAddress",
                              "must have the same prefix length as MasterAddress");
}

/* An address is one node's alone, and two heartbeat paths over one address are one path. */
static void check_nodes_distinct(const AddressRules *r)
{
        for (unsigned i = 0; i < r->nodes->len; i++) {
                const NodeAddress *node = &g_array_index(r->nodes, NodeAddress, i);

                for (unsigned k = 0; k < i; k++) {
                        const NodeAddress *other = &g_array_index(r->nodes, NodeAddress, k);

                        if (!ip_address_equal(&node->address, &other->address) ||
                            strcmp(node->header, other->header) == 0)
                                continue;

                        if (node->role != other->role)
                                config_refuse(r->config, r->problems, node->header, node->key,
                                              "is the other node's address: [%s] %s", other->header,
                                              other->key);
                        else if (node->is_path && other->is_path)
                                config_refuse(r->config, r->problems, node->header, node->key,
                                              "is the address of another heartbeat path: [%s] %s",
                                              other->header, other->key);
                        else
                                continue;

                        break;
                }
        }
}

/* G12, G13: another secure device than the primary one, unless replication goes over the LAN. */
static void check_replication(const AddressRules *r)
{
        const ReplicationConfig *replication = &r->config->replication;

        check_pair(r, replication->addresses, "Replication", true);

        for (NodeRole role = NODE_ROLE_MASTER; role <= NODE_ROLE_SLAVE; role++) {
                const IpAddress *own = &replication->addresses[role];
                const IpAddress *other = &replication->addresses[NODE_ROLE_SLAVE + NODE_ROLE_MASTER - role];
                const IpAddress *lan = &r->config->general.addresses[role];
                const char *key = rules_address_key(role);

                if (!ip_address_is_set(own)) {
                        if (replication->enabled && !replication->over_lan)
                                config_refuse(r->config, r->problems, "Replication", key,
                                              "is missing, and replication needs it unless OverLan=yes");
                        else if (ip_address_is_set(other))
                                config_refuse(r->config, r->problems, "Replication", key, "is missing");
                        continue;
                }

                if (replication->over_lan)
                        config_refuse(r->config, r->problems, "Replication", key,
                                      "has no meaning with OverLan=yes: remove one of them");
                else if (!ip_address_equal(own, lan) &&
                         (ip_address_in_range(own, lan) || ip_address_in_range(lan, own)))
                        config_refuse(r->config, r->problems, "Replication", key,
                                      "must lie on another secure device than the primary one, in another "
                                      "range");
        }
}

/* The range of the device that holds this address, as far as the files say it: 0 as prefix when not. */
static IpAddress known_range(const AddressRules *r, const IpAddress *address)
{
        for (unsigned i = 0; i < r->nodes->len; i++) {
                const NodeAddress *node = &g_array_index(r->nodes, NodeAddress, i);

                if (ip_address_equal(&node->address, address) && node->address.prefix_len > 0)
                        return node->address;
        }

        return *address;
}

/* G15 for the address itself or one of its aliases. */
static void check_virtual_address(const AddressRules *r, const VirtualIpConfig *vip, const char *header,
                                  const char *key, const IpAddress *address)
{
        const NodeAddress *node = rules_find_node_address(r->nodes, address);
        char text[IP_ADDRESS_TEXT_MAX];
        const char *other;

        ip_address_format(address, false, text);

        if (node) {
                config_refuse(r->config, r->problems, header, key, "%s is the address of a node: [%s] %s",
                              text, node->header, node->key);
                return;
        }

        other = g_hash_table_lookup(r->virtual_ips, text);
        if (other)
                config_refuse(r->config, r->problems, header, key, "%s is a virtual IP already, in [%s]",
                              text, other);
        else
                g_hash_table_insert(r->virtual_ips, g_strdup(text), g_strdup(header));

        for (NodeRole role = NODE_ROLE_MASTER; role <= NODE_ROLE_SLAVE; role++) {
                IpAddress range = known_range(r, &vip->addresses[role]);
                char range_text[IP_ADDRESS_TEXT_MAX];

                if (range.prefix_len == 0 || range.family != address->family ||
                    ip_address_in_range(address, &range))
                        continue;

                ip_address_format(&range, true, range_text);
                config_refuse(r->config, r->problems, header, key,
                              "%s does not lie in the range of the %s's device, %s", text,
                              node_role_to_string(role), range_text);
        }
}

/* G15: one virtual IP a device; the device is known by the node's own address on it. */
static void check_one_per_device(const AddressRules *r, unsigned index, const char *header)
{
        const VirtualIpConfig *vip = r->config->virtual_ips->pdata[index];

        for (unsigned i = 0; i < index; i++) {
                const VirtualIpConfig *other = r->config->virtual_ips->pdata[i];

                for (NodeRole role = NODE_ROLE_MASTER; role <= NODE_ROLE_SLAVE; role++)
                        if (ip_address_equal(&vip->addresses[role], &other->addresses[role]))
                                config_refuse(r->config, r->problems, header, rules_address_key(role),
                                              "its device has a virtual IP already, [VirtualIP %s]: "
                                              "a device takes one; write further addresses as Aliases of "
                                              "that",
                                              other->name);
        }
}

static void check_virtual_ips(const AddressRules *r)
{
        bool too_many = false;

        for (unsigned i = 0; i < r->config->virtual_ips->len; i++) {
                const VirtualIpConfig *vip = r->config->virtual_ips->pdata[i];
                g_autofree char *header = g_strdup_printf("VirtualIP %s", vip->name);

                check_pair(r, vip->addresses, header, true);
                check_one_per_device(r, i, header);

                if (ip_address_is_set(&vip->address))
                        check_virtual_address(r, vip, header, "Address", &vip->address);

                for (unsigned k = 0; vip->aliases && k < vip->aliases->len; k++)
                        check_virtual_address(r, vip, header, "Aliases",
                                              &g_array_index(vip->aliases, IpAddress, k));

                if (!too_many && g_hash_table_size(r->virtual_ips) > VIRTUAL_ADDRESSES_MAX) {
                        too_many = true;
                        config_refuse(r->config, r->problems, header, NULL,
                                      "with this there are more than %u addresses in all virtual IPs",
                                      VIRTUAL_ADDRESSES_MAX);
                }
        }
}

/* What tells a node whether its network lives must be neither node nor what moves between them. */
static void check_outsider(const AddressRules *r, const char *header, const char *key,
                           const IpAddress *address)
{
        const NodeAddress *node = rules_find_node_address(r->nodes, address);
        char text[IP_ADDRESS_TEXT_MAX];
        const char *vip;

        ip_address_format(address, false, text);
        vip = g_hash_table_lookup(r->virtual_ips, text);

        if (node)
                config_refuse(r->config, r->problems, header, key,
                              "must not be the address of a node: it is [%s] %s", node->header, node->key);
        else if (vip)
                config_refuse(r->config, r->problems, header, key,
                              "must not be an address of [%s], which is the pair's own", vip);
}

/* "192.0.2.1:80" or "[2001:db8::1]:80". */
static bool parse_address_port(const char *text, IpAddress *ret_address)
{
        const char *colon = strrchr(text, ':');
        g_autofree char *host = NULL;
        char *end;
        guint64 port;

        if (!colon || !g_ascii_isdigit(colon[1]))
                return false;

        port = g_ascii_strtoull(colon + 1, &end, 10);
        if (*end || port == 0 || port > 65535)
                return false;

        host = g_strndup(text, (gsize) (colon - text));
        if (host[0] == '[' && g_str_has_suffix(host, "]")) {
                host[strlen(host) - 1] = '\0';
                return ip_address_parse(host + 1, ret_address) >= 0 && ret_address->family == AF_INET6 &&
                       ret_address->prefix_len == 0;
        }

        return ip_address_parse(host, ret_address) >= 0 && ret_address->family == AF_INET &&
               ret_address->prefix_len == 0;
}

/* The host of an http URL; sets the address when it is one and not a name. */
static bool parse_url(const char *text, IpAddress *ret_address)
{
        g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
        const char *host = uri ? g_uri_get_host(uri) : NULL;

        if (!host || host[0] == '\0' || g_uri_get_userinfo(uri) ||
            (strcmp(g_uri_get_scheme(uri), "http") != 0 && strcmp(g_uri_get_scheme(uri), "https") != 0))
                return false;

        if (ip_address_parse(host, ret_address) < 0)
                *ret_address = (IpAddress){};
        return true;
}

/* What is wrong with the target for its method, NULL when nothing is. */
static const char *parse_target(const DeviceConfig *device, IpAddress *ret_address)
{
        switch (device->check_method) {
        case CHECK_ICMP:
                if (ip_address_parse(device->check_target, ret_address) < 0 || ret_address->prefix_len > 0)
                        return "must be an address for CheckMethod=icmp";
                return NULL;

        case CHECK_TCP:
                if (!parse_address_port(device->check_target, ret_address))
                        return "must be ADDRESS:PORT or [ADDRESS]:PORT for CheckMethod=tcp";
                return NULL;

        case CHECK_HTTP:
                if (!parse_url(device->check_target, ret_address))
                        return "must be an http:// or https:// URL without a user for CheckMethod=http";
                return NULL;

        case _CHECK_METHOD_MAX:
        case _CHECK_METHOD_INVALID:
                break;
        }

        g_assert_not_reached();
}

/* G7. */
static void check_targets(const AddressRules *r)
{
        for (unsigned i = 0; i < r->config->devices->len; i++) {
                const DeviceConfig *device = r->config->devices->pdata[i];
                g_autofree char *header = g_strdup_printf("Device %s", device->name);
                IpAddress address = {};
                const char *rule;

                if (!device->check_target) {
                        if (device->connectivity_check)
                                config_refuse(r->config, r->problems, header, "CheckTarget",
                                              "is missing, and ConnectivityCheck=yes needs it");
                        continue;
                }

                rule = parse_target(device, &address);
                if (rule)
                        config_refuse(r->config, r->problems, header, "CheckTarget", "%s", rule);
                else
                        check_outsider(r, header, "CheckTarget", &address);
        }
}

void rules_check_addresses(const Config *config, GPtrArray *problems)
{
        g_autoptr(GArray) nodes = rules_node_addresses(config);
        g_autoptr(GHashTable) virtual_ips = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        AddressRules r = { config, problems, nodes, virtual_ips };

        check_pair(&r, config->general.addresses, "General", true);
        for (unsigned i = 0; i < config->paths->len; i++) {
                const PathConfig *path = config->paths->pdata[i];
                g_autofree char *header = g_strdup_printf("Path %s", path->name);

                check_pair(&r, path->addresses, header, false);
        }

        check_nodes_distinct(&r);
        check_replication(&r);
        check_virtual_ips(&r);

        if (ip_address_is_set(&config->general.gateway))
                check_outsider(&r, "General", "Gateway", &config->general.gateway);
        check_targets(&r);
}
