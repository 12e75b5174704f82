/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of the configuration; see keys.h. hapair.conf(5) has the same keys in the same order. */
#include "keys.h"

#include "common/base/macros.h"
#include "config.h"
#include "names.h"

#define MASTER(field) field[NODE_ROLE_MASTER]
#define SLAVE(field)  field[NODE_ROLE_SLAVE]

/* clang-format off */
static const char *const arbiter_names[] = { "paths", "witness", "fence", "operator", NULL };
static const char *const zone_names[] = { "lan", "dmz", "internet", NULL };
static const char *const method_names[] = { "icmp", "tcp", "http", NULL };
static const char *const placement_names[] = { "master", "slave", "both", NULL };

#define AT(field) offsetof(GeneralConfig, field)
static const KeySpec general_keys[] = {
        { "Cluster", KEY_STRING, AT(cluster), .required = true, .valid = name_is_cluster,
          .rule = "a host name of at most 56 lower-case letters, digits and hyphens" },
        { "Domain", KEY_STRING, AT(domain), .valid = name_is_domain,
          .rule = "a domain name in lower case, without a dot at its ends" },
        { "Active", KEY_BOOL, AT(active), "yes" },
        { "PrimaryDevice", KEY_STRING, AT(primary_device), .local = true, .valid = name_is_interface,
          .rule = "the name of a network device, at most 15 characters" },
        { "MasterAddress", KEY_ADDRESS, AT(MASTER(addresses)), .required = true },
        { "SlaveAddress", KEY_ADDRESS, AT(SLAVE(addresses)), .required = true },
        { "Gateway", KEY_ADDRESS, AT(gateway), .no_prefix = true },
        { "FailoverLinkDown", KEY_BOOL, AT(failover_link_down), "yes" },
        { "FailoverInternetDown", KEY_BOOL, AT(failover_internet_down), "no" },
        { "InternetDownMin", KEY_DURATION, AT(internet_down_usec), "5", .unit = USEC_PER_MINUTE,
          .min = USEC_PER_MINUTE, .max = 1440 * USEC_PER_MINUTE, .rule = "a number of minutes from 1 to 1440" },
        { "FailoverLanDown", KEY_BOOL, AT(failover_lan_down), "no" },
        { "LanDownMin", KEY_DURATION, AT(lan_down_usec), "5", .unit = USEC_PER_MINUTE,
          .min = USEC_PER_MINUTE, .max = 1440 * USEC_PER_MINUTE, .rule = "a number of minutes from 1 to 1440" },
        { "UseSlaveProxy", KEY_BOOL, AT(use_slave_proxy), "no" },
        { "AutoFailback", KEY_BOOL, AT(auto_failback), "yes" },
        { "FailbackDelaySec", KEY_DURATION, AT(failback_delay_usec), "60", .unit = USEC_PER_SEC,
          .max = 86400 * USEC_PER_SEC, .rule = "a number of seconds from 0 to 86400" },
        { "Arbiter", KEY_CHOICE, AT(arbiter), "paths", .choices = arbiter_names },
        { "AcceptSplitRisk", KEY_BOOL, AT(accept_split_risk), "no" },
        { "ManageHostname", KEY_BOOL, AT(manage_hostname), "no" },
        { "Watchdog", KEY_STRING, AT(watchdog), .local = true, .valid = name_is_watchdog,
          .rule = "a hardware watchdog, /dev/watchdog0 say" },
        {},
};
#undef AT

#define AT(field) offsetof(HeartbeatConfig, field)
static const KeySpec heartbeat_keys[] = {
        { "DeadTimeSec", KEY_DURATION, AT(dead_usec), "20", .unit = USEC_PER_SEC, .min = 30 * USEC_PER_MSEC,
          .max = 600 * USEC_PER_SEC, .rule = "a number of seconds from 0.03 to 600" },
        { "Serial", KEY_BOOL, AT(serial), "yes" },
        { "MasterSerial", KEY_STRING, AT(MASTER(serial_devices)), .valid = name_is_device,
          .rule = "the path of a device in /dev" },
        { "SlaveSerial", KEY_STRING, AT(SLAVE(serial_devices)), .valid = name_is_device,
          .rule = "the path of a device in /dev" },
        { "SerialBaud", KEY_NUMBER, AT(serial_baud), "115200", .min = 9600, .max = 921600, .valid = name_is_baud,
          .rule = "one of 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600" },
        { "Port", KEY_NUMBER, AT(port), "5694", .min = 1024, .max = 65535,
          .rule = "a whole number from 1024 to 65535 (hapair-hbd has no right to lower ports)" },
        {},
};
#undef AT

#define AT(field) offsetof(PathConfig, field)
static const KeySpec path_keys[] = {
        { "MasterAddress", KEY_ADDRESS, AT(MASTER(addresses)), .required = true },
        { "SlaveAddress", KEY_ADDRESS, AT(SLAVE(addresses)), .required = true },
        {},
};
#undef AT

