/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each daemon gets of the configuration; see settings-for.h. */
#include "settings-for.h"

#include <errno.h>
#include <string.h>

static NodeRole peer_of(NodeRole role)
{
        return role == NODE_ROLE_MASTER ? NODE_ROLE_SLAVE : NODE_ROLE_MASTER;
}

static int append_string(sd_bus_message *m, const char *name, const char *value)
{
        return sd_bus_message_append(m, "{sv}", name, "s", value ?: "");
}

static int append_bool(sd_bus_message *m, const char *name, bool value)
{
        return sd_bus_message_append(m, "{sv}", name, "b", (int) value);
}

static int append_address(sd_bus_message *m, const char *name, const IpAddress *address, bool with_prefix)
{
        char text[IP_ADDRESS_TEXT_MAX];

        ip_address_format(address, with_prefix, text);
        return append_string(m, name, text);
}

/* Opens {"name": aa{sv}}, whose rows row_open() begins. */
static int table_open(sd_bus_message *m, const char *name)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "s", name);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'v', "aa{sv}");
        if (r < 0)
                return r;
        return sd_bus_message_open_container(m, 'a', "a{sv}");
}

static int table_close(sd_bus_message *m)
{
        for (int i = 0; i < 3; i++) {
                int r = sd_bus_message_close_container(m);

                if (r < 0)
                        return r;
        }

        return 0;
}

static int row_open(sd_bus_message *m)
{
        return sd_bus_message_open_container(m, 'a', "{sv}");
}

static int row_close(sd_bus_message *m)
{
        return sd_bus_message_close_container(m);
}

static int append_problem(sd_bus_message *m, const Problem *problem)
{
        int r;

        r = row_open(m);
        if (r < 0)
                return r;

        r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "severity", "s",
                                  problem_severity_name(problem->severity), "file", "s", problem->file,
                                  "section", "s", problem->section, "key", "s", problem->key, "value", "s",
                                  problem->value, "rule", "s", problem->rule, "line", "u", problem->line);
        if (r < 0)
                return r;

        return row_close(m);
}

int settings_append_problems(sd_bus_message *m, const GPtrArray *problems)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "a{sv}");
        for (unsigned i = 0; r >= 0 && i < problems->len; i++)
                r = append_problem(m, problems->pdata[i]);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_udp_path(sd_bus_message *m, const char *name, const IpAddress *addresses, NodeRole role)
{
        int r;

        if (!ip_address_is_set(&addresses[role]))
                return 0;

        r = row_open(m);
        if (r >= 0)
                r = append_string(m, "Name", name);
        if (r >= 0)
                r = append_string(m, "Kind", "udp");
        if (r >= 0)
                r = append_address(m, "Own", &addresses[role], false);
        if (r >= 0)
                r = append_address(m, "Peer", &addresses[peer_of(role)], false);

        return r < 0 ? r : row_close(m);
}

static int append_serial_path(sd_bus_message *m, const HeartbeatConfig *heartbeat, NodeRole role)
{
        int r;

        if (!heartbeat->serial || !heartbeat->serial_devices[role])
                return 0;

        r = row_open(m);
        if (r >= 0)
                r = append_string(m, "Name", "serial");
        if (r >= 0)
                r = append_string(m, "Kind", "serial");
        if (r >= 0)
                r = append_string(m, "Device", heartbeat->serial_devices[role]);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "Baud", "u", (uint32_t) heartbeat->serial_baud);

        return r < 0 ? r : row_close(m);
}

/* A node that is neither of the pair has no end of any path. */
static int append_paths(sd_bus_message *m, const Config *config, NodeRole role)
{
        int r;

        r = table_open(m, "Paths");
        if (r < 0)
                return r;

        if (role != NODE_ROLE_NONE) {
                r = append_udp_path(m, "lan", config->general.addresses, role);
                if (r >= 0)
                        r = append_udp_path(m, "replication", config->replication.addresses, role);
                for (unsigned i = 0; r >= 0 && i < config->paths->len; i++) {
                        const PathConfig *path = config->paths->pdata[i];

                        r = append_udp_path(m, path->name, path->addresses, role);
                }
                if (r >= 0)
                        r = append_serial_path(m, &config->heartbeat, role);
        }

        return r < 0 ? r : table_close(m);
}

