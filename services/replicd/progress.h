/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What changes without an event and has to be asked: how far a resync is and how much is out of sync, from
 * /proc/drbd of DRBD 8.4 (drbd_proc.c in the kernel; `drbdsetup status` knows neither rate nor time left),
 * and whether the disk answers, from /sys/dev/block/MAJOR:MINOR/stat. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

typedef struct Progress {
        uint64_t out_of_sync_kib; /* while alone: written since */
        bool running;             /* a resync or a verification is going on: what follows counts */
        unsigned done_permille;
        uint64_t left_kib;
        uint64_t total_kib;
        uint64_t rate_kib; /* a second; average of the last 18 s, or since the beginning if that is 0 */
        bool stalled;      /* nothing moved for three minutes */
} Progress;

/*
 * Reads the whole of /proc/drbd for the volume of this minor number. -ENODATA: it has none, or it is not
 * configured; -EBADMSG: not the text of DRBD 8.4.
 */
_must_check_ int progress_parse(const char *text, size_t size, unsigned minor, Progress *ret_progress);

typedef struct DiskStat {
        uint64_t completed; /* reads, writes, discards and flushes since the boot */
        uint64_t in_flight;
} DiskStat;

/* Documentation/block/stat.rst of Linux. -EBADMSG: not such a line. */
_must_check_ int disk_stat_parse(const char *text, size_t size, DiskStat *ret_stat);
