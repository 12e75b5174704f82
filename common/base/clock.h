/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one clock: CLOCK_BOOTTIME in microseconds. It counts suspended time and nobody can set it.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#include "common/base/macros.h"

static inline uint64_t clock_usec(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

static inline uint64_t now_usec(void)
{
        return clock_usec(CLOCK_BOOTTIME);
}
