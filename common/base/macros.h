/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The few macros that everything uses: clean-up on leaving scope, handing ownership on, array sizes and
 * units of time. Libc only, so that pure cores may include it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _unused_       __attribute__((unused))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _must_check_   __attribute__((warn_unused_result))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define USEC_PER_MSEC   ((uint64_t) 1000)
#define USEC_PER_SEC    ((uint64_t) 1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR   (60 * USEC_PER_MINUTE)
#define USEC_INFINITY   UINT64_MAX

/* Gives the pointer away: the caller becomes its owner, the variable is NULL. */
#define TAKE_PTR(p)                                                                                         \
        ({                                                                                                  \
                __typeof__(p) taken_ = (p);                                                                 \
                (p) = NULL;                                                                                 \
                taken_;                                                                                     \
        })

/* Gives a file descriptor away. */
#define TAKE_FD(fd)                                                                                         \
        ({                                                                                                  \
                int taken_ = (fd);                                                                          \
                (fd) = -1;                                                                                  \
                taken_;                                                                                     \
        })

#define MIN_OF(a, b)                                                                                        \
        ({                                                                                                  \
                __typeof__(a) a_ = (a);                                                                     \
                __typeof__(b) b_ = (b);                                                                     \
                a_ < b_ ? a_ : b_;                                                                          \
        })

#define MAX_OF(a, b)                                                                                        \
        ({                                                                                                  \
                __typeof__(a) a_ = (a);                                                                     \
                __typeof__(b) b_ = (b);                                                                     \
                a_ > b_ ? a_ : b_;                                                                          \
        })

/* For _cleanup_(freep): frees what the variable points to. */
static inline void freep(void *p)
{
        free(*(void **) p);
}
