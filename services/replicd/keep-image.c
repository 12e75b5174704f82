/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/replicd/keep-image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "services/replicd/image.h"

#define MIB  ((uint64_t) 1024 * 1024)
#define PART "image.part" /* always this name: what one that was killed left is replaced, not added to */

typedef struct Keep {
        const char *disk;
        uint64_t size;
        unsigned told_percent;
} Keep;

static void closep(const int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static void tell(uint64_t done, uint64_t size, void *userdata)
{
        Keep *keep = userdata;
        unsigned percent = (unsigned) (done * 100 / size);

        if (percent < keep->told_percent + 10)
                return;
        keep->told_percent = percent - percent % 10;
        (void) sd_journal_send("MESSAGE=Keeping an image of %s: %u %% of %" PRIu64 " MiB", keep->disk,
                               keep->told_percent, size / MIB, "PRIORITY=%i", LOG_NOTICE,
                               "SYSLOG_IDENTIFIER=hapair-keep-disk", "HAPAIR_CATEGORY=drbd", NULL);
}

static int check_room(const Keep *keep, int directory_fd, const char *directory, char *ret_reason,
                      size_t reason_size)
{
        uint64_t room;
        int r = image_has_room(directory_fd, keep->size, &room);

        if (r == -ENOSPC)
                snprintf(ret_reason, reason_size,
                         "%s is no volume of LVM, and an image of it needs %" PRIu64
                         " MiB in %s, where it can have %" PRIu64
                         ": make room there, or mount a larger file system on it",
                         keep->disk, (keep->size + MIB - 1) / MIB, directory, room / MIB);
        else if (r < 0)
                snprintf(ret_reason, reason_size, "%s: %s", directory, strerror(-r));
        return r;
}

static int make_image(Keep *keep, int disk_fd, int directory_fd, const char *name)
{
        _cleanup_(closep) int image_fd = openat(directory_fd, PART,
                                                O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        int r;

        if (image_fd < 0)
                return -errno;
        r = image_copy(disk_fd, keep->size, image_fd, tell, keep);
        if (r >= 0 && renameat(directory_fd, PART, directory_fd, name) < 0)
                r = -errno;
        if (r >= 0 && fsync(directory_fd) < 0)
                r = -errno;
        if (r < 0)
                (void) unlinkat(directory_fd, PART, 0);
        return r;
}

int keep_image(const char *disk, const char *directory, const char *name, char *ret_reason,
               size_t reason_size)
{
        /* Past the page cache: DRBD writes past it, so that it may have what was on the disk long ago. */
        _cleanup_(closep) int disk_fd = open(disk, O_RDONLY | O_DIRECT | O_CLOEXEC);
        _cleanup_(closep) int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Keep keep = { .disk = disk };
        char file[256];
        int r;

        if (disk_fd < 0 || ioctl(disk_fd, BLKGETSIZE64, &keep.size) < 0) {
                snprintf(ret_reason, reason_size, "%s cannot be read: %s", disk, strerror(errno));
                return -errno;
        }
        if (directory_fd < 0) {
                snprintf(ret_reason, reason_size, "%s: %s", directory, strerror(errno));
                return -errno;
        }
        (void) unlinkat(directory_fd, PART, 0);
        r = check_room(&keep, directory_fd, directory, ret_reason, reason_size);
        if (r < 0)
                return r;
        snprintf(file, sizeof(file), "%s.img", name);
        r = make_image(&keep, disk_fd, directory_fd, file);
        if (r < 0)
                snprintf(ret_reason, reason_size, "the image of %s in %s failed: %s", disk, directory,
                         strerror(-r));
        return r;
}