static int append_for_hbd(sd_bus_message *m, const Store *store)
{
        int r;

        r = sd_bus_message_append(m, "{sv}", "Port", "q", (uint16_t) store->config->heartbeat.port);
        return r < 0 ? r : append_paths(m, store->config, store->role);
}

/* The host name's first label: what follows the dot is the resolver's affair. */
static int append_host_name(sd_bus_message *m, const GeneralConfig *general, NodeRole role)
{
        g_autofree char *name = NULL;

        if (role != NODE_ROLE_NONE)
                name = g_strdup_printf("%s-%s", general->cluster, node_role_to_string(role));

        return append_string(m, "HostName", name);
}

static int append_for_electd(sd_bus_message *m, const Store *store)
{
        const GeneralConfig *general = &store->config->general;
        int r;

        r = sd_bus_message_append(m, "{sv}{sv}", "Arbiter", "s", arbiter_to_string(general->arbiter),
                                  "FailbackDelayUSec", "t", general->failback_delay_usec);
        if (r >= 0)
                r = append_bool(m, "AutoFailback", general->auto_failback);
        if (r >= 0)
                r = append_bool(m, "FailoverLinkDown", general->failover_link_down);
        if (r >= 0)
                r = append_bool(m, "AcceptSplitRisk", general->accept_split_risk);
        if (r >= 0)
                r = append_bool(m, "Volume", store->config->replication.enabled);
        if (r >= 0)
                r = append_bool(m, "Services", store->config->services->len > 0);
        if (r >= 0)
                r = append_string(m, "Digest", store->config->digest);
        if (r >= 0)
                r = append_host_name(m, general, store->role);
        if (r >= 0)
                r = append_address(m, "Gateway", &general->gateway, false);
        if (r >= 0)
                r = append_string(m, "Watchdog", general->watchdog);

        return r;
}

/* The nodes' ends of the replication link: over the LAN their own addresses serve. */
static const IpAddress *replication_addresses(const Config *config)
{
        return config->replication.over_lan ? config->general.addresses : config->replication.addresses;
}

/* Without a role there are no ends. */
static int append_for_replicd(sd_bus_message *m, const Store *store)
{
        const ReplicationConfig *replication = &store->config->replication;
        const IpAddress *addresses = replication_addresses(store->config);
        bool has_ends = store->role != NODE_ROLE_NONE;
        NodeRole peer = peer_of(store->role);
        int r;

        r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "Enabled", "b",
                                  (int) replication->enabled, "Resource", "s", replication->resource,
                                  "Device", "s", replication->device, "MountPoint", "s",
                                  replication->mount_point, "FileSystem", "s", replication->file_system,
                                  "Port", "q", (uint16_t) replication->port, "SyncRateKiB", "t",
                                  replication->sync_rate_kib);
        if (r >= 0 && has_ends)
                r = append_address(m, "Own", &addresses[store->role], false);
        if (r >= 0 && has_ends)
                r = append_address(m, "Peer", &addresses[peer], false);
        if (r >= 0 && has_ends)
                r = append_string(m, "Disk", replication->disks[store->role]);
        if (r >= 0 && has_ends)
                r = append_string(m, "PeerDisk", replication->disks[peer]);

        return r;
}

static int append_strings(sd_bus_message *m, const char *name, char **texts)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, texts);
        if (r >= 0)
                r = sd_bus_message_close_container(m);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_aliases(sd_bus_message *m, const GArray *aliases)
{
        g_auto(GStrv) texts = g_new0(char *, (aliases ? aliases->len : 0) + 1);

        for (unsigned i = 0; aliases && i < aliases->len; i++) {
                char text[IP_ADDRESS_TEXT_MAX];

                ip_address_format(&g_array_index(aliases, IpAddress, i), true, text);
                texts[i] = g_strdup(text);
        }

        return append_strings(m, "Aliases", texts);
}

