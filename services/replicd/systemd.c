/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "systemd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_ADDRESS "unix:path=/run/systemd/private"
#define MANAGER_PATH    "/org/freedesktop/systemd1"
#define MANAGER         "org.freedesktop.systemd1.Manager"
#define JOBS_MAX        8
#define JOB_PATH_MAX    64
/* An answer is due long before a job has ended; the limit of the order is its caller's affair. */
#define ANSWER_USEC (30 * USEC_PER_SEC)

struct SystemdJob {
        Systemd *systemd;
        systemd_done_t done; /* NULL: free */
        void *userdata;
        sd_bus_slot *call;
        char path[JOB_PATH_MAX]; /* empty: not answered yet, or not that kind of call */
        /* JobRemoved may overtake the answer that names the job. */
        char removed_path[JOB_PATH_MAX], removed_result[32];
};

struct Systemd {
        Service *service;
        sd_bus *bus;
        SystemdJob jobs[JOBS_MAX];
};

static void end(SystemdJob *job, int error, const char *result)
{
        systemd_done_t done = TAKE_PTR(job->done);

        job->call = sd_bus_slot_unref(job->call);
        if (done)
                done(error, result, job->userdata);
}

void systemd_forget(SystemdJob *job)
{
        job->done = NULL;
        job->call = sd_bus_slot_unref(job->call);
}

static void drop(Systemd *systemd)
{
        if (systemd->bus)
                sd_bus_close(systemd->bus);
        systemd->bus = sd_bus_unref(systemd->bus);
}

/* A daemon-reexec ends connections: what was under way is asked for again by whoever wants it. */
static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Systemd *systemd = userdata;

        drop(systemd);
        for (size_t i = 0; i < JOBS_MAX; i++)
                if (systemd->jobs[i].done)
                        end(&systemd->jobs[i], -ECONNRESET, "systemd hung up");
        return 0;
}

static int result_error(const char *result)
{
        return strcmp(result, "done") == 0 ? 0 : strcmp(result, "timeout") == 0 ? -ETIMEDOUT : -EIO;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Systemd *systemd = userdata;
        const char *path, *unit, *result;
        uint32_t id;

        if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        for (size_t i = 0; i < JOBS_MAX; i++) {
                SystemdJob *job = &systemd->jobs[i];

                if (!job->done)
                        continue;
                if (job->path[0] == 0) {
                        snprintf(job->removed_path, sizeof(job->removed_path), "%s", path);
                        snprintf(job->removed_result, sizeof(job->removed_result), "%s", result);
                } else if (strcmp(job->path, path) == 0) {
                        end(job, result_error(result), result);
                        return 0;
                }
        }
        return 0;
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        SystemdJob *job = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(message);
        const char *path;

        job->call = sd_bus_slot_unref(job->call);
        if (error) {
                int r = -sd_bus_message_get_errno(message);

                end(job, r < 0 ? r : -EIO, error->message ? error->message : error->name);
                return 0;
        }
        if (sd_bus_message_read(message, "o", &path) <= 0) {
                end(job, 0, "done"); /* Reload names no job */
                return 0;
        }
        snprintf(job->path, sizeof(job->path), "%s", path);
        if (strcmp(job->removed_path, path) == 0)
                end(job, result_error(job->removed_result), job->removed_result);
        return 0;
}

static int connect_now(Systemd *systemd)
{
        const char *address = getenv("HAPAIR_SYSTEMD_ADDRESS");
        int r;

        r = sd_bus_new(&systemd->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(systemd->bus, address ? address : DEFAULT_ADDRESS);
        if (r < 0)
                return r;
        r = sd_bus_start(systemd->bus);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(systemd->bus, NULL, "org.freedesktop.DBus.Local", NULL,
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, systemd);
        if (r < 0)
                return r;
        /* Sent to everybody on the private socket, without Subscribe(). */
        r = sd_bus_match_signal(systemd->bus, NULL, NULL, MANAGER_PATH, MANAGER, "JobRemoved",
                                on_job_removed, systemd);
        if (r < 0)
                return r;
        return sd_bus_attach_event(systemd->bus, service_event(systemd->service), SD_EVENT_PRIORITY_NORMAL);
}

int systemd_new(Service *service, Systemd **ret_systemd)
{
        Systemd *systemd = calloc(1, sizeof(*systemd));

        if (!systemd)
                return -ENOMEM;
        systemd->service = service;
        *ret_systemd = systemd;
        return 0;
}

Systemd *systemd_free(Systemd *systemd)
{
        if (!systemd)
                return NULL;
        for (size_t i = 0; i < JOBS_MAX; i++)
                sd_bus_slot_unref(systemd->jobs[i].call);
        drop(systemd);
        free(systemd);
        return NULL;
}

int systemd_call(Systemd *systemd, const char *method, const char *unit, systemd_done_t done, void *userdata,
                 SystemdJob **ret_job)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        SystemdJob *job = NULL;
        int r;

        for (size_t i = 0; i < JOBS_MAX && !job; i++)
                if (!systemd->jobs[i].done)
                        job = &systemd->jobs[i];
        if (!job)
                return -EBUSY;
        if (!systemd->bus) {
                r = connect_now(systemd);
                if (r < 0) {
                        drop(systemd);
                        return r;
                }
        }
        r = sd_bus_message_new_method_call(systemd->bus, &message, NULL, MANAGER_PATH, MANAGER, method);
        if (r < 0)
                return r;
        if (unit) {
                r = sd_bus_message_append(message, "ss", unit, "replace");
                if (r < 0)
                        return r;
        }
        *job = (SystemdJob){ .systemd = systemd, .done = done, .userdata = userdata };
        r = sd_bus_call_async(systemd->bus, &job->call, message, on_answer, job, ANSWER_USEC);
        if (r < 0) {
                *job = (SystemdJob){ 0 };
                return r;
        }
        *ret_job = job;
        return 0;
}
