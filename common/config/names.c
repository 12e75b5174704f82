/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What names and paths may look like; see names.h. */
#include "names.h"

#include <glib.h>
#include <string.h>

/* The kernel's limit on interface names is 16 with the final NUL. */
#define INTERFACE_NAME_MAX 15

/* A host name's label is at most 63 long; "-master" is put behind this one. */
#define CLUSTER_NAME_MAX (63 - 7)

/* RFC 1123: letters, digits and hyphens, none of these first or last; we take lower case only. */
static bool is_host_label(const char *text, size_t n, size_t max)
{
        if (n == 0 || n > max || text[0] == '-' || text[n - 1] == '-')
                return false;

        for (size_t i = 0; i < n; i++)
                if (!g_ascii_islower(text[i]) && !g_ascii_isdigit(text[i]) && text[i] != '-')
                        return false;

        return true;
}

bool name_is_cluster(const char *text)
{
        return is_host_label(text, strlen(text), CLUSTER_NAME_MAX);
}

bool name_is_domain(const char *text)
{
        if (strlen(text) > 190)
                return false;

        for (;;) {
                size_t n = strcspn(text, ".");

                if (!is_host_label(text, n, 63))
                        return false;
                if (text[n] == '\0')
                        return true;
                text += n + 1;
        }
}

bool name_is_interface(const char *text)
{
        size_t n = strlen(text);

        if (n == 0 || n > INTERFACE_NAME_MAX || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
                return false;

        for (const char *p = text; *p; p++)
                if (!g_ascii_isgraph(*p) || *p == '/' || *p == ':')
                        return false;

        return true;
}

static bool is_word(const char *text, size_t max, const char *more)
{
        size_t n = strlen(text);

        if (n == 0 || n > max || !g_ascii_isalnum(text[0]))
                return false;

        for (const char *p = text; *p; p++)
                if (!g_ascii_isalnum(*p) && !strchr(more, *p))
                        return false;

        return true;
}

bool name_is_label(const char *text)
{
        return is_word(text, 31, "-_");
}

bool name_is_further_path(const char *text)
{
        return name_is_label(text) && strcmp(text, "lan") != 0 && strcmp(text, "replication") != 0 &&
               strcmp(text, "serial") != 0;
}

bool name_is_unit(const char *text)
{
        return is_word(text, 63, "-_.@");
}

/* Absolute, without "//", "/./", "/../" and a slash at the end; nothing a shell or a unit file would touch.
 */
static bool is_clean_path(const char *text)
{
        if (text[0] != '/' || strlen(text) > 255)
                return false;

        for (const char *part = text; *part;) {
                size_t n = strcspn(part + 1, "/");

                if (n == 0 || (n == 1 && part[1] == '.') || (n == 2 && part[1] == '.' && part[2] == '.'))
                        return false;
                part += n + 1;
        }

        for (const char *p = text; *p; p++)
                if (!g_ascii_isalnum(*p) && !strchr("/-_.:+@,", *p))
                        return false;

        return true;
}

bool name_is_device(const char *text)
{
        return is_clean_path(text) && g_str_has_prefix(text, "/dev/");
}

/* "0" to "9999", as the kernel writes it: /dev/drbd00 is no name of /dev/drbd0. */
static bool is_unit_number(const char *text)
{
        size_t n = strlen(text);

        return n >= 1 && n <= 4 && strspn(text, "0123456789") == n && (n == 1 || text[0] != '0');
}

/* Without its number, /dev/watchdog, it is no device of the class that hapair-electd may open. */
bool name_is_watchdog(const char *text)
{
        return g_str_has_prefix(text, "/dev/watchdog") && is_unit_number(text + strlen("/dev/watchdog"));
}

bool name_is_drbd_device(const char *text)
{
        return g_str_has_prefix(text, "/dev/drbd") && is_unit_number(text + strlen("/dev/drbd"));
}

bool name_is_disk(const char *text)
{
        return name_is_device(text) && !g_str_has_prefix(text, "/dev/drbd");
}

static bool is_one_of(const char *text, const char *const *words)
{
        for (; *words; words++)
                if (strcmp(text, *words) == 0)
                        return true;

        return false;
}

/* drbdadm reads a number, and the words of its own language, as something else than a name. */
bool name_is_resource(const char *text)
{
        static const char *const words[] = {
                "all",        "common",    "device",  "disk",           "floating",    "global",
                "host",       "handlers",  "inside",  "ipv4",           "ipv6",        "net",
                "no",         "on",        "options", "path",           "proxy",       "resource",
                "ssocks",     "startup",   "syncer",  "volume",         "yes",         "address",
                "connection", "meta-disk", "node-id", "dialog-refresh", "minor-count", NULL
        };

        return name_is_label(text) && g_ascii_isalpha(text[0]) && !is_one_of(text, words);
}

/* Over one of these, or inside of the second kind, a mount would take the system or hapair itself down. */
bool name_is_mount_point(const char *text)
{
        static const char *const over[] = { "/root",    "/tmp",     "/var",     "/var/cache",
                                            "/var/lib", "/var/log", "/var/tmp", NULL };
        static const char *const inside[] = {
                "/bin",  "/boot", "/dev",  "/etc", "/lib", "/lib32",   "/lib64",          "/libx32",
                "/proc", "/run",  "/sbin", "/sys", "/usr", "/var/run", "/var/lib/hapair", "/var/lib/systemd",
                NULL
        };

        if (!is_clean_path(text) || is_one_of(text, over))
                return false;

        for (size_t i = 0; inside[i]; i++) {
                size_t n = strlen(inside[i]);

                if (strncmp(text, inside[i], n) == 0 && (text[n] == '/' || text[n] == '\0'))
                        return false;
        }

        return true;
}

/*
 * Those whose check and repair come with a Debian system, and which look at one device only: btrfs finds its
 * devices by an identifier that also stands on the disk below the replicated one.
 */
bool name_is_file_system(const char *text)
{
        return strcmp(text, "ext4") == 0 || strcmp(text, "xfs") == 0;
}

/* systemd would take much more; nothing that a service of ours needs. A template alone is no unit. */
static bool is_service_unit(const char *text)
{
        return is_word(text, 127, "-_.@:") && g_str_has_suffix(text, ".service") && text[0] != '.' &&
               text[0] != '@' && !g_str_has_suffix(text, "@.service") && !g_str_has_prefix(text, "hapair-");
}

/* It goes over D-Bus, which takes UTF-8 only, and to terminals. */
bool name_is_description(const char *text)
{
        if (strlen(text) > 100 || !g_utf8_validate(text, -1, NULL))
                return false;
        for (const char *p = text; *p; p++)
                if (g_ascii_iscntrl(*p))
                        return false;
        return true;
}

bool name_is_service_list(const char *text)
{
        g_auto(GStrv) units = g_strsplit(text, ";", -1);

        if (g_strv_length(units) == 0 || g_strv_length(units) > 8)
                return false;
        for (char **unit = units; *unit; unit++)
                if (!is_service_unit(*unit) || g_strv_contains((const char *const *) unit + 1, *unit))
                        return false;
        return true;
}

/* The rates that termios knows and that a heartbeat fits through. */
bool name_is_baud(const char *text)
{
        static const char *const rates[] = { "9600",   "19200",  "38400",  "57600", "115200",
                                             "230400", "460800", "921600", NULL };

        return is_one_of(text, rates);
}

/* What the methods make of it is for the rules; here only that it is one short word of printable text. */
bool name_is_check_target(const char *text)
{
        for (const char *p = text; *p; p++)
                if (!g_ascii_isgraph(*p))
                        return false;

        return strlen(text) <= 255;
}
