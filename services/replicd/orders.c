/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of electd's orders. The kernel has the last word in each: drbdsetup says what it refuses and
 * why, and an order that finds its end reached already has nothing to do.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "files.h"
#include "manager.h"

#define NUMBER_MAX 16

static const char *minor_text(const Job *job, char ret_text[static NUMBER_MAX])
{
        snprintf(ret_text, NUMBER_MAX, "%u", job->manager->wanted.minor);
        return ret_text;
}

/* The kernel did it, and its event is on its way; or it says why not. */
static void told(Job *job, const CommandResult *result)
{
        char reason[256];

        if (result->status == 0)
                job_await(job);
        else
                job_fail(job, ERROR_FAILED, "DRBD says: %s", command_reason(result, reason));
}

void order_primary(Job *job)
{
        char minor[NUMBER_MAX];

        /* It would write to what is being kept. */
        if (jobs_have(job->manager, JOB_DISCARD)) {
                job_fail(job, ERROR_REFUSED, "what this node has is about to be discarded");
                return;
        }
        if (job->manager->volume.making) {
                job_fail(job, ERROR_REFUSED, "its disk is being set up");
                return;
        }
        job_run(job, told,
                (const char *const[]){ "drbdsetup", "primary", minor_text(job, minor),
                                       job->force ? "--force" : NULL, NULL });
}

void order_secondary(Job *job)
{
        char minor[NUMBER_MAX];

        if (!job->manager->volume.present) {
                job_done(job); /* what is not there is no primary */
                return;
        }
        job_run(job, told, (const char *const[]){ "drbdsetup", "secondary", minor_text(job, minor), NULL });
}

/* The link */

void order_part(Job *job, job_next_t next, bool force)
{
        const Wanted *wanted = &job->manager->wanted;
        char own[80], peer[80];

        format_endpoint(wanted->own, wanted->port, own);
        format_endpoint(wanted->peer, wanted->port, peer);
        job_run(job, next,
                (const char *const[]){ "drbdsetup", "disconnect", own, peer, force ? "--force" : NULL,
                                       NULL });
}

/* With the options that must be right from the beginning; adjust brings the others. */
void order_join_discarding(Job *job, job_next_t next)
{
        const Wanted *wanted = &job->manager->wanted;
        char own[80], peer[80];

        format_endpoint(wanted->own, wanted->port, own);
        format_endpoint(wanted->peer, wanted->port, peer);
        job_run(job, next,
                (const char *const[]){ "drbdsetup", "connect", wanted->resource, own, peer, "--protocol=C",
                                       "--discard-my-data", NULL });
}

bool order_has_link(const Manager *m)
{
        return m->volume.connection != DRBD_CONNECTION_STANDALONE &&
               m->volume.connection != DRBD_CONNECTION_UNKNOWN;
}

static void has_parted(Job *job, const CommandResult *result)
{
        char minor[NUMBER_MAX];

        job_run(job, told, (const char *const[]){ "drbdsetup", "resume-io", minor_text(job, minor), NULL });
}

/*
 * The kernel begins a data generation here also while it exchanges those of before with a peer that is just
 * coming back, and then both wait for each other for ever: so there is no connection then. The keeper brings
 * it back.
 */
void order_resume(Job *job)
{
        if (!job->manager->view.frozen)
                job_done(job);
        else if (order_has_link(job->manager))
                order_part(job, has_parted, true);
        else
                has_parted(job, NULL);
}

/* A connection that is being ended already is unknown to the kernel a moment later. */
void order_disconnect(Job *job)
{
        if (order_has_link(job->manager) && job->manager->volume.connection != DRBD_CONNECTION_DISCONNECTING)
                order_part(job, told, true);
        else
                job_done(job);
}

static void is_down(Job *job, const CommandResult *result)
{
        char reason[256];

        if (result->status == 0)
                job_done(job);
        else
                job_fail(job, ERROR_FAILED, "the disk is not free: %s", command_reason(result, reason));
}

/* However the goodbye went, the disk is to be freed: a peer that does not answer is none to part from. */
static void has_left(Job *job, const CommandResult *result)
{
        job_run(job, is_down,
                (const char *const[]){ "drbdsetup", "down", job->manager->wanted.resource, NULL });
}

/* Without force: the kernels agree that this side is outdated from here on, so that the peer does not
 * freeze. */
