/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Loaded into a node's electd (LD_PRELOAD): stops its writer of state files the moment before, or after, the
 * right to be master alone is on the disk, and says so with a file beside it. Nothing that rests on the
 * right happens from there on, so that whoever sees the file may take his time to cut the power.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* common/state.c: two slots, each with its generation; services/electd/elect-codec.c: the first flag. */
#define SLOT_SIZE     2048
#define GENERATION_AT 16
#define FLAGS_AT      25
#define FLAG_SOLE     1u

/* "before-right" or "after-right"; not there: nothing is to happen */
#define ORDER "/run/hapair-lab-strike"

/* Whether what was written last has the right, and what was written before has not. */
static bool brings_the_right(int fd)
{
        uint8_t slot[2][FLAGS_AT + 1];
        uint64_t generation[2];

        for (int i = 0; i < 2; i++) {
                if (pread(fd, slot[i], sizeof(slot[i]), i * SLOT_SIZE) != sizeof(slot[i]))
                        return false;
                memcpy(&generation[i], slot[i] + GENERATION_AT, sizeof(generation[i]));
        }
        int newest = generation[1] > generation[0];
        return (slot[newest][FLAGS_AT] & FLAG_SOLE) != 0 && (slot[1 - newest][FLAGS_AT] & FLAG_SOLE) == 0;
}

static bool is_ordered(const char *moment)
{
        char text[32] = "";
        FILE *file = fopen(ORDER, "re");

        if (!file)
                return false;
        (void) !fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        return strcmp(text, moment) == 0;
}

static void stop_here(void)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/struck", getenv("STATE_DIRECTORY"));
        (void) !mkdir(path, 0755);
        for (;;)
                pause();
}

int fdatasync(int fd)
{
        bool right = brings_the_right(fd);

        if (right && is_ordered("before-right"))
                stop_here();
        int r = (int) syscall(SYS_fdatasync, fd);
        if (right && is_ordered("after-right"))
                stop_here();
        return r;
}
