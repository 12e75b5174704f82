/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real time and locked memory. */
#include "services/hbd/realtime.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "common/messages.h"

void realtime_enter(Log *log, bool *ret_real_time, bool *ret_locked)
{
        int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;

        /* Freed memory stays mapped: giving it back to the kernel would cost a fault at the next use. */
        mallopt(M_TRIM_THRESHOLD, -1);
        mallopt(M_MMAP_MAX, 0);

        *ret_locked = mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
        if (!*ret_locked)
                log_event(log,
                          &(LogEntry){ .priority = LOG_WARNING,
                                       .id = MESSAGE_NO_REAL_TIME,
                                       .category = "heartbeat" },
                          "Memory is not locked: %s. On a machine short of memory heartbeats may be late; "
                          "raise LimitMEMLOCK= of hapair-hbd.service.",
                          strerror(errno));

        *ret_real_time = policy == SCHED_RR || policy == SCHED_FIFO;
        if (!*ret_real_time)
                log_event(log,
                          &(LogEntry){ .priority = LOG_WARNING,
                                       .id = MESSAGE_NO_REAL_TIME,
                                       .category = "heartbeat" },
                          "Real-time scheduling is not in force. On a busy machine heartbeats may be late; "
                          "start hapair-hbd by its unit, which asks for it.");
}
