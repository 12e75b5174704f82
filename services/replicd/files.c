/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
        PING_SEC_MAX = 3,
        STALL_SEC_MIN = 10,
};

static void closep(const int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static void fclosep(FILE **file)
{
        if (*file)
                fclose(*file);
}

void format_endpoint(const char *address, unsigned port, char ret_text[static 80])
{
        if (strchr(address, ':'))
                snprintf(ret_text, 80, "ipv6:[%s]:%u", address, port);
        else
                snprintf(ret_text, 80, "ipv4:%s:%u", address, port);
}

/* One end as the resource file has it: the family's name stands apart. */
static void format_address(const char *address, unsigned port, char ret_text[static 80])
{
        format_endpoint(address, port, ret_text);
        ret_text[4] = ' ';
}

/*
 * The safe policies of the design, where none lets the kernel throw data away by itself. Heartbeats judge
 * the peer; DRBD's own detection is only to be no slower than need be, and must not take a peer whose disk
 * stalls for a dead one sooner than heartbeats would: ko-count times timeout is the dead time, at least 10
 * s.
 */
static int append_policies(const Wanted *wanted, const char *handler, char *text, size_t size)
{
        unsigned dead = (unsigned) MIN_OF(wanted->dead_usec / USEC_PER_SEC, (uint64_t) 600);
        unsigned ping = dead < 16 ? 1 : dead < 24 ? 2 : PING_SEC_MAX;
        unsigned timeout =
                        10 * ping - 1; /* tenths of a second; DRBD wants it below ping-int and connect-int */
        unsigned ko_count = 10 * MAX_OF(dead, (unsigned) STALL_SEC_MIN) / timeout + 1;

        return snprintf(text, size,
                        "        net {\n"
                        "                protocol C;\n"
                        "                after-sb-0pri disconnect;\n"
                        "                after-sb-1pri disconnect;\n"
                        "                after-sb-2pri disconnect;\n"
                        "                rr-conflict disconnect;\n"
                        "                ping-int %u;\n"
                        "                ping-timeout %u;\n"
                        "                connect-int %u;\n"
                        "                timeout %u;\n"
                        "                ko-count %u;\n"
                        "        }\n"
                        "        disk {\n"
                        "                fencing resource-and-stonith;\n"
                        "                on-io-error detach;\n"
                        "                c-plan-ahead 0;\n"
                        "                resync-rate %" PRIu64 "k;\n"
                        "        }\n"
                        "        handlers {\n"
                        "                fence-peer %s;\n"
                        "        }\n",
                        ping, timeout, ping, timeout, ko_count, wanted->sync_rate_kib, handler);
}

static int append_node(const char *names, const Wanted *wanted, const char *disk, const char *address,
                       char *text, size_t size)
{
        return snprintf(text, size,
                        "        on %s {\n"
                        "                device %s minor %u;\n"
                        "                disk %s;\n"
                        "                meta-disk internal;\n"
                        "                address %s;\n"
                        "        }\n",
                        names, wanted->device, wanted->minor, disk, address);
}

/*
 * drbdadm finds this node by its host name, not by its address ("floating"): the address may be away, and
 * with a direct cable is when the peer is dead, which is when the handler is needed. It may be renamed to
 * the name that hapair gives it at any time.
 */
int resource_text(const Wanted *wanted, const char *host, const char *handler,
                  char ret_text[static FILE_TEXT_MAX])
{
        char names[2 * UNIT_NAME_MAX], pair_name[UNIT_NAME_MAX], own[80], peer[80];
        size_t n = 0;

        snprintf(pair_name, sizeof(pair_name), "%s-%s", wanted->cluster, wanted->role);
        snprintf(names, sizeof(names), "%s%s%s", host, strcmp(host, pair_name) != 0 ? " " : "",
                 strcmp(host, pair_name) != 0 ? pair_name : "");
        format_address(wanted->own, wanted->port, own);
        format_address(wanted->peer, wanted->port, peer);

        n += (size_t) snprintf(
                        ret_text, FILE_TEXT_MAX,
                        "# Written by hapair-replicd from /etc/hapair/hapair.conf; changes are lost.\n"
                        "resource %s {\n",
                        wanted->resource);
        if (n < FILE_TEXT_MAX)
                n += (size_t) append_policies(wanted, handler, ret_text + n, FILE_TEXT_MAX - n);
        if (n < FILE_TEXT_MAX)
                n += (size_t) append_node(names, wanted, wanted->disk, own, ret_text + n, FILE_TEXT_MAX - n);
        if (n < FILE_TEXT_MAX)
                n += (size_t) append_node("hapair-peer", wanted, wanted->peer_disk, peer, ret_text + n,
                                          FILE_TEXT_MAX - n);
        if (n < FILE_TEXT_MAX)
                n += (size_t) snprintf(ret_text + n, FILE_TEXT_MAX - n, "}\n");
        return n < FILE_TEXT_MAX ? 0 : -ENOSPC;
}

/*
 * Nothing of systemd's own makes it go: at shutdown it would be unmounted under the services, or wait for
 * electd's stop, which waits for it. electd unmounts in its time; what is left then systemd-shutdown does.
 */
int mount_unit_text(const Wanted *wanted, char ret_text[static FILE_TEXT_MAX])
{
        int n = snprintf(
                        ret_text, FILE_TEXT_MAX,
                        "# Written by hapair-replicd from /etc/hapair/hapair.conf; changes are lost.\n"
                        "[Unit]\n"
                        "Description=The volume of the running master\n"
                        "Documentation=man:hapair-replicd(8)\n"
                        "DefaultDependencies=no\n"
                        "\n"
                        "[Mount]\n"
                        "What=%s\n"
                        "Where=%s\n"
                        "Type=%s\n"
                        "TimeoutSec=50s\n"
                        "# A takeover waits for it, and not for what is done meanwhile for the device's event.\n"
                        "Nice=-15\n",
                        wanted->device, wanted->mount_point, wanted->file_system);

        return n < FILE_TEXT_MAX ? 0 : -ENOSPC;
}

int mount_unit_name(const char *mount_point, char ret_name[static UNIT_NAME_MAX])
{
        const char *end = mount_point + strlen(mount_point);
        size_t n = 0;

        while (end > mount_point && end[-1] == '/')
                end--;
        for (const char *c = mount_point + 1; c < end; c++) {
                bool plain = isalnum((unsigned char) *c) || strchr(":_", *c) || (*c == '.' && n > 0);

                if (n + sizeof("\\x00.mount") > UNIT_NAME_MAX)
                        return -ENAMETOOLONG;
                if (*c == '/')
                        ret_name[n++] = '-';
                else if (plain)
                        ret_name[n++] = *c;
                else
                        n += (size_t) snprintf(ret_name + n, UNIT_NAME_MAX - n, "\\x%02x",
                                               (unsigned char) *c);
        }
        memcpy(ret_name + n, ".mount", sizeof(".mount"));
        return 0;
}

/* As much as a file of ours may have, and an end mark; more than that is none of ours. */
static size_t read_file(const char *path, char ret_text[static FILE_TEXT_MAX + 1])
{
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        size_t n = file ? fread(ret_text, 1, FILE_TEXT_MAX, file) : 0;

        ret_text[n] = '\0';
        return n;
}

static bool holds(const char *path, const char *text)
{
        char present[FILE_TEXT_MAX + 1];
        size_t n = read_file(path, present);

        return n > 0 && n == strlen(text) && memcmp(present, text, n) == 0;
}

int resource_own_disk(const char *path, char ret_disk[static PATH_MAX])
{
        static const char key[] = "\n                disk ";
        char text[FILE_TEXT_MAX + 1];
        const char *disk;
        size_t n;

        (void) read_file(path, text);
        disk = strstr(text, key); /* the peer's comes second */
        if (!disk)
                return -ENODATA;
        disk += sizeof(key) - 1;
        n = strcspn(disk, ";\n");
        if (disk[n] != ';' || n == 0 || n >= PATH_MAX)
                return -ENODATA;
        memcpy(ret_disk, disk, n);
        ret_disk[n] = '\0';
        return 0;
}

static int write_durably(const char *path, const char *text)
{
        _cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
        size_t size = strlen(text);

        if (fd < 0)
                return -errno;
        if (fchmod(fd, 0644) < 0) /* our umask is for secrets; these are to be read by all */
                return -errno;
        if (write(fd, text, size) != (ssize_t) size)
                return errno != 0 ? -errno : -ENOSPC;
        return fsync(fd) < 0 ? -errno : 0;
}

int file_write(const char *path, const char *text)
{
        char temporary[PATH_MAX];
        int r;

        if (holds(path, text))
                return 0;
        r = snprintf(temporary, sizeof(temporary), "%s.new", path);
        if (r < 0 || (size_t) r >= sizeof(temporary))
                return -ENAMETOOLONG;
        r = write_durably(temporary, text);
        if (r < 0)
                return r;
        return rename(temporary, path) < 0 ? -errno : 1;
}
