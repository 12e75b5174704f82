/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells when the machine's addresses changed; see watch.h. */
#include "watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/timer.h"

/* Long enough to let a takeover pass undisturbed, short enough for a person to see the list follow. */
#define WATCH_DELAY_USEC (200 * USEC_PER_MSEC)

struct Watch {
        int fd;
        sd_event_source *readable;
        sd_event_source *timer;
        watch_changed_t changed;
        void *userdata;
};

/* The socket is not looked at again before the timer: its backlog is thrown away then, not read one by one.
 */
static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Watch *watch = userdata;
        int r;

        r = sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (r < 0)
                return r;
        timer_set(watch->timer, now_usec() + WATCH_DELAY_USEC);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Watch *watch = userdata;
        char buffer[256];

        /* What they say does not matter, nor that some were lost (ENOBUFS): everything is looked at anew. */
        while (recv(watch->fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC) >= 0 || errno == ENOBUFS ||
               errno == EINTR)
                ;

        watch->changed(watch->userdata);
        return sd_event_source_set_enabled(watch->readable, SD_EVENT_ON);
}

int watch_new(sd_event *event, watch_changed_t changed, void *userdata, Watch **ret_watch)
{
        const struct sockaddr_nl address = {
                .nl_family = AF_NETLINK,
                .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                             RTMGRP_IPV6_ROUTE,
        };
        Watch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;

        *watch = (Watch){ .changed = changed, .userdata = userdata };
        watch->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        if (watch->fd < 0 || bind(watch->fd, (const struct sockaddr *) &address, sizeof(address)) < 0) {
                r = -errno;
                goto fail;
        }

        r = sd_event_add_io(event, &watch->readable, watch->fd, EPOLLIN, on_readable, watch);
        if (r < 0)
                goto fail;
        r = timer_new(event, on_timer, watch, &watch->timer);
        if (r < 0)
                goto fail;

        *ret_watch = watch;
        return 0;

fail:
        watch_free(watch);
        return r;
}

Watch *watch_free(Watch *watch)
{
        if (!watch)
                return NULL;

        sd_event_source_disable_unref(watch->readable);
        sd_event_source_disable_unref(watch->timer);
        if (watch->fd >= 0)
                close(watch->fd);
        free(watch);
        return NULL;
}
