/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hardware watchdog.
 */
#include "watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/turn.h"

#define TIMEOUT_MIN_USEC (2 * USEC_PER_SEC)
#define TIMEOUT_MAX_USEC (30 * USEC_PER_SEC)

struct Watchdog {
        int fd;
        Turn *turn;
        bool starved;
};

uint64_t watchdog_timeout_usec(uint64_t dead_usec)
{
        uint64_t usec = MAX_OF(dead_usec / 2, TIMEOUT_MIN_USEC);

        return MIN_OF(usec, TIMEOUT_MAX_USEC);
}

static void feed(void *userdata)
{
        const Watchdog *watchdog = userdata;

        (void) ioctl(watchdog->fd, WDIOC_KEEPALIVE); /* refused, it is said again in a moment */
}

/* A driver may take another time, or have one that cannot be changed. */
static int set_timeout(int fd, uint64_t timeout_usec, uint64_t *ret_timeout_usec)
{
        int seconds = (int) (timeout_usec / USEC_PER_SEC);

        if (ioctl(fd, WDIOC_SETTIMEOUT, &seconds) < 0 && ioctl(fd, WDIOC_GETTIMEOUT, &seconds) < 0)
                return -errno;
        *ret_timeout_usec = (uint64_t) seconds * USEC_PER_SEC;
        return 0;
}

int watchdog_open(const char *device, uint64_t timeout_usec, sd_event *event, Watchdog **ret_watchdog,
                  uint64_t *ret_timeout_usec)
{
        Watchdog *watchdog = malloc(sizeof(*watchdog));
        uint64_t timeout = 0;
        int r;

        if (!watchdog)
                return -ENOMEM;
        *watchdog = (Watchdog){ .fd = open(device, O_WRONLY | O_CLOEXEC) };
        r = watchdog->fd < 0 ? -errno : set_timeout(watchdog->fd, timeout_usec, &timeout);
        if (r >= 0)
                r = turn_new(event, MAX_OF(timeout / 4, USEC_PER_SEC / 4), feed, watchdog, &watchdog->turn);
        if (r < 0) {
                /* What was opened already counts: nobody is left who would feed it. */
                watchdog_close(watchdog, true);
                return r;
        }
        *ret_watchdog = watchdog;
        *ret_timeout_usec = timeout;
        return 0;
}

void watchdog_starve(Watchdog *watchdog)
{
        if (!watchdog)
                return;
        watchdog->starved = true;
        watchdog->turn = turn_free(watchdog->turn);
}

Watchdog *watchdog_close(Watchdog *watchdog, bool stop)
{
        if (!watchdog)
                return NULL;

        if (watchdog->fd >= 0) {
                if (stop && !watchdog->starved && write(watchdog->fd, "V", 1) < 0)
                        stop = false; /* it goes on counting, as if this daemon had been killed */
                close(watchdog->fd);
        }
        turn_free(watchdog->turn);
        free(watchdog);
        return NULL;
}
