/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The work of replicd: one job for each order of electd, and those it gives itself. A job goes in steps,
 * each a program or a unit's job that is not waited for, and ends at its limit at the latest. There are two
 * lanes, in each of which jobs go one after the other: the role's (promote, mount and back) and the link's.
 * What undoes never waits for what acquires: it ends it.
 */
#pragma once

#include "child.h"
#include "common/service.h"
#include "systemd.h"

#define ERROR_FAILED      "org.hapair.Error.Failed"
#define ERROR_REFUSED     "org.hapair.Error.Refused"
#define ERROR_STALE_EPOCH "org.hapair.Error.StaleEpoch"

#define JOB_TEXT_MAX 256

typedef enum JobType {
        JOB_PRIMARY,
        JOB_MOUNT,
        JOB_UNMOUNT,
        JOB_SECONDARY,
        JOB_DISCONNECT,
        JOB_LEAVE,
        JOB_RESUME,
        JOB_CONNECT,
        JOB_DISCARD,
        JOB_PREPARE,
        JOB_SET_UP,    /* ours: the resource as configured */
        JOB_RECONNECT, /* the keeper's */
        JOB_RENEW,     /* the keeper's too: a disk without data that the peer refuses */
        _JOB_TYPE_MAX,
} JobType;

typedef enum JobLane {
        JOB_LANE_ROLE,
        JOB_LANE_LINK,
        _JOB_LANE_MAX,
} JobLane;

enum { JOB_QUEUE_MAX = 8 };

typedef struct Manager Manager;
typedef struct Job Job;

/* Goes on with the job. For a unit's job `status` is 0 or 1 and `errors` what became of it. */
typedef void (*job_next_t)(Job *job, const CommandResult *result);

struct Job {
        Manager *manager;
        JobType type;
        sd_bus_message *call;    /* whoever waits for the outcome; NULL: nobody */
        bool force;              /* of Primary */
        char text[JOB_TEXT_MAX]; /* Prepare's confirmation */
        bool blank;              /* there was nothing on the disk or volume */
        uint64_t deadline_usec;
        job_next_t next;
        Command *command;
        char program[64]; /* and its first word */
        SystemdJob *systemd;
        bool awaiting, ending;
        sd_event_source *limit;
};

typedef struct Lane {
        Job *jobs[JOB_QUEUE_MAX]; /* the first is running */
        size_t n;
} Lane;

/*
 * Begins it, or queues it behind what its lane is at; `call` is answered with the outcome. What is queued
 * already and waited for by nobody is not queued again. Errors: -EBUSY when the queue is full, -ENOMEM.
 */
_must_check_ int job_submit(Manager *m, JobType type, sd_bus_message *call, bool force, const char *text);
/* Looks whether what jobs wait for has come. */
void jobs_look(Manager *m);
/* Whether a job of the type is queued or running. */
bool jobs_have(const Manager *m, JobType type);
void jobs_free(Manager *m);
const char *job_type_to_string(JobType type);

/* For the steps. A job that has failed or is done is gone. */
void job_run(Job *job, job_next_t next, const char *const argv[]);
void job_unit(Job *job, job_next_t next, const char *method, const char *unit);
/* Ends well once the kernel says that it is so; see job.c's table. */
void job_await(Job *job);
void job_done(Job *job);
/* From now on; what runs already keeps its own. */
void job_limit(Job *job, uint64_t limit_usec);
void job_fail(Job *job, const char *error, const char *format, ...) _printf_(3, 4);

/* Parts of orders.c's orders that others need: whether there is a connection to end, and ending it. */
bool order_has_link(const Manager *m);
void order_join_discarding(Job *job, job_next_t next);
void order_part(Job *job, job_next_t next, bool force);

/* The first step of each: orders.c, discard.c, setup.c */
void order_primary(Job *job);
void order_mount(Job *job);
void order_unmount(Job *job);
void order_secondary(Job *job);
void order_disconnect(Job *job);
void order_leave(Job *job);
void order_resume(Job *job);
void order_connect(Job *job);
void order_discard(Job *job);
void set_up_begin(Job *job);
void set_up_renew(Job *job);