#define AT(field) offsetof(ReplicationConfig, field)
static const KeySpec replication_keys[] = {
        { "Enabled", KEY_BOOL, AT(enabled), "no" },
        { "SyncRate", KEY_NUMBER, AT(sync_rate_kib), "40960", .min = 1, .max = 4194304,
          .rule = "a whole number of KiB/s from 1 to 4194304" },
        { "OverLan", KEY_BOOL, AT(over_lan), "no" },
        { "MasterAddress", KEY_ADDRESS, AT(MASTER(addresses)) },
        { "SlaveAddress", KEY_ADDRESS, AT(SLAVE(addresses)) },
        { "Port", KEY_NUMBER, AT(port), "7788", .min = 1, .max = 65535,
          .rule = "a whole number from 1 to 65535" },
        { "Resource", KEY_STRING, AT(resource), "hapair", .required = true, .valid = name_is_resource,
          .rule = "at most 31 letters, digits, hyphens and underscores, a letter first, and no word of "
                  "DRBD's own language" },
        { "Device", KEY_STRING, AT(device), "/dev/drbd0", .required = true, .valid = name_is_drbd_device,
          .rule = "a DRBD device, /dev/drbd0 say" },
        { "MasterDisk", KEY_STRING, AT(MASTER(disks)), .valid = name_is_disk,
          .rule = "the path of a disk in /dev that is not DRBD's own" },
        { "SlaveDisk", KEY_STRING, AT(SLAVE(disks)), .valid = name_is_disk,
          .rule = "the path of a disk in /dev that is not DRBD's own" },
        { "MountPoint", KEY_STRING, AT(mount_point), "/srv/hapair", .required = true,
          .valid = name_is_mount_point,
          .rule = "an absolute path that is no directory of the system and in none" },
        { "FileSystem", KEY_STRING, AT(file_system), "ext4", .required = true, .valid = name_is_file_system,
          .rule = "ext4 or xfs" },
        {},
};
#undef AT

#define AT(field) offsetof(VirtualIpConfig, field)
static const KeySpec virtual_ip_keys[] = {
        { "Enabled", KEY_BOOL, AT(enabled), "yes" },
        { "Address", KEY_ADDRESS, AT(address), .required = true },
        { "Aliases", KEY_ADDRESS_LIST, AT(aliases), .max = 2048 },
        { "MasterAddress", KEY_ADDRESS, AT(MASTER(addresses)), .required = true },
        { "SlaveAddress", KEY_ADDRESS, AT(SLAVE(addresses)), .required = true },
        {},
};
#undef AT

#define AT(field) offsetof(DeviceConfig, field)
static const KeySpec device_keys[] = {
        { "Zone", KEY_CHOICE, AT(zone), .required = true, .choices = zone_names },
        { "ConnectivityCheck", KEY_BOOL, AT(connectivity_check), "no" },
        { "CheckMethod", KEY_CHOICE, AT(check_method), "icmp", .choices = method_names },
        { "CheckTarget", KEY_STRING, AT(check_target), .valid = name_is_check_target,
          .rule = "one word of at most 255 characters" },
        {},
};
#undef AT

#define AT(field) offsetof(ServiceConfig, field)
static const KeySpec service_keys[] = {
        { "Start", KEY_CHOICE, AT(placement), "master", .choices = placement_names },
        { "MaxFailures", KEY_NUMBER, AT(max_failures), "3", .min = 1, .max = 100,
          .rule = "a whole number from 1 to 100" },
        { "FailureWindowSec", KEY_DURATION, AT(failure_window_usec), "60", .unit = USEC_PER_SEC,
          .min = USEC_PER_SEC, .max = 86400 * USEC_PER_SEC, .rule = "a number of seconds from 1 to 86400" },
        {},
};
#undef AT

#define AT(field) offsetof(ProxyConfig, field)
static const KeySpec proxy_keys[] = {
        { "Port", KEY_NUMBER, AT(port), "3128", .min = 1, .max = 65535,
          .rule = "a whole number from 1 to 65535" },
        {},
};
#undef AT

const SectionSpec section_specs[] = {
        { "General", .offset = offsetof(Config, general), .keys = general_keys },
        { "Heartbeat", .offset = offsetof(Config, heartbeat), .keys = heartbeat_keys },
        { "Path", .named = true, .offset = offsetof(Config, paths), .size = sizeof(PathConfig), .max = 5,
          .name_valid = name_is_further_path, .keys = path_keys,
          .name_rule = "at most 31 letters, digits, hyphens and underscores, and not lan, replication or serial, "
                       "which are paths already" },
        { "Replication", .offset = offsetof(Config, replication), .keys = replication_keys },
        { "VirtualIP", .named = true, .offset = offsetof(Config, virtual_ips), .size = sizeof(VirtualIpConfig),
          .max = 64, .name_valid = name_is_label, .keys = virtual_ip_keys,
          .name_rule = "at most 31 letters, digits, hyphens and underscores" },
        { "Device", .named = true, .offset = offsetof(Config, devices), .size = sizeof(DeviceConfig), .max = 64,
          .name_valid = name_is_interface, .keys = device_keys,
          .name_rule = "that of a network device, at most 15 characters" },
        { "Service", .named = true, .offset = offsetof(Config, services), .size = sizeof(ServiceConfig),
          .max = 64, .name_valid = name_is_unit, .keys = service_keys,
          .name_rule = "at most 63 letters, digits, and -_.@" },
        { "Proxy", .offset = offsetof(Config, proxy), .keys = proxy_keys },
        {},
};
/* clang-format on */

const char *arbiter_to_string(Arbiter arbiter)
{
        return arbiter_names[arbiter];
}

const char *placement_to_string(Placement placement)
{
        return placement_names[placement];
}

const char *node_role_to_string(NodeRole role)
{
        static const char *const names[] = { "none", "master", "slave" };

        return names[role];
}
