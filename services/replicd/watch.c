/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "common/base/clock.h"
#include "common/timer.h"

#define LINE_MAX_SIZE    2048
#define RETRY_FIRST_USEC (10 * USEC_PER_MSEC)
#define RETRY_LAST_USEC  (2 * USEC_PER_SEC)

struct Watch {
        sd_event *event;
        const WatchHandlers *handlers;
        void *userdata;
        Child child; /* pid 0: none */
        sd_event_source *readable, *ended, *retry;
        uint64_t delay_usec, started_usec;
        char line[LINE_MAX_SIZE];
        size_t size;
        bool overlong; /* until its end is there it is passed over */
};

static void stop(Watch *watch)
{
        watch->readable = sd_event_source_disable_unref(watch->readable);
        watch->ended = sd_event_source_disable_unref(watch->ended);
        if (watch->child.pid > 0) {
                child_kill(&watch->child);
                waitpid(watch->child.pid, NULL, 0);
                child_close(&watch->child);
        }
        watch->child = (Child){ .pid_fd = -1, .output_fd = -1, .error_fd = -1 };
        watch->size = 0;
        watch->overlong = false;
}

/* It ends at once where DRBD is not loaded: tried ever more slowly. */
static void start_later(Watch *watch)
{
        uint64_t now = now_usec();

        if (watch->started_usec > 0 && now - watch->started_usec > USEC_PER_SEC)
                watch->delay_usec = RETRY_FIRST_USEC;
        timer_set(watch->retry, now + watch->delay_usec);
        watch->delay_usec = MIN_OF(watch->delay_usec * 2, RETRY_LAST_USEC);
}

static void take_line(Watch *watch, const char *line, size_t size)
{
        DrbdEvent event;

        if (!watch->overlong && drbd_event_parse(line, size, &event) >= 0)
                watch->handlers->event(&event, watch->userdata);
        watch->overlong = false;
}

static void take_lines(Watch *watch)
{
        char *at = watch->line, *end;
        size_t left = watch->size;

        while ((end = memchr(at, '\n', left))) {
                take_line(watch, at, (size_t) (end - at));
                left -= (size_t) (end + 1 - at);
                at = end + 1;
        }
        if (left == sizeof(watch->line)) {
                watch->overlong = true;
                left = 0;
        }
        memmove(watch->line, at, left);
        watch->size = left;
}

/* Returns whether there may be more. */
static bool take_output(Watch *watch)
{
        ssize_t n = read(watch->child.output_fd, watch->line + watch->size,
                         sizeof(watch->line) - watch->size);

        if (n <= 0)
                return n < 0 && errno == EINTR;
        watch->size += (size_t) n;
        take_lines(watch);
        return true;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Watch *watch = userdata;

        if ((revents & EPOLLIN) == 0) {
                sd_event_source_set_enabled(source, SD_EVENT_OFF); /* its end is told by the other source */
                return 0;
        }
        while (take_output(watch))
                ;
        watch->handlers->turn(watch->userdata);
        return 0;
}

static int on_ended(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Watch *watch = userdata;
        char why[256];
        ssize_t n = read(watch->child.error_fd, why, sizeof(why) - 1);

        while (take_output(watch))
                ;
        why[MAX_OF(n, (ssize_t) 0)] = 0;
        why[strcspn(why, "\n")] = 0;
        stop(watch);
        start_later(watch);
        watch->handlers->ended(why[0] != 0 ? why : "drbdsetup events2 ended", watch->userdata);
        return 0;
}

static int start(Watch *watch)
{
        static const char *const argv[] = { "drbdsetup",    "events2",      "all",
                                            "--statistics", "--timestamps", NULL };
        int r = child_spawn(argv, &watch->child);

        if (r < 0)
                return r;
        watch->started_usec = now_usec();
        r = sd_event_add_io(watch->event, &watch->readable, watch->child.output_fd, EPOLLIN, on_readable,
                            watch);
        if (r < 0)
                return r;
        r = sd_event_add_io(watch->event, &watch->ended, watch->child.pid_fd, EPOLLIN, on_ended, watch);
        if (r < 0)
                return r;
        /* What the kernel says comes before anything that waits in the same turn. */
        return sd_event_source_set_priority(watch->readable, SD_EVENT_PRIORITY_IMPORTANT);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Watch *watch = userdata;
        int r = start(watch);

        if (r < 0) {
                stop(watch);
                start_later(watch);
                watch->handlers->ended(strerror(-r), watch->userdata);
        }
        return 0;
}

int watch_new(sd_event *event, const WatchHandlers *handlers, void *userdata, Watch **ret_watch)
{
        Watch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;
        *watch = (Watch){ .event = event,
                          .handlers = handlers,
                          .userdata = userdata,
                          .child = { .pid_fd = -1, .output_fd = -1, .error_fd = -1 },
                          .delay_usec = RETRY_FIRST_USEC };
        r = sd_event_add_time(event, &watch->retry, CLOCK_BOOTTIME, 0, 1, on_retry, watch);
        if (r < 0) {
                free(watch);
                return r;
        }
        *ret_watch = watch;
        return 0;
}

Watch *watch_free(Watch *watch)
{
        if (!watch)
                return NULL;
        stop(watch);
        sd_event_source_disable_unref(watch->retry);
        free(watch);
        return NULL;
}

void watch_again(Watch *watch)
{
        stop(watch);
        start_later(watch);
}
