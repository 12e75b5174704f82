/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings of hbd, read from confd's answer. */
#include "services/hbd/hbd-settings.h"

#include <errno.h>
#include <string.h>

#include "common/settings.h"

#define DEAD_MIN_USEC (30 * USEC_PER_MSEC)
#define DEAD_MAX_USEC (600 * USEC_PER_SEC)

static const SettingsField path_fields[] = {
        { "Name", "s", offsetof(PathSettings, name) },     { "Kind", "s", offsetof(PathSettings, kind) },
        { "Own", "s", offsetof(PathSettings, own) },       { "Peer", "s", offsetof(PathSettings, peer) },
        { "Device", "s", offsetof(PathSettings, device) }, { "Baud", "u", offsetof(PathSettings, baud) },
};

void path_settings_clear(PathSettings *settings)
{
        free(settings->name);
        free(settings->kind);
        free(settings->own);
        free(settings->peer);
        free(settings->device);
        *settings = (PathSettings){};
}

static bool same_text(const char *a, const char *b)
{
        return strcmp(a ? a : "", b ? b : "") == 0;
}

bool path_settings_equal(const PathSettings *a, const PathSettings *b)
{
        return same_text(a->name, b->name) && same_text(a->kind, b->kind) && same_text(a->own, b->own) &&
               same_text(a->peer, b->peer) && same_text(a->device, b->device) && a->baud == b->baud;
}

static char *copy_text(const char *text, bool *failed)
{
        char *copy = text ? strdup(text) : NULL;

        *failed = *failed || (text && !copy);
        return copy;
}

int path_settings_copy(const PathSettings *from, PathSettings *ret_to)
{
        bool failed = false;
        PathSettings to = {
                .name = copy_text(from->name, &failed),
                .kind = copy_text(from->kind, &failed),
                .own = copy_text(from->own, &failed),
                .peer = copy_text(from->peer, &failed),
                .device = copy_text(from->device, &failed),
                .baud = from->baud,
        };

        if (failed) {
                path_settings_clear(&to);
                return -ENOMEM;
        }
        *ret_to = to;
        return 0;
}

/* confd has checked them for people; this only keeps nonsense of a broken confd out. */
static bool path_is_complete(const PathSettings *p)
{
        if (!p->name || !*p->name || !p->kind)
                return false;
        if (strcmp(p->kind, "udp") == 0)
                return p->own && p->peer;
        return strcmp(p->kind, "serial") == 0 && p->device && p->baud > 0;
}

static int read_path(sd_bus_message *message, void *userdata)
{
        HbdSettings *settings = userdata;
        PathSettings *p = &settings->paths[settings->n_paths];
        const char *bad = NULL;
        int r;

        if (settings->n_paths == PATHS_MAX)
                return -E2BIG;
        settings->n_paths++;
        r = settings_read(message, path_fields, ARRAY_SIZE(path_fields), p, &bad);
        if (r < 0)
                return r;
        return path_is_complete(p) ? 0 : -EINVAL;
}

static int read_paths(sd_bus_message *message, void *ret_value)
{
        return settings_read_rows(message, read_path, (uint8_t *) ret_value - offsetof(HbdSettings, paths));
}

static const SettingsField fields[] = {
        { "Configured", "b", offsetof(HbdSettings, configured) },
        { "Active", "b", offsetof(HbdSettings, active) },
        { "Role", "s", offsetof(HbdSettings, role) },
        { "Cluster", "s", offsetof(HbdSettings, cluster) },
        { "DeadTimeUSec", "t", offsetof(HbdSettings, dead_usec) },
        { "Port", "q", offsetof(HbdSettings, port) },
        { "Paths", "aa{sv}", offsetof(HbdSettings, paths), read_paths },
};

static const char *wrong(const HbdSettings *s)
{
        if (!s->role || (strcmp(s->role, "master") != 0 && strcmp(s->role, "slave") != 0))
                return "Role";
        if (!s->cluster || !*s->cluster || strlen(s->cluster) > 64)
                return "Cluster";
        if (s->dead_usec < DEAD_MIN_USEC || s->dead_usec > DEAD_MAX_USEC)
                return "DeadTimeUSec";
        return s->port == 0 ? "Port" : NULL;
}

int hbd_settings_read(sd_bus_message *message, HbdSettings *ret_settings, const char **ret_bad)
{
        int r;

        *ret_settings = (HbdSettings){};
        *ret_bad = NULL;
        r = settings_read(message, fields, ARRAY_SIZE(fields), ret_settings, ret_bad);
        if (r < 0)
                return r;
        if (ret_settings->configured && ret_settings->active && ret_settings->n_paths > 0)
                *ret_bad = wrong(ret_settings);
        return *ret_bad ? -EINVAL : 0;
}

void hbd_settings_clear(HbdSettings *settings)
{
        for (unsigned i = 0; i < settings->n_paths; i++)
                path_settings_clear(&settings->paths[i]);
        free(settings->role);
        free(settings->cluster);
        *settings = (HbdSettings){};
}
