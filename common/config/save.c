/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing a file whole or not at all; see save.h. */
#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *data, size_t length)
{
        while (length > 0) {
                ssize_t n = write(fd, data, length);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        data += n;
                        length -= (size_t) n;
                }
        }

        return 0;
}

static int fill(int fd, const void *data, size_t length, const SaveOwner *owner)
{
        int r;

        if (owner->uid != (uid_t) -1 && fchown(fd, owner->uid, owner->gid) < 0)
                return -errno;

        /* Before the contents: a key is never readable for more than it should be, not for a moment. */
        if (fchmod(fd, owner->mode) < 0)
                return -errno;

        r = write_all(fd, data, length);
        if (r < 0)
                return r;

        return !owner->unsynced && fsync(fd) < 0 ? -errno : 0;
}

static int sync_directory(const char *path)
{
        g_autofree char *directory = g_path_get_dirname(path);
        int fd, r = 0;

        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fsync(fd) < 0)
                r = -errno;

        close(fd);
        return r;
}

int save_file(const char *path, const void *data, size_t length, const SaveOwner *owner)
{
        g_autofree char *temporary = g_strconcat(path, ".new", NULL);
        int fd, r;

        /* A directory that others may write to could hold anything under this name: it goes, never followed.
         */
        if (unlink(temporary) < 0 && errno != ENOENT)
                return -errno;
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;

        r = fill(fd, data, length, owner);
        close(fd);
        if (r == 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0) {
                unlink(temporary);
                return r;
        }

        return owner->unsynced ? 0 : sync_directory(path);
}
