/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules between keys other than addresses, and what this version does not do yet; see rules.h. */
#include "rules.h"

/* G10: the serial line is an addition; with one end named it can never work. */
static void check_serial(const Config *config, GPtrArray *problems)
{
        const HeartbeatConfig *heartbeat = &config->heartbeat;
        const char *master = heartbeat->serial_devices[NODE_ROLE_MASTER];
        const char *slave = heartbeat->serial_devices[NODE_ROLE_SLAVE];

        if (master && !slave)
                config_refuse(config, problems, "Heartbeat", "SlaveSerial",
                              "is missing: MasterSerial is the one end only");
        if (slave && !master)
                config_refuse(config, problems, "Heartbeat", "MasterSerial",
                              "is missing: SlaveSerial is the one end only");

        /* On by default, and of no effect without devices: only who writes it expects a line. */
        if (heartbeat->serial && !master && !slave && scan_find(config->shared, "Heartbeat", "Serial"))
                config_warn(config, problems, "Heartbeat", "Serial",
                            "has no effect: neither MasterSerial nor SlaveSerial names a device");
}

static bool has_checked_device(const Config *config, Zone zone)
{
        for (unsigned i = 0; i < config->devices->len; i++) {
                const DeviceConfig *device = config->devices->pdata[i];

                if (device->zone == zone && device->connectivity_check)
                        return true;
        }

        return false;
}

/* G6, G7: "all devices with their check on are down" is never true of none. */
static void check_failover_triggers(const Config *config, GPtrArray *problems)
{
        if (config->general.failover_internet_down && !has_checked_device(config, ZONE_INTERNET))
                config_refuse(config, problems, "General", "FailoverInternetDown",
                              "needs a [Device NAME] with Zone=internet and ConnectivityCheck=yes");

        if (config->general.failover_lan_down && !has_checked_device(config, ZONE_LAN))
                config_refuse(config, problems, "General", "FailoverLanDown",
                              "needs a [Device NAME] with Zone=lan and ConnectivityCheck=yes");
}

/* What guards data or service is refused while it is not there; what only adds comfort is named. */
static void check_not_yet_refused(const Config *config, GPtrArray *problems)
{
        if (config->general.arbiter == ARBITER_WITNESS || config->general.arbiter == ARBITER_FENCE)
                config_refuse(config, problems, "General", "Arbiter",
                              "is not in this version: choose paths or operator");
}

static void check_not_yet_ignored(const Config *config, GPtrArray *problems)
{
        static const char no_effect[] = "has no effect in this version";
        const GeneralConfig *general = &config->general;

        if (general->failover_internet_down)
                config_warn(config, problems, "General", "FailoverInternetDown", no_effect);
        if (general->failover_lan_down)
                config_warn(config, problems, "General", "FailoverLanDown", no_effect);
        if (general->use_slave_proxy)
                config_warn(config, problems, "General", "UseSlaveProxy", no_effect);
        if (general->manage_hostname)
                config_warn(config, problems, "General", "ManageHostname", no_effect);

        for (unsigned i = 0; i < config->shared->sections->len; i++) {
                const ScanSection *section = config->shared->sections->pdata[i];

                if (g_str_equal(section->kind, "Device") || g_str_equal(section->kind, "Proxy"))
                        config_warn(config, problems, section->header, NULL, no_effect);
        }
}

/* A pair that moves nothing is hardly what anyone meant. */
static void check_something_moves(const Config *config, GPtrArray *problems)
{
        for (unsigned i = 0; i < config->virtual_ips->len; i++)
                if (((const VirtualIpConfig *) config->virtual_ips->pdata[i])->enabled)
                        return;

        config_warn(config, problems, "General", NULL,
                    "no [VirtualIP NAME] is enabled: nothing moves at a failover");
}

void rules_check(const Config *config, GPtrArray *problems)
{
        rules_check_addresses(config, problems);
        rules_check_replication(config, problems);
        check_serial(config, problems);
        check_failover_triggers(config, problems);
        check_not_yet_refused(config, problems);
        check_not_yet_ignored(config, problems);
        check_something_moves(config, problems);
}