static int append_virtual_ip(sd_bus_message *m, const VirtualIpConfig *vip, NodeRole role)
{
        int r;

        r = row_open(m);
        if (r >= 0)
                r = append_string(m, "Name", vip->name);
        if (r >= 0)
                r = append_bool(m, "Enabled", vip->enabled);
        if (r >= 0)
                r = append_address(m, "Address", &vip->address, true);
        if (r >= 0)
                r = append_aliases(m, vip->aliases);
        if (r >= 0)
                r = append_address(m, "Own", &vip->addresses[role], false);

        return r < 0 ? r : row_close(m);
}

static int append_for_vipd(sd_bus_message *m, const Store *store)
{
        const Config *config = store->config;
        int r;

        r = append_string(m, "PrimaryDevice", config->general.primary_device);
        if (r >= 0)
                r = append_address(m, "Own", &config->general.addresses[store->role], false);
        if (r >= 0 && config->replication.enabled && store->role != NODE_ROLE_NONE) {
                const IpAddress *ends = replication_addresses(config);

                r = append_address(m, "ReplicationOwn", &ends[store->role], false);
                if (r >= 0)
                        r = append_address(m, "ReplicationPeer", &ends[peer_of(store->role)], false);
        }
        if (r >= 0)
                r = table_open(m, "VirtualIPs");
        for (unsigned i = 0; r >= 0 && store->role != NODE_ROLE_NONE && i < config->virtual_ips->len; i++)
                r = append_virtual_ip(m, config->virtual_ips->pdata[i], store->role);

        return r < 0 ? r : table_close(m);
}

/* A service without a set has no units: svcmand tells of it, and cannot run it. */
static int append_service(sd_bus_message *m, const ServiceConfig *service, const ServiceSet *set)
{
        int r;

        r = row_open(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "Name", "s", service->name, "Start", "s",
                                          placement_to_string(service->placement), "MaxFailures", "t",
                                          service->max_failures, "FailureWindowUSec", "t",
                                          service->failure_window_usec);
        if (r >= 0 && set)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}", "Description", "s",
                                          set->description ?: "", "Order", "t", set->order, "SettleUSec",
                                          "t", set->settle_usec, "StartLimitUSec", "t",
                                          set->start_limit_usec, "StopLimitUSec", "t", set->stop_limit_usec);
        if (r >= 0 && set)
                r = append_strings(m, "Units", set->units);

        return r < 0 ? r : row_close(m);
}

static int append_for_svcmand(sd_bus_message *m, const Store *store)
{
        const GPtrArray *services = store->config->services;
        int r = table_open(m, "Services");

        for (unsigned i = 0; r >= 0 && i < services->len; i++)
                r = append_service(m, services->pdata[i], store->sets->pdata[i]);

        return r < 0 ? r : table_close(m);
}

static int append_common(sd_bus_message *m, const Store *store)
{
        const Config *config = store->config;
        int r;

        r = append_bool(m, "Configured", config);
        if (r < 0 || !config)
                return r;

        return sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "Active", "b", (int) config->general.active,
                                     "Role", "s", node_role_to_string(store->role), "Cluster", "s",
                                     config->general.cluster, "DeadTimeUSec", "t",
                                     config->heartbeat.dead_usec);
}

/* electd lists what is wrong also while there is no configuration at all. */
static int append_problem_table(sd_bus_message *m, const Store *store)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "Problems");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "aa{sv}");
        if (r >= 0)
                r = settings_append_problems(m, store->problems);
        if (r >= 0)
                r = sd_bus_message_close_container(m);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

int settings_append_for(sd_bus_message *m, const char *daemon, const Store *store)
{
        static const struct {
                const char *daemon;
                int (*append)(sd_bus_message *m, const Store *store);
        } daemons[] = {
                { "hbd", append_for_hbd },         { "electd", append_for_electd },
                { "replicd", append_for_replicd }, { "svcmand", append_for_svcmand },
                { "vipd", append_for_vipd },
        };
        size_t i = 0;
        int r;

        while (i < ARRAY_SIZE(daemons) && strcmp(daemons[i].daemon, daemon) != 0)
                i++;
        if (i == ARRAY_SIZE(daemons))
                return -EINVAL;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = append_common(m, store);
        if (r >= 0 && strcmp(daemon, "electd") == 0)
                r = append_problem_table(m, store);
        if (r >= 0 && store->config)
                r = daemons[i].append(m, store);

        return r < 0 ? r : sd_bus_message_close_container(m);
}
