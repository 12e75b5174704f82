/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows the banner: in a file that agetty(8) shows before each login, and once on all terminals. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "files.h"
#include "manager.h"

/* What passes by itself within this time, a start or a short break, is not worth a word. */
#define PATIENCE_USEC (10 * USEC_PER_SEC)

static const char *issue_path(void)
{
        const char *path = getenv("HAPAIR_ISSUE");

        return path ? path : "/run/issue.d/hapair.issue";
}

static void on_told(int error, const char *result, void *userdata)
{
        Manager *m = userdata;

        if (error < 0)
                log_warning(service_log(m->service), "drbd", "The terminals could not be told: %s", result);
}

void notice_remove(Manager *m)
{
        m->banner = (Banner){ .kind = BANNER_NONE };
        if (unlink(issue_path()) < 0 && errno != ENOENT)
                log_warning(service_log(m->service), "drbd", "Cannot remove %s: %s", issue_path(),
                            strerror(errno));
}

static void show(Manager *m)
{
        char text[BANNER_TEXT_MAX];
        SystemdJob *job;
        int r;

        banner_text(m->banner.kind, &m->view, text);
        r = file_write(issue_path(), text);
        if (r >= 0 && !m->banner.told)
                r = systemd_call(m->systemd, "StartUnit", "hapair-wall.service", on_told, m, &job);
        if (r < 0 && !m->banner.told)
                log_warning(service_log(m->service), "drbd", "Cannot show the banner %s: %s", issue_path(),
                            strerror(-r));
        m->banner.told = true;
}

void notice_look(Manager *m)
{
        BannerKind kind = banner_kind(&m->view);

        if (kind != m->banner.kind) {
                notice_remove(m);
                m->banner = (Banner){ .kind = kind, .since_usec = now_usec() };
        }
        if (kind != BANNER_NONE && now_usec() - m->banner.since_usec >= PATIENCE_USEC)
                show(m);
}
