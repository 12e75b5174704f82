/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-keep-image DISK DIRECTORY NAME: makes DIRECTORY/NAME.img, an image of a disk that nobody writes to.
 * A program of its own, for it takes as long as the disks take. It ends with 0 when the image is whole and
 * on the disk; else it leaves nothing, and says on standard error what to do. How far it is goes to the
 * journal.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "services/replicd/image.h"

#define MIB ((uint64_t) 1024 * 1024)

typedef struct Keep {
        const char *disk;
        const char *directory;
        char part[256], name[256]; /* in the directory */
        int disk_fd, directory_fd, image_fd;
        uint64_t size;
        unsigned told_percent;
} Keep;

static int fail(const char *what, int error)
{
        fprintf(stderr, "%s: %s\n", what, strerror(-error));
        return error;
}

static void close_fd(int fd)
{
        if (fd >= 0)
                close(fd);
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
                               "SYSLOG_IDENTIFIER=hapair-keep-image", "HAPAIR_CATEGORY=drbd", NULL);
}

/* Past the page cache: DRBD writes past it, so that it may have what was on the disk long ago. */
static int open_disk(Keep *keep)
{
        keep->disk_fd = open(keep->disk, O_RDONLY | O_DIRECT | O_CLOEXEC);
        if (keep->disk_fd < 0 || ioctl(keep->disk_fd, BLKGETSIZE64, &keep->size) < 0)
                return fail(keep->disk, -errno);
        return 0;
}

static int open_directory(Keep *keep)
{
        uint64_t room;
        int r;

        keep->directory_fd = open(keep->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (keep->directory_fd < 0)
                return fail(keep->directory, -errno);
        /* Left by one that was killed. */
        (void) unlinkat(keep->directory_fd, keep->part, 0);
        r = image_has_room(keep->directory_fd, keep->size, &room);
        if (r == -ENOSPC)
                fprintf(stderr,
                        "an image of %s needs %" PRIu64 " MiB in %s, where %" PRIu64
                        " MiB can be had: make room there, mount a larger file system on it, or copy the disk "
                        "elsewhere by hand\n",
                        keep->disk, (keep->size + MIB - 1) / MIB, keep->directory, room / MIB);
        else if (r < 0)
                (void) fail(keep->directory, r);
        return r;
}

/* The name is there only once the image is whole. */
static int make_image(Keep *keep)
{
        int r;

        keep->image_fd = openat(keep->directory_fd, keep->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                0600);
        if (keep->image_fd < 0)
                return -errno;
        r = image_copy(keep->disk_fd, keep->size, keep->image_fd, tell, keep);
        if (r >= 0 && linkat(keep->directory_fd, keep->part, keep->directory_fd, keep->name, 0) < 0)
                r = -errno;
        (void) unlinkat(keep->directory_fd, keep->part, 0);
        if (r >= 0 && fsync(keep->directory_fd) < 0)
                r = -errno;
        return r;
}

static int keep_image(Keep *keep, const char *name)
{
        int r;

        if (snprintf(keep->name, sizeof(keep->name), "%s.img", name) >= (int) sizeof(keep->name))
                return fail(name, -ENAMETOOLONG);
        (void) snprintf(keep->part, sizeof(keep->part), "image.part");
        r = open_disk(keep);
        if (r < 0)
                return r;
        r = open_directory(keep);
        if (r < 0)
                return r;
        r = make_image(keep);
        return r < 0 ? fail(keep->name, r) : 0;
}

int main(int argc, char *argv[])
{
        Keep keep = { .disk_fd = -1, .directory_fd = -1, .image_fd = -1 };
        int r;

        if (argc != 4) {
                fprintf(stderr, "Usage: hapair-keep-image DISK DIRECTORY NAME\n");
                return EXIT_FAILURE;
        }
        keep.disk = argv[1];
        keep.directory = argv[2];
        r = keep_image(&keep, argv[3]);
        close_fd(keep.image_fd);
        close_fd(keep.directory_fd);
        close_fd(keep.disk_fd);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
