/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "manager.h"

static bool is_primary(const VolumeView *view)
{
        return view->role == DRBD_ROLE_PRIMARY;
}

static bool is_not_primary(const VolumeView *view)
{
        return view->role != DRBD_ROLE_PRIMARY;
}

static bool is_mounted(const VolumeView *view)
{
        return view->mounted;
}

static bool is_not_mounted(const VolumeView *view)
{
        return !view->mounted;
}

static bool is_disconnected(const VolumeView *view)
{
        return view->connection != DRBD_CONNECTION_CONNECTED &&
               view->connection != DRBD_CONNECTION_HANDSHAKE;
}

static bool is_connected(const VolumeView *view)
{
        return view->connection == DRBD_CONNECTION_CONNECTED;
}

static bool is_not_frozen(const VolumeView *view)
{
        return !view->frozen;
}

static const struct {
        const char *name;
        JobLane lane;
        bool undoes; /* ends what acquires in both lanes' queues */
        bool acquires;
        uint64_t limit_usec;
        void (*begin)(Job *job);
        bool (*reached)(const VolumeView *view); /* what job_await() waits for */
} types[_JOB_TYPE_MAX] = {
        [JOB_PRIMARY] = { "make it primary", JOB_LANE_ROLE, false, true, 30 * USEC_PER_SEC, order_primary,
                          is_primary },
        [JOB_MOUNT] = { "mount it", JOB_LANE_ROLE, false, true, 55 * USEC_PER_SEC, order_mount, is_mounted },
        [JOB_UNMOUNT] = { "unmount it", JOB_LANE_ROLE, true, false, 55 * USEC_PER_SEC, order_unmount,
                          is_not_mounted },
        [JOB_SECONDARY] = { "make it secondary", JOB_LANE_ROLE, true, false, 15 * USEC_PER_SEC,
                            order_secondary, is_not_primary },
        [JOB_DISCONNECT] = { "disconnect it", JOB_LANE_LINK, true, false, 5 * USEC_PER_SEC, order_disconnect,
                             is_disconnected },
        [JOB_LEAVE] = { "leave", JOB_LANE_LINK, true, false, 20 * USEC_PER_SEC, order_leave, NULL },
        [JOB_RESUME] = { "let its I/O go on", JOB_LANE_LINK, false, false, 10 * USEC_PER_SEC, order_resume,
                         is_not_frozen },
        [JOB_CONNECT] = { "connect it", JOB_LANE_LINK, false, true, USEC_PER_MINUTE, order_connect, NULL },
        [JOB_DISCARD] = { "discard what this node has", JOB_LANE_LINK, false, true, 29 * USEC_PER_MINUTE,
                          order_discard, is_connected },
        [JOB_PREPARE] = { "prepare its disk", JOB_LANE_LINK, false, false, 5 * USEC_PER_MINUTE, set_up_begin,
                          NULL },
        [JOB_SET_UP] = { "set it up", JOB_LANE_LINK, false, false, 5 * USEC_PER_MINUTE, set_up_begin, NULL },
        [JOB_RENEW] = { "give the disk up for a full copy", JOB_LANE_LINK, false, false, 5 * USEC_PER_MINUTE,
                        set_up_renew, NULL },
        [JOB_RECONNECT] = { "connect it again", JOB_LANE_LINK, false, true, 20 * USEC_PER_SEC, order_connect,
                            NULL },
};

const char *job_type_to_string(JobType type)
{
        return types[type].name;
}

static Lane *lane_of(const Job *job)
{
        return &job->manager->lanes[types[job->type].lane];
}

static Job *job_free(Job *job)
{
        if (job->systemd)
                systemd_forget(job->systemd);
        sd_event_source_disable_unref(job->limit);
        sd_bus_message_unref(job->call);
        free(job);
        return NULL;
}

void jobs_free(Manager *m)
{
        for (size_t i = 0; i < _JOB_LANE_MAX; i++)
                for (size_t k = 0; k < m->lanes[i].n; k++)
                        job_free(m->lanes[i].jobs[k]);
}

bool jobs_have(const Manager *m, JobType type)
{
        const Lane *lane = &m->lanes[types[type].lane];

        for (size_t i = 0; i < lane->n; i++)
                if (lane->jobs[i]->type == type)
                        return true;
        return false;
}

static void begin(Job *job);

/* Takes it out of its lane and frees it; the next one begins. */
static void leave_lane(Job *job)
{
        Manager *m = job->manager;
        Lane *lane = lane_of(job);
        bool was_first = lane->jobs[0] == job;
        size_t i = 0;

        while (lane->jobs[i] != job)
                i++;
        memmove(&lane->jobs[i], &lane->jobs[i + 1], (--lane->n - i) * sizeof(lane->jobs[0]));
        if (job->call)
                volume_order_ended(&m->volume, now_usec());
        job_free(job);
        if (was_first && lane->n > 0)
                begin(lane->jobs[0]);
        manager_turn(m);
}

void job_done(Job *job)
{
        /* The caller may be gone; then nobody misses the answer. */
        if (job->call)
                (void) sd_bus_reply_method_return(job->call, NULL);
        leave_lane(job);
}

