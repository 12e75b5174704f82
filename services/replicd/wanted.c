/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wanted.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/settings.h"

#define MINOR_MAX    255
#define NAME_MAX_LEN 64
#define PATH_MAX_LEN 200
#define LETTERS      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

void wanted_done(Wanted *wanted)
{
        free(wanted->role);
        free(wanted->cluster);
        free(wanted->resource);
        free(wanted->device);
        free(wanted->mount_point);
        free(wanted->file_system);
        free(wanted->own);
        free(wanted->peer);
        free(wanted->disk);
        free(wanted->peer_disk);
        *wanted = (Wanted){ 0 };
}

int wanted_read(sd_bus_message *message, Wanted *ret_wanted, const char **ret_bad)
{
        static const SettingsField fields[] = {
                { "Configured", "b", offsetof(Wanted, configured), NULL },
                { "Role", "s", offsetof(Wanted, role), NULL },
                { "Cluster", "s", offsetof(Wanted, cluster), NULL },
                { "DeadTimeUSec", "t", offsetof(Wanted, dead_usec), NULL },
                { "Enabled", "b", offsetof(Wanted, enabled), NULL },
                { "Resource", "s", offsetof(Wanted, resource), NULL },
                { "Device", "s", offsetof(Wanted, device), NULL },
                { "MountPoint", "s", offsetof(Wanted, mount_point), NULL },
                { "FileSystem", "s", offsetof(Wanted, file_system), NULL },
                { "Own", "s", offsetof(Wanted, own), NULL },
                { "Peer", "s", offsetof(Wanted, peer), NULL },
                { "Port", "q", offsetof(Wanted, port), NULL },
                { "Disk", "s", offsetof(Wanted, disk), NULL },
                { "PeerDisk", "s", offsetof(Wanted, peer_disk), NULL },
                { "SyncRateKiB", "t", offsetof(Wanted, sync_rate_kib), NULL },
        };
        Wanted wanted = { 0 };
        int r = settings_read(message, fields, ARRAY_SIZE(fields), &wanted, ret_bad);

        if (r < 0) {
                wanted_done(&wanted);
                return r;
        }
        *ret_wanted = wanted;
        return 0;
}

/* Not empty, not too long, of these letters only. */
static bool is_of(const char *text, const char *letters, size_t max)
{
        return text && text[0] != 0 && strlen(text) <= max && text[strspn(text, letters)] == 0;
}

static bool is_path(const char *text)
{
        return is_of(text, LETTERS "/._:+@-", PATH_MAX_LEN) && text[0] == '/' && !strstr(text, "/../") &&
               !strstr(text, "//");
}

static bool is_disk(const char *text)
{
        return is_path(text) && strncmp(text, "/dev/", 5) == 0;
}

static bool is_address(const char *text)
{
        uint8_t bytes[16];

        return text && (inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1);
}

int wanted_check(Wanted *wanted, const char **ret_bad)
{
        char end;
        const struct {
                const char *name;
                bool good;
        } checks[] = {
                { "Resource", is_of(wanted->resource, LETTERS "_-", NAME_MAX_LEN) },
                { "Cluster", is_of(wanted->cluster, LETTERS "-", NAME_MAX_LEN) },
                { "Device",
                  wanted->device && sscanf(wanted->device, "/dev/drbd%3u%c", &wanted->minor, &end) == 1 &&
                                  wanted->minor <= MINOR_MAX },
                { "MountPoint", is_path(wanted->mount_point) && wanted->mount_point[1] != 0 },
                { "FileSystem", is_of(wanted->file_system, LETTERS, NAME_MAX_LEN) },
                { "MasterAddress, SlaveAddress", is_address(wanted->own) && is_address(wanted->peer) },
                { "MasterDisk, SlaveDisk", is_disk(wanted->disk) && is_disk(wanted->peer_disk) },
                { "Port", wanted->port > 0 },
                { "SyncRate", wanted->sync_rate_kib > 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
                if (!checks[i].good) {
                        *ret_bad = checks[i].name;
                        return -EINVAL;
                }
        }
        return 0;
}

bool wanted_is_master(const Wanted *wanted)
{
        return wanted->role && strcmp(wanted->role, "master") == 0;
}
