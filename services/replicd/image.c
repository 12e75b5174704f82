/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/replicd/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
        CHUNK_SIZE = 1024 * 1024,
        PIECE_SIZE = 64 * 1024, /* what is zero is left out in these */
        ALIGNMENT = 4096,       /* enough for O_DIRECT on any disk */
        SYNC_CHUNKS = 64,
};

static int read_whole(int fd, uint8_t *bytes, size_t size, uint64_t offset)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = pread(fd, bytes + done, size - done, (off_t) (offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (size_t) n;
        }
        return 0;
}

static int write_whole(int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = pwrite(fd, bytes + done, size - done, (off_t) (offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                done += (size_t) n;
        }
        return 0;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
        return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static int copy_chunk(int disk, int image, uint8_t *bytes, size_t size, uint64_t offset)
{
        int r = read_whole(disk, bytes, size, offset);

        for (size_t at = 0; r >= 0 && at < size; at += PIECE_SIZE) {
                size_t piece = MIN_OF(size - at, (size_t) PIECE_SIZE);

                if (!is_zero(bytes + at, piece))
                        r = write_whole(image, bytes + at, piece, offset + at);
        }
        return r;
}

/* Now and then, so that a disk's worth of dirty pages does not stall everything else on the node. */
static int settle(int image)
{
        if (fdatasync(image) < 0)
                return -errno;
        (void) posix_fadvise(image, 0, 0, POSIX_FADV_DONTNEED);
        return 0;
}

int image_copy(int disk, uint64_t size, int image, image_progress_t progress, void *userdata)
{
        _cleanup_(freep) uint8_t *bytes = NULL;
        unsigned chunks = 0;
        int r;

        if (posix_memalign((void **) &bytes, ALIGNMENT, CHUNK_SIZE) != 0)
                return -ENOMEM;
        if (ftruncate(image, (off_t) size) < 0)
                return -errno;
        for (uint64_t done = 0; done < size;) {
                size_t chunk = (size_t) MIN_OF(size - done, (uint64_t) CHUNK_SIZE);

                r = copy_chunk(disk, image, bytes, chunk, done);
                if (r < 0)
                        return r;
                done += chunk;
                r = ++chunks % SYNC_CHUNKS == 0 ? settle(image) : 0;
                if (r < 0)
                        return r;
                progress(done, size, userdata);
        }
        return fsync(image) < 0 ? -errno : 0;
}

int image_has_room(int directory, uint64_t size, uint64_t *ret_free)
{
        struct statvfs fs;
        uint64_t available, reserve;

        if (fstatvfs(directory, &fs) < 0)
                return -errno;
        available = (uint64_t) fs.f_bavail * fs.f_frsize;
        reserve = (uint64_t) fs.f_blocks * fs.f_frsize / 10;
        *ret_free = available > reserve ? available - reserve : 0;
        return *ret_free < size ? -ENOSPC : 0;
}
