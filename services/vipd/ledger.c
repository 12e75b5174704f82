/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/base/clock.h"

static const char magic[8] = "hpVIPs1";

typedef struct Header {
        char magic[8];
        uint64_t written_usec; /* CLOCK_BOOTTIME */
        uint64_t epoch;
        uint64_t keep_usec;
        uint64_t n;
} Header;

static void closep(const int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

int ledger_read(const char *path, Ledger *ret)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        Header header;
        ssize_t size;

        if (fd < 0)
                return -errno;
        size = read(fd, &header, sizeof(header));
        if (size < 0)
                return -errno;
        if (size != sizeof(header) || memcmp(header.magic, magic, sizeof(magic)) != 0 ||
            header.n > PLAN_SLOTS_MAX)
                return -EBADMSG;
        if (header.written_usec > now_usec())
                return -ESTALE;

        size = read(fd, ret->entries, sizeof(ret->entries));
        if (size < 0)
                return -errno;
        if ((size_t) size != header.n * sizeof(ret->entries[0]))
                return -EBADMSG;
        ret->epoch = header.epoch;
        ret->keep_usec = header.keep_usec;
        ret->n = header.n;
        return 0;
}

int ledger_write(const char *path, const Ledger *ledger)
{
        Header header = { .written_usec = now_usec(),
                          .epoch = ledger->epoch,
                          .keep_usec = ledger->keep_usec,
                          .n = ledger->n };
        struct iovec parts[] = {
                { .iov_base = &header, .iov_len = sizeof(header) },
                { .iov_base = (void *) ledger->entries, .iov_len = ledger->n * sizeof(ledger->entries[0]) },
        };
        _cleanup_(freep) char *draft = NULL;
        _cleanup_(closep) int fd = -1;
        ssize_t size;

        memcpy(header.magic, magic, sizeof(magic));
        if (asprintf(&draft, "%s.new", path) < 0) {
                draft = NULL;
                return -ENOMEM;
        }

        fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        size = writev(fd, parts, ARRAY_SIZE(parts));
        if (size < 0)
                return -errno;
        if ((size_t) size != parts[0].iov_len + parts[1].iov_len)
                return -ENOSPC;
        return rename(draft, path) < 0 ? -errno : 0;
}