void order_leave(Job *job)
{
        Manager *m = job->manager;

        if (m->view.role == DRBD_ROLE_PRIMARY) {
                job_fail(job, ERROR_REFUSED, "it is primary here; only a secondary can leave");
                return;
        }
        m->left = true;
        volume_left(&m->volume, true);
        if (!m->volume.present)
                job_done(job);
        else if (order_has_link(m))
                order_part(job, has_left, false);
        else
                has_left(job, NULL);
}

static void connected(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;
        char reason[256];

        if (result->status == 0)
                job_done(job);
        else
                job_fail(job, ERROR_FAILED, "DRBD cannot connect %s: %s", m->wanted.resource,
                         command_reason(result, reason));
}

/*
 * Also after a volume was left: then all of it is set up again. By adjust: drbdadm's connect opens an
 * Internet socket to look for this node's address, which the unit does not allow.
 */
void order_connect(Job *job)
{
        Manager *m = job->manager;

        if (!m->volume.present)
                set_up_begin(job);
        else if (order_has_link(m))
                job_done(job);
        else
                job_run(job, connected,
                        (const char *const[]){ "drbdadm", "-c", m->drbd_conf, "adjust", m->wanted.resource,
                                               NULL });
}

/* The mount */

static void mounted(Job *job, const CommandResult *result);

static void formatted(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;
        char reason[256];

        if (result->status == 0)
                job_unit(job, mounted, "StartUnit", m->mount_unit);
        else
                job_fail(job, ERROR_FAILED, "cannot make a file system on %s: %s", m->wanted.device,
                         command_reason(result, reason));
}

static void probed(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;
        char program[NAME_MAX];
        bool xfs;

        if (result->status != 0 ||
            (strcmp(result->output, "blank\n") != 0 && strcmp(result->output, "empty\n") != 0)) {
                job_fail(job, ERROR_FAILED,
                         "systemd cannot mount %s at %s; `journalctl -u '%s'` says why. On it is %s",
                         m->wanted.device, m->wanted.mount_point, m->mount_unit, result->output);
                return;
        }
        log_info(service_log(m->service), "drbd", "Nothing is on %s: making a file system, %s",
                 m->wanted.device, m->wanted.file_system);
        snprintf(program, sizeof(program), "mkfs.%s", m->wanted.file_system);
        xfs = strcmp(m->wanted.file_system, "xfs") == 0;
        job->blank = true; /* not twice */
        /* Without discarding what is blank: each block of it would count as written, and be copied. */
        job_run(job, formatted,
                (const char *const[]){ program, "-q", xfs ? "-K" : "-E",
                                       xfs ? m->wanted.device : "nodiscard", xfs ? NULL : m->wanted.device,
                                       NULL });
}

/* Only what could not be mounted is looked at, so that a takeover does not wait for it. */
static void mounted(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;
        char program[PATH_MAX];

        if (result->status == 0) {
                manager_look_at_mounts(m);
                job_await(job);
        } else if (job->blank) {
                job_fail(job, ERROR_FAILED, "systemd cannot mount %s at %s: %s", m->wanted.device,
                         m->wanted.mount_point, result->errors);
        } else {
                snprintf(program, sizeof(program), "%s/hapair-probe-disk", manager_libexec());
                job_run(job, probed, (const char *const[]){ program, m->wanted.device, NULL });
        }
}

void order_mount(Job *job)
{
        Manager *m = job->manager;

        manager_look_at_mounts(m);
        if (m->volume.mounted)
                job_done(job);
        else
                job_unit(job, mounted, "StartUnit", m->mount_unit);
}

static void unmounted(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;
        char path[PATH_MAX];

        manager_look_at_mounts(m);
        if (!m->volume.mounted)
                job_done(job);
        else if (mounts_find(m->wanted.minor, path, sizeof(path)))
                job_fail(job, ERROR_FAILED,
                         "%s is still mounted (%s): something uses it; `fuser -vm %s` says what", path,
                         result->errors, path);
}

/* Wherever somebody has mounted it. */
void order_unmount(Job *job)
{
        Manager *m = job->manager;
        char path[PATH_MAX], unit[UNIT_NAME_MAX];

        manager_look_at_mounts(m);
        if (!m->volume.mounted || !mounts_find(m->wanted.minor, path, sizeof(path)))
                job_done(job);
        else if (mount_unit_name(path, unit) < 0)
                job_fail(job, ERROR_FAILED, "it is mounted at %s, which no unit can be named after", path);
        else
                job_unit(job, unmounted, "StopUnit", unit);
}
