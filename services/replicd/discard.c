/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a split-brain at the expense of this node: what it has is kept first, by hapair-keep-disk in a
 * unit of its own, for LVM cannot work in this daemon's sandbox; then it connects with discard-my-data.
 * Nothing is discarded that was not kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/messages.h"
#include "files.h"
#include "manager.h"
#include "scan.h"

/* The survivor's electd lets it connect every few seconds. */
#define CONNECT_LIMIT_USEC USEC_PER_MINUTE

static void kept_path(char ret_path[static PATH_MAX])
{
        snprintf(ret_path, PATH_MAX, "%s/kept", memory_directory());
}

/* What hapair-keep-disk left: 1 and what was kept, or 0 and why it was not. -errno: nothing. */
static int read_kept(char ret_text[static VOLUME_SNAPSHOT_MAX])
{
        char path[PATH_MAX], line[2 * VOLUME_SNAPSHOT_MAX];
        Scan rest, word;
        ssize_t n;
        int fd, kept;

        kept_path(path);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, line, sizeof(line));
        close(fd);
        if (n <= 0)
                return -ENODATA;
        rest = (Scan){ line, (size_t) n };
        rest = scan_until(&rest, '\n');
        word = scan_until(&rest, ' ');
        kept = scan_equal(word, "kept");
        if (!kept && !scan_equal(word, "refused"))
                return -EBADMSG;
        rest.size = MIN_OF(rest.size, kept ? rest.size : (size_t) VOLUME_SNAPSHOT_MAX - 1);
        return scan_copy(rest, ret_text, VOLUME_SNAPSHOT_MAX) < 0 ? -EBADMSG : kept;
}

/* Why there is nothing to discard here, NULL when there is. */
static const char *why_not(const VolumeView *view)
{
        if (!view->known || view->disk < DRBD_DISK_INCONSISTENT)
                return "the volume has no disk here now";
        if (view->role == DRBD_ROLE_PRIMARY)
                return "it is primary here; only a secondary's data can be discarded";
        /* The other kernel alone may have noticed: this one then only saw a connection end. */
        if (view->connection == DRBD_CONNECTION_CONNECTED || (!view->split_brain && !view->wrote_alone))
                return "there is no split-brain";
        return NULL;
}

static void told(Job *job, const CommandResult *result)
{
        char reason[256];

        if (result->status == 0)
                job_await(job);
        else
                job_fail(job, ERROR_FAILED, "DRBD does not connect: %s", command_reason(result, reason));
}

static void joined(Job *job, const CommandResult *result)
{
        if (result->status != 0)
                told(job, result);
        else
                job_run(job, told,
                        (const char *const[]){ "drbdadm", "-c", job->manager->drbd_conf, "adjust",
                                               job->manager->wanted.resource, NULL });
}

static void parted(Job *job, const CommandResult *result)
{
        order_join_discarding(job, joined);
}

static void kept(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;
        char text[VOLUME_SNAPSHOT_MAX];
        VolumeView view;
        int r;

        r = read_kept(text);
        if (r == 0) {
                job_fail(job, ERROR_REFUSED, "%s", text);
                return;
        }
        if (r < 0 || result->status != 0) {
                job_fail(job, ERROR_REFUSED,
                         "nothing was kept (%s); `journalctl -u 'hapair-keep@%s.service'` says why",
                         result->errors, m->wanted.resource);
                return;
        }
        if (volume_snapshot(&m->volume, text) < 0) {
                job_fail(job, ERROR_FAILED, "the name of what was kept is too long");
                return;
        }
        log_event(service_log(m->service),
                  &(LogEntry){ .priority = LOG_NOTICE, .id = MESSAGE_VOLUME_KEPT, .category = "drbd" },
                  "Volume %s: what this node had is kept as %s; now it is discarded", m->wanted.resource,
                  text);

        volume_view(&m->volume, &view);
        if (why_not(&view)) {
                job_fail(job, ERROR_REFUSED, "meanwhile it changed: %s", why_not(&view));
                return;
        }
        job_limit(job, CONNECT_LIMIT_USEC);
        if (order_has_link(m))
                order_part(job, parted, true);
        else
                parted(job, NULL);
}

void order_discard(Job *job)
{
        Manager *m = job->manager;
        char path[PATH_MAX], unit[UNIT_NAME_MAX];
        VolumeView view;

        volume_view(&m->volume, &view);
        if (why_not(&view)) {
                job_fail(job, ERROR_REFUSED, "%s", why_not(&view));
                return;
        }
        kept_path(path);
        if (unlink(path) < 0 && errno != ENOENT) {
                job_fail(job, ERROR_FAILED, "%s: %s", path, strerror(errno));
                return;
        }
        /* Again from the beginning, if one that nobody waits for any more is still at it. */
        snprintf(unit, sizeof(unit), "hapair-keep@%s.service", m->wanted.resource);
        job_unit(job, kept, "RestartUnit", unit);
}