void job_fail(Job *job, const char *error, const char *format, ...)
{
        Manager *m = job->manager;
        char text[PROBLEM_MAX];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);

        if (job->call) {
                log_event(service_log(m->service),
                          &(LogEntry){ .priority = LOG_ERR,
                                       .id = MESSAGE_VOLUME_ORDER_FAILED,
                                       .category = "drbd",
                                       .reason = text,
                                       .epoch = m->epoch },
                          "Volume %s: could not %s: %s", m->wanted.resource ? m->wanted.resource : "",
                          types[job->type].name, text);
                (void) sd_bus_reply_method_errorf(job->call, error, "%s", text);
        } else if (job->type == JOB_SET_UP || job->type == JOB_RENEW) {
                manager_set_problem(m, "%s", text);
                manager_set_up_failed(m);
        } else if (!job->ending) {
                log_warning(service_log(m->service), "drbd", "Volume %s: could not %s: %s",
                            m->volume.resource, types[job->type].name, text);
        }
        leave_lane(job);
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata)
{
        Job *job = userdata;

        if (!job->command) /* a command has the same limit and tells of it itself */
                job_fail(job, SD_BUS_ERROR_TIMEOUT, "it took too long");
        return 0;
}

static void begin(Job *job)
{
        Manager *m = job->manager;
        int r;

        job->deadline_usec = now_usec() + types[job->type].limit_usec;
        r = sd_event_add_time(service_event(m->service), &job->limit, CLOCK_BOOTTIME, job->deadline_usec, 1,
                              on_limit, job);
        if (r < 0)
                job_fail(job, ERROR_FAILED, "%s", strerror(-r));
        else
                types[job->type].begin(job);
}

/* What it has begun is ended first: a promotion that goes on would undo the undoing. */
static void end(Job *job)
{
        if (job->ending)
                return;
        job->ending = true;
        if (job->command)
                command_cancel(job->command);
        else
                job_fail(job, ERROR_FAILED, "a later order ended it");
}

static void end_acquiring(Lane *lane)
{
        for (size_t i = lane->n; i > 0; i--)
                if (types[lane->jobs[i - 1]->type].acquires)
                        end(lane->jobs[i - 1]);
}

int job_submit(Manager *m, JobType type, sd_bus_message *call, bool force, const char *text)
{
        Lane *lane = &m->lanes[types[type].lane];
        Job *job;

        if (!call && jobs_have(m, type))
                return 0;
        if (types[type].undoes)
                end_acquiring(lane);
        if (lane->n == JOB_QUEUE_MAX)
                return -EBUSY;
        job = calloc(1, sizeof(*job));
        if (!job)
                return -ENOMEM;
        *job = (Job){ .manager = m, .type = type, .call = sd_bus_message_ref(call), .force = force };
        snprintf(job->text, sizeof(job->text), "%s", text ? text : "");
        if (call)
                volume_order_begun(&m->volume);
        lane->jobs[lane->n++] = job;
        if (lane->n == 1)
                begin(job);
        return 0;
}

static void on_command(const CommandResult *result, void *userdata)
{
        Job *job = userdata;

        job->command = NULL;
        if (job->ending || result->status == -ECANCELED)
                job_fail(job, ERROR_FAILED, "a later order ended it");
        else if (result->status == -ETIMEDOUT)
                job_fail(job, SD_BUS_ERROR_TIMEOUT, "%s did not end in time", job->program);
        else
                TAKE_PTR(job->next)(job, result);
}

void job_run(Job *job, job_next_t next, const char *const argv[])
{
        uint64_t now = now_usec();
        uint64_t left = job->deadline_usec > now ? job->deadline_usec - now : 0;
        int r;

        job->next = next;
        snprintf(job->program, sizeof(job->program), "%s %s", argv[0], argv[1]);
        r = command_start(service_event(job->manager->service), argv, left, on_command, job, &job->command);
        if (r < 0)
                job_fail(job, ERROR_FAILED, "%s: %s", argv[0], strerror(-r));
}

static void on_unit(int error, const char *result, void *userdata)
{
        Job *job = userdata;

        job->systemd = NULL;
        TAKE_PTR(job->next)
        (job, &(CommandResult){ .status = error == 0 ? 0 : 1, .output = "", .errors = result });
}

void job_unit(Job *job, job_next_t next, const char *method, const char *unit)
{
        int r;

        job->next = next;
        r = systemd_call(job->manager->systemd, method, unit, on_unit, job, &job->systemd);
        if (r < 0)
                job_fail(job, ERROR_FAILED, "systemd does not answer: %s", strerror(-r));
}

static void look(Job *job)
{
        VolumeView view;

        volume_view(&job->manager->volume, &view);
        if (types[job->type].reached(&view))
                job_done(job);
}

void job_limit(Job *job, uint64_t limit_usec)
{
        job->deadline_usec = now_usec() + limit_usec;
        (void) sd_event_source_set_time(job->limit, job->deadline_usec);
}

void job_await(Job *job)
{
        job->awaiting = true;
        look(job);
}

void jobs_look(Manager *m)
{
        for (size_t i = 0; i < _JOB_LANE_MAX; i++)
                if (m->lanes[i].n > 0 && m->lanes[i].jobs[0]->awaiting)
                        look(m->lanes[i].jobs[0]);
}
