/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-probe-disk [--clear] DEVICE: what is on a disk, in one line on standard output. A program of its
 * own, for reading a disk may take as long as the disk likes.
 *
 * "blank" means nothing that anybody knows, and zero wherever it was looked: at both ends and at a sample of
 * places between. "empty" means nothing that anybody knows, and zero at its beginning: what --clear leaves,
 * with which what was on the disk is lost. Anything else says in words what is there.
 */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/base/macros.h"

/* linux/fs.h, which does not go together with sys/mount.h */
#define BLKGETSIZE64 _IOR(0x12, 114, size_t)

enum {
        END_SIZE = 1024 * 1024,
        SAMPLE_SIZE = 4096,
        SAMPLES = 512,
        SIGNATURES_MAX = 64,
};

static int fail(const char *device, int error)
{
        fprintf(stderr, "%s: %s\n", device, strerror(-error));
        return EXIT_FAILURE;
}

/* 1: all zero; 0: not; -errno. */
static int is_zero(int fd, uint64_t offset, size_t size)
{
        _cleanup_(freep) uint8_t *bytes = malloc(size);

        if (!bytes)
                return -ENOMEM;
        for (size_t done = 0; done < size;) {
                ssize_t n = pread(fd, bytes + done, size - done, (off_t) (offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (size_t) n;
        }
        return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* 1: zero at both ends and between, as far as looked. */
static int is_blank(int fd, uint64_t size)
{
        int r = is_zero(fd, size - END_SIZE, END_SIZE);

        for (uint64_t i = 1; r > 0 && i < SAMPLES; i++)
                r = is_zero(fd, size / SAMPLES * i / SAMPLE_SIZE * SAMPLE_SIZE, SAMPLE_SIZE);
        return r;
}

static blkid_probe probe_new(int fd)
{
        blkid_probe probe = blkid_new_probe();

        if (!probe || blkid_probe_set_device(probe, fd, 0, 0) < 0) {
                blkid_free_probe(probe);
                return NULL;
        }
        blkid_probe_enable_superblocks(probe, true);
        blkid_probe_set_superblocks_flags(probe,
                                          BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_MAGIC);
        blkid_probe_enable_partitions(probe, true);
        blkid_probe_set_partitions_flags(probe, BLKID_PARTS_MAGIC);
        return probe;
}

/* Any one signature is too much: which of several would count does not matter. */
static int find_signature(int fd, char *ret_text, size_t size)
{
        blkid_probe probe = probe_new(fd);
        const char *type, *label;
        int r;

        if (!probe)
                return -ENOMEM;
        r = blkid_do_probe(probe);
        if (r == 0 && blkid_probe_lookup_value(probe, "PTTYPE", &type, NULL) == 0) {
                snprintf(ret_text, size, "a partition table (%s)", type);
        } else if (r == 0) {
                if (blkid_probe_lookup_value(probe, "TYPE", &type, NULL) < 0)
                        type = "something";
                if (blkid_probe_lookup_value(probe, "LABEL", &label, NULL) < 0)
                        label = "";
                snprintf(ret_text, size, "%s%s%s%s", type, label[0] != 0 ? " labelled \"" : "", label,
                         label[0] != 0 ? "\"" : "");
        }
        blkid_free_probe(probe);
        return r < 0 ? -EIO : r == 0;
}

static int tell(int fd, uint64_t size, const char *device)
{
        char text[256];
        int r = find_signature(fd, text, sizeof(text));

        if (r < 0)
                return fail(device, r);
        if (r > 0) {
                printf("%s\n", text);
                return EXIT_SUCCESS;
        }
        r = is_zero(fd, 0, END_SIZE);
        if (r == 0) {
                puts("data of no kind that is known");
                return EXIT_SUCCESS;
        }
        if (r > 0)
                r = is_blank(fd, size);
        if (r < 0)
                return fail(device, r);
        puts(r > 0 ? "blank" : "empty");
        return EXIT_SUCCESS;
}

/* Signatures stand at both ends mostly; some, a backup superblock, elsewhere. */
static int clear_signatures(int fd)
{
        blkid_probe probe = probe_new(fd);
        int r = probe ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < SIGNATURES_MAX && blkid_do_probe(probe) == 0; i++)
                r = blkid_do_wipe(probe, false) < 0 ? -EIO : 0;
        blkid_free_probe(probe);
        return r;
}

static int clear_ends(int fd, uint64_t size)
{
        _cleanup_(freep) void *zero = calloc(1, END_SIZE);

        if (!zero)
                return -ENOMEM;
        if (pwrite(fd, zero, END_SIZE, 0) != END_SIZE ||
            pwrite(fd, zero, END_SIZE, (off_t) (size - END_SIZE)) != END_SIZE || fsync(fd) < 0)
                return errno != 0 ? -errno : -EIO;
        return 0;
}

int main(int argc, char *argv[])
{
        bool clear = argc == 3 && strcmp(argv[1], "--clear") == 0;
        const char *device = argv[argc - 1];
        uint64_t size = 0;
        int fd, r;

        if (argc != 2 && !clear) {
                fprintf(stderr, "usage: hapair-probe-disk [--clear] DEVICE\n");
                return 2;
        }
        /* Of what is mounted or held otherwise nobody may think that it was free. */
        fd = open(device, (clear ? O_RDWR : O_RDONLY) | O_EXCL | O_CLOEXEC);
        if (fd < 0)
                return fail(device, -errno);
        if (ioctl(fd, BLKGETSIZE64, &size) < 0)
                return fail(device, -errno);
        if (size < 4 * END_SIZE)
                return fail(device, -ENOSPC);
        if (!clear)
                return tell(fd, size, device);
        r = clear_signatures(fd);
        if (r == 0)
                r = clear_ends(fd, size);
        return r < 0 ? fail(device, r) : EXIT_SUCCESS;
}
