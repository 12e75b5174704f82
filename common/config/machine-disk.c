/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What else a disk is used for on this machine; see machine.h. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "machine.h"

/* Where the kernel shows a block device: a partition's place lies in that of its disk. NULL when nowhere. */
static char *place_of(dev_t device)
{
        g_autofree char *link = g_strdup_printf("/sys/dev/block/%u:%u", major(device), minor(device));

        return realpath(link, NULL);
}

/* The device itself, or a partition of it. */
static bool is_part(const char *disk_place, dev_t device)
{
        char *place = place_of(device);
        size_t n = strlen(disk_place);
        bool part = place && strncmp(place, disk_place, n) == 0 && (place[n] == '\0' || place[n] == '/');

        free(place);
        return part;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime …" */
static char *find_mount(const char *disk_place)
{
        FILE *file = fopen("/proc/self/mountinfo", "re");
        g_autofree char *found = NULL;
        char *line = NULL;
        size_t size = 0;

        while (file && !found && getline(&line, &size, file) >= 0) {
                unsigned high, low;
                char where[256];

                if (sscanf(line, "%*d %*d %u:%u %*s %255s", &high, &low, where) == 3 &&
                    is_part(disk_place, makedev(high, low)))
                        found = g_strdup_printf("mounted at %s", where);
        }

        free(line);
        if (file)
                fclose(file);
        return g_steal_pointer(&found);
}

/* A heading, then the path of a device or file first. */
static bool is_swap(const char *disk_place)
{
        FILE *file = fopen("/proc/swaps", "re");
        bool found = false;
        char *line = NULL;
        size_t size = 0;

        while (file && !found && getline(&line, &size, file) >= 0) {
                struct stat st;

                line[strcspn(line, " \t")] = '\0';
                found = stat(line, &st) >= 0 && S_ISBLK(st.st_mode) && is_part(disk_place, st.st_rdev);
        }

        free(line);
        if (file)
                fclose(file);
        return found;
}

/* Whose part it is: an LVM volume group, a RAID, an encrypted device. The volume itself, in use, is none. */
static char *find_holder(const char *place, const char *device)
{
        g_autofree char *own = g_path_get_basename(device);
        g_autofree char *path = g_build_filename(place, "holders", NULL);
        DIR *directory = opendir(path);
        char *found = NULL;

        for (const struct dirent *entry; directory && !found && (entry = readdir(directory));)
                if (entry->d_name[0] != '.' && strcmp(entry->d_name, own) != 0)
                        found = g_strdup_printf("part of /dev/%s", entry->d_name);

        if (directory)
                closedir(directory);
        return found;
}

char *machine_disk_trouble(const char *path, const char *device)
{
        g_autofree char *use = NULL;
        struct stat st;
        char *place;

        if (stat(path, &st) < 0)
                return g_strdup_printf("cannot be looked at: %s", g_strerror(errno));

        if (!S_ISBLK(st.st_mode))
                return g_strdup("is no block device");

        place = place_of(st.st_rdev);
        if (!place)
                return NULL;

        use = find_mount(place) ?: find_holder(place, device);
        if (!use && is_swap(place))
                use = g_strdup("swap space");
        free(place);
        return use ? g_strdup_printf("is %s: the volume needs it for itself", use) : NULL;
}
