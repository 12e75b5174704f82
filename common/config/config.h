/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration of the pair, typed, and the strict loader that makes it from hapair.conf and local.conf.
 * confd and the command line use it; nothing else reads these files. The meaning, unit and default of each
 * key are in hapair.conf(5); the tables in keys.c say the same to the loader. GLib stops here.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/address.h"
#include "problem.h"
#include "scan.h"

typedef enum Arbiter {
        ARBITER_PATHS,
        ARBITER_WITNESS,
        ARBITER_FENCE,
        ARBITER_OPERATOR,
        _ARBITER_MAX,
        _ARBITER_INVALID = -22, /* -EINVAL */
} Arbiter;

typedef enum Zone {
        ZONE_LAN,
        ZONE_DMZ,
        ZONE_INTERNET,
        _ZONE_MAX,
        _ZONE_INVALID = -22,
} Zone;

typedef enum CheckMethod {
        CHECK_ICMP,
        CHECK_TCP,
        CHECK_HTTP,
        _CHECK_METHOD_MAX,
        _CHECK_METHOD_INVALID = -22,
} CheckMethod;

typedef enum Placement {
        PLACEMENT_MASTER,
        PLACEMENT_SLAVE,
        PLACEMENT_BOTH,
        _PLACEMENT_MAX,
        _PLACEMENT_INVALID = -22,
} Placement;

/* Which node of the pair this machine is, from its own addresses. */
typedef enum NodeRole {
        NODE_ROLE_NONE,
        NODE_ROLE_MASTER,
        NODE_ROLE_SLAVE,
        _NODE_ROLE_MAX,
        _NODE_ROLE_INVALID = -22,
} NodeRole;

const char *arbiter_to_string(Arbiter arbiter);
const char *node_role_to_string(NodeRole role);
const char *placement_to_string(Placement placement);

/* Strings are NULL, addresses AF_UNSPEC, where an optional key is not there or empty. */
typedef struct GeneralConfig {
        char *cluster;
        char *domain;
        bool active;
        char *primary_device;
        IpAddress addresses[_NODE_ROLE_MAX]; /* by NodeRole */
        IpAddress gateway;
        bool failover_link_down;
        bool failover_internet_down;
        uint64_t internet_down_usec;
        bool failover_lan_down;
        uint64_t lan_down_usec;
        bool use_slave_proxy;
        bool auto_failback;
        uint64_t failback_delay_usec;
        Arbiter arbiter;
        bool accept_split_risk;
        bool manage_hostname;
        char *watchdog;
} GeneralConfig;

typedef struct HeartbeatConfig {
        uint64_t dead_usec;
        bool serial;
        char *serial_devices[_NODE_ROLE_MAX];
        uint64_t serial_baud;
        uint64_t port;
} HeartbeatConfig;

typedef struct ReplicationConfig {
        bool enabled;
        uint64_t sync_rate_kib;
        bool over_lan;
        IpAddress addresses[_NODE_ROLE_MAX];
        uint64_t port;
        char *resource;
        char *device;
        char *disks[_NODE_ROLE_MAX];
        char *mount_point;
        char *file_system;
} ReplicationConfig;

typedef struct ProxyConfig {
        uint64_t port;
} ProxyConfig;

/* The sections of which there may be many begin with their name. */
typedef struct PathConfig {
        char *name;
        IpAddress addresses[_NODE_ROLE_MAX];
} PathConfig;

typedef struct VirtualIpConfig {
        char *name;
        bool enabled;
        IpAddress address;
        GArray *aliases; /* IpAddress */
        IpAddress addresses[_NODE_ROLE_MAX];
} VirtualIpConfig;

typedef struct DeviceConfig {
        char *name;
        Zone zone;
        bool connectivity_check;
        CheckMethod check_method;
        char *check_target;
} DeviceConfig;

typedef struct ServiceConfig {
        char *name;
        Placement placement;
        uint64_t max_failures;
        uint64_t failure_window_usec;
} ServiceConfig;

typedef struct Config {
        GeneralConfig general;
        HeartbeatConfig heartbeat;
        ReplicationConfig replication;
        ProxyConfig proxy;
        GPtrArray *paths;       /* PathConfig, like all of these by name */
        GPtrArray *virtual_ips; /* VirtualIpConfig */
        GPtrArray *devices;     /* DeviceConfig */
        GPtrArray *services;    /* ServiceConfig */

        char *digest; /* SHA-256, hexadecimal, of every key of hapair.conf in its canonical form */
        Scan *shared; /* what stands in hapair.conf and in local.conf, for messages */
        Scan *local;
} Config;

/* The text of one file. A NULL text is a file that is not there. */
typedef struct ConfigText {
        const char *path;
        char *text;
        size_t length;
} ConfigText;

/*
 * Reads a file of at most a megabyte. -ENOENT when there is none, -EFBIG when it is larger, or another
 * errno. The caller frees ret_text->text; the path is borrowed.
 */
int config_text_read(const char *path, ConfigText *ret_text);

/*
 * Makes the typed configuration, from defaults where nothing stands, and checks every rule that needs no
 * look at a machine. Everything that is wrong or dubious is added to `problems`. NULL when there was an
 * error.
 */
Config *config_parse(const ConfigText *shared, const ConfigText *local, GPtrArray *problems);

Config *config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/* Called with file ("hapair.conf", "local.conf", or "" for a default), section, key and value in force. */
typedef void (*ConfigItemFunc)(const char *file, const char *section, const char *key, const char *value,
                               void *userdata);

/* Every key of the configuration in force, in the order of the manual; values in their canonical form. */
void config_foreach(const Config *config, ConfigItemFunc function, void *userdata);

/*
 * Add an error, or a warning, about a key in force: with the file, line and value it stands with, or just
 * the section and key when it is a default. For rules that look at more than one key.
 */
void config_refuse(const Config *config, GPtrArray *problems, const char *header, const char *key,
                   const char *rule, ...) G_GNUC_PRINTF(5, 6);
void config_warn(const Config *config, GPtrArray *problems, const char *header, const char *key,
                 const char *rule, ...) G_GNUC_PRINTF(5, 6);
