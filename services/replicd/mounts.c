/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TABLE "/proc/self/mountinfo"

struct Mounts {
        int fd; /* only to be told of changes */
        sd_event_source *source;
        void (*changed)(void *userdata);
        void *userdata;
};

static int on_changed(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Mounts *mounts = userdata;

        mounts->changed(mounts->userdata);
        return 0;
}

int mounts_new(sd_event *event, void (*changed)(void *userdata), void *userdata, Mounts **ret_mounts)
{
        Mounts *mounts = calloc(1, sizeof(*mounts));
        int r;

        if (!mounts)
                return -ENOMEM;
        *mounts = (Mounts){ .changed = changed, .userdata = userdata };
        mounts->fd = open(TABLE, O_RDONLY | O_CLOEXEC);
        if (mounts->fd < 0) {
                r = -errno;
                free(mounts);
                return r;
        }
        /* proc(5): a change is an exceptional condition of the file. */
        r = sd_event_add_io(event, &mounts->source, mounts->fd, EPOLLPRI, on_changed, mounts);
        if (r < 0) {
                mounts_free(mounts);
                return r;
        }
        *ret_mounts = mounts;
        return 0;
}

Mounts *mounts_free(Mounts *mounts)
{
        if (!mounts)
                return NULL;
        sd_event_source_disable_unref(mounts->source);
        close(mounts->fd);
        free(mounts);
        return NULL;
}

static int octal(const char *text)
{
        int value = 0;

        for (int i = 0; i < 3; i++) {
                if (text[i] < '0' || text[i] > '7')
                        return -EINVAL;
                value = value * 8 + text[i] - '0';
        }
        return value;
}

/* Blanks and the like stand as \040 there. */
static void unescape(const char *text, char *ret_path, size_t size)
{
        size_t n = 0;

        while (*text && *text != ' ' && n + 1 < size) {
                int value = *text == '\\' ? octal(text + 1) : -EINVAL;

                ret_path[n++] = value >= 0 ? (char) value : *text;
                text += value >= 0 ? 4 : 1;
        }
        ret_path[n] = 0;
}

/* "36 35 147:0 / /srv/hapair rw,… - ext4 /dev/drbd0 rw" */
bool mounts_find(unsigned minor, char *ret_path, size_t size)
{
        FILE *table = fopen(TABLE, "re");
        char *line = NULL;
        size_t line_size = 0;
        bool found = false;

        if (!table)
                return false;
        while (!found && getline(&line, &line_size, table) > 0) {
                unsigned major_seen, minor_seen;
                int at = 0;

                if (sscanf(line, "%*d %*d %u:%u %*s %n", &major_seen, &minor_seen, &at) < 2 || at == 0)
                        continue;
                if (major_seen != DRBD_MAJOR || minor_seen != minor)
                        continue;
                unescape(line + at, ret_path, size);
                found = true;
        }
        free(line);
        fclose(table);
        return found;
}
