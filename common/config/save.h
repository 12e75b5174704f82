/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing a small file so that it is there whole or not at all, whenever the machine stops: beside, synced,
 * renamed, with the directory synced too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/macros.h"

typedef struct SaveOwner {
        mode_t mode;
        uid_t uid; /* (uid_t) -1: who runs this */
        gid_t gid;
        bool unsynced; /* not waited for: what a power cut takes is made again */
} SaveOwner;

/* Negative errno when it was not written; the file that was there before is then untouched. */
_must_check_ int save_file(const char *path, const void *data, size_t length, const SaveOwner *owner);
