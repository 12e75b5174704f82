/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "common/timer.h"
#include "files.h"

enum {
        GI_LIMIT_USEC = 5 * USEC_PER_SEC,
        RETRY_FIRST_USEC = 1 * USEC_PER_SEC,
        RETRY_LAST_USEC = 60 * USEC_PER_SEC,
        MASTER_REFUSED_MAX = 4,
};

const char *manager_libexec(void)
{
        const char *directory = getenv("HAPAIR_LIBEXEC_DIR");

        return directory ? directory : LIBEXEC_DIR;
}

const char *manager_resource_path(void)
{
        const char *path = getenv("HAPAIR_DRBD_RESOURCE");

        return path ? path : "/etc/drbd.d/hapair.res";
}

const char *manager_proc_drbd(void)
{
        const char *path = getenv("HAPAIR_PROC_DRBD");

        return path ? path : "/proc/drbd";
}

void manager_set_problem(Manager *m, const char *format, ...)
{
        char text[PROBLEM_MAX];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        if (strcmp(text, m->problem) == 0)
                return;
        snprintf(m->problem, sizeof(m->problem), "%s", text);
        if (text[0] != 0)
                log_event(service_log(m->service),
                          &(LogEntry){ .priority = LOG_ERR,
                                       .id = MESSAGE_VOLUME_PROBLEM,
                                       .category = "drbd",
                                       .reason = text },
                          "There is no working volume: %s", text);
        bus_changed(m, "Problem");
}

void manager_set_up_failed(Manager *m)
{
        m->retry_usec = MAX_OF(2 * m->retry_usec, (uint64_t) RETRY_FIRST_USEC);
        m->retry_usec = MIN_OF(m->retry_usec, (uint64_t) RETRY_LAST_USEC);
        timer_set(m->retry, now_usec() + m->retry_usec);
}

/*
 * Not before the kernel has told what it has: a disk that is attached already would only be found busy.
 * Where DRBD is not loaded there is nothing to be told.
 */
static void set_up(Manager *m)
{
        m->set_up_due = !m->volume.dumped && access(manager_proc_drbd(), F_OK) == 0;
        if (m->set_up_due)
                return;
        if (!m->left && job_submit(m, JOB_SET_UP, NULL, false, NULL) < 0)
                manager_set_up_failed(m);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        set_up(userdata);
        return 0;
}

/* What the kernel tells */

static VolumeTime both_clocks(void)
{
        return (VolumeTime){ .usec = now_usec(), .realtime_usec = clock_usec(CLOCK_REALTIME) };
}

static void on_event(const DrbdEvent *event, void *userdata)
{
        Manager *m = userdata;

        if (m->exists)
                m->news |= volume_event(&m->volume, event, both_clocks());
}

static void on_events(void *userdata)
{
        Manager *m = userdata;

        m->checked_usec = now_usec();
        manager_turn(m);
}

static void on_events_ended(const char *why, void *userdata)
{
        Manager *m = userdata;

        if (m->view.known)
                log_warning(service_log(m->service), "drbd", "DRBD's events ended (%s); asking again", why);
        volume_forget(&m->volume);
        manager_turn(m);
}

static void log_news(Manager *m, const char *id, int priority, const char *text)
{
        log_event(service_log(m->service), &(LogEntry){ .priority = priority, .id = id, .category = "drbd" },
                  "Volume %s: %s", m->volume.resource, text);
}

static void tell_news(Manager *m)
{
        static const struct {
                unsigned news;
                int priority;
                const char *id, *text;
        } table[] = {
                { VOLUME_NEWS_CONNECTED, LOG_NOTICE, MESSAGE_VOLUME_CONNECTED,
                  "connected with the other node" },
                { VOLUME_NEWS_DISCONNECTED, LOG_WARNING, MESSAGE_VOLUME_DISCONNECTED,
                  "the connection with the other node is lost" },
                { VOLUME_NEWS_SPLIT_BRAIN, LOG_CRIT, MESSAGE_VOLUME_SPLIT_BRAIN,
                  "split-brain: both nodes wrote alone, and neither data set may be thrown away unasked" },
                { VOLUME_NEWS_DISK_FAILED, LOG_CRIT, MESSAGE_VOLUME_DISK_FAILED,
                  "the disk of this node failed" },
                { VOLUME_NEWS_SYNC_BEGUN, LOG_NOTICE, MESSAGE_VOLUME_SYNC_BEGUN, "a resync has begun" },
                { VOLUME_NEWS_SYNC_ENDED, LOG_NOTICE, MESSAGE_VOLUME_SYNC_ENDED, "the resync has ended" },
                { VOLUME_NEWS_FROZEN, LOG_WARNING, MESSAGE_VOLUME_FROZEN,
                  "I/O is frozen until the peer is back or this node may go on alone" },
                { VOLUME_NEWS_THAWED, LOG_NOTICE, MESSAGE_VOLUME_THAWED, "I/O goes on" },
        };
        unsigned news = m->news;

        m->news = 0;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if ((news & table[i].news) != 0)
                        log_news(m, table[i].id, table[i].priority, table[i].text);
        if ((news & VOLUME_NEWS_CONNECTED) != 0)
                m->refused = 0;
        if ((news & VOLUME_NEWS_LOST) != 0) {
                volume_forget(&m->volume);
                watch_again(m->watch);
        }
}

static void on_gi(const CommandResult *result, void *userdata)
{
        Manager *m = userdata;
        Gi gi;

        m->asking_gi = false;
        if (result->status == 0 && gi_parse(result->output, strlen(result->output), &gi) >= 0)
                volume_gi(&m->volume, m->gi_serial, &gi);
        else
                volume_gi(&m->volume, m->gi_serial, NULL);
        manager_turn(m);
}

/* No event tells of the generation identifiers. */
static void ask_gi(Manager *m)
{
        Command *command;
        char minor[16];

        if (m->asking_gi || !volume_wants_gi(&m->volume, now_usec()))
                return;
        snprintf(minor, sizeof(minor), "%u", m->wanted.minor);
        m->gi_serial = volume_gi_asked(&m->volume);
        m->asking_gi = command_start(service_event(m->service),
                                     (const char *const[]){ "drbdsetup", "get-gi", minor, NULL },
                                     GI_LIMIT_USEC, on_gi, m, &command) >= 0;
        if (!m->asking_gi)
                volume_gi(&m->volume, m->gi_serial, NULL);
}

/* A file of /proc or /sys, as much of it as there is room for. */
static size_t read_text(const char *path, char *ret_text, size_t size)
{
        FILE *file = fopen(path, "re");
        size_t n;

        if (!file)
                return 0;
        n = fread(ret_text, 1, size, file);
        fclose(file);
        return n;
}

static void poll_disk(Manager *m)
{
        char path[64], text[512];
        struct stat disk;
        DiskStat stat_;
        size_t n;

        if (stat(m->disk, &disk) < 0 || !S_ISBLK(disk.st_mode))
                return;
        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/stat", major(disk.st_rdev), minor(disk.st_rdev));
        n = read_text(path, text, sizeof(text));
        if (disk_stat_parse(text, n, &stat_) >= 0)
                volume_disk_stat(&m->volume, &stat_, now_usec());
}

static void end_hang(Manager *m)
{
        if (!m->valid || !volume_hangs(&m->volume, now_usec()) || jobs_have(m, JOB_DISCONNECT))
                return;
        log_warning(service_log(m->service), "drbd",
                    "The kernels do not end their exchange of bitmaps; disconnecting, to connect anew");
        if (job_submit(m, JOB_DISCONNECT, NULL, false, NULL) < 0)
                log_warning(service_log(m->service), "drbd", "Too much to do to disconnect; later");
}

static int on_poll(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *m = userdata;
        char text[4096];
        Progress progress;
        bool known = progress_parse(text, read_text(manager_proc_drbd(), text, sizeof(text)),
                                    m->wanted.minor, &progress) >= 0;

        volume_progress(&m->volume, known ? &progress : NULL);
        if (known)
                m->checked_usec = now_usec();
        poll_disk(m);
        end_hang(m);
        manager_turn(m);
        notice_look(m);
        timer_set(source, now_usec() + VOLUME_POLL_USEC);
        return 0;
}

void manager_look_at_mounts(Manager *m)
{
        char path[PATH_MAX];

        volume_mounted(&m->volume, mounts_find(m->wanted.minor, path, sizeof(path)));
}

static void on_mounts(void *userdata)
{
        Manager *m = userdata;

        manager_look_at_mounts(m);
        manager_turn(m);
}

/* The turn */

static int on_keeper(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *m = userdata;
        JobType type = JOB_RECONNECT;

        volume_connect_tried(&m->volume, now_usec());
        if (m->lanes[JOB_LANE_LINK].n > 0)
                return 0; /* what is at work on the link connects it, or is not to be disturbed */
        /* The slave's goes first: if both are without data, the master's is the one that becomes the volume.
         */
        if (++m->refused >= (wanted_is_master(&m->wanted) ? MASTER_REFUSED_MAX : 1) && set_up_is_fresh(m))
                type = JOB_RENEW;
        if (job_submit(m, type, NULL, false, NULL) < 0)
                log_warning(service_log(m->service), "drbd", "Not enough memory to connect again; later");
        manager_turn(m);
        return 0;
}

static void set_keeper(Manager *m)
{
        timer_set(m->keeper, m->valid ? volume_connect_usec(&m->volume) : USEC_INFINITY);
}

void manager_turn(Manager *m)
{
        VolumeView before = m->view;
        unsigned changes;

        if (!m->exists)
                return;
        volume_view(&m->volume, &m->view);
        changes = volume_changes(&before, &m->view);
        if (changes != 0)
                bus_volume_changed(m, changes);
        tell_news(m);
        memory_save(m);
        ask_gi(m);
        set_keeper(m);
        if (m->set_up_due && m->volume.dumped)
                set_up(m);
        jobs_look(m);
}

/* Settings */

static int take_up(Manager *m)
{
        static const WatchHandlers handlers = { .event = on_event,
                                                .turn = on_events,
                                                .ended = on_events_ended };
        VolumeMemory memory = { 0 };
        int r;

        memory_load(m, &memory);
        volume_init(&m->volume, m->wanted.resource, &memory);
        volume_view(&m->volume, &m->view);
        m->exists = true;
        notice_remove(m); /* of a daemon before this one */
        manager_look_at_mounts(m);
        m->watch = watch_free(m->watch);
        r = watch_new(service_event(m->service), &handlers, m, &m->watch);
        if (r < 0)
                return r;
        bus_volume_added(m);
        timer_set(m->poll, 0);
        return 0;
}

/* The kernel keeps what it has: somebody may use it. */
static void let_go(Manager *m)
{
        m->valid = false;
        if (!m->exists)
                return;
        m->watch = watch_free(m->watch);
        timer_set(m->poll, USEC_INFINITY);
        timer_set(m->keeper, USEC_INFINITY);
        notice_remove(m);
        bus_volume_removed(m);
        m->exists = false;
}

static int use(Manager *m, Wanted *wanted)
{
        bool other = !m->exists || strcmp(m->wanted.resource, wanted->resource) != 0 ||
                     m->wanted.minor != wanted->minor;
        int r = mount_unit_name(wanted->mount_point, m->mount_unit);

        if (r < 0)
                return r;
        if (other)
                let_go(m);
        wanted_done(&m->wanted);
        m->wanted = *wanted;
        *wanted = (Wanted){ 0 };
        m->valid = true;
        if (other) {
                r = take_up(m);
                if (r < 0)
                        return r;
        }
        m->retry_usec = 0;
        set_up(m);
        return 0;
}

static int apply(Manager *m, Wanted *wanted)
{
        const char *bad = "";

        /* Without a configuration in force confd knows less than we do, and an own address may be away for a
         * moment only: what is there stays. */
        if (!wanted->configured || !wanted->role || strcmp(wanted->role, "none") == 0)
                return 0;
        m->loaded = true;
        if (m->wanted.enabled != wanted->enabled) {
                m->wanted.enabled = wanted->enabled;
                bus_changed(m, "Enabled");
        }
        if (!wanted->enabled) {
                let_go(m);
                manager_set_problem(m, "%s", "");
                return 0;
        }
        if (wanted_check(wanted, &bad) < 0) {
                manager_set_problem(m, "%s of the configuration cannot be used for a volume; correct it",
                                    bad);
                return 0;
        }
        return use(m, wanted);
}

static int on_settings(sd_bus_message *message, void *userdata)
{
        Manager *m = userdata;
        Wanted wanted;
        const char *bad = "";
        int r = wanted_read(message, &wanted, &bad);

        if (r < 0) {
                log_error(service_log(m->service), "config", "confd's settings cannot be read at \"%s\"",
                          bad);
                return r;
        }
        r = apply(m, &wanted);
        wanted_done(&wanted);
        return r;
}

static int on_stop(void *userdata)
{
        Manager *m = userdata;

        notice_remove(m);
        service_exit(m->service);
        return 0;
}

int manager_new(Manager **ret_manager)
{
        Manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        r = service_new(&bus_info, m, &m->service);
        if (r < 0) {
                manager_free(m);
                return r;
        }
        service_on_stop(m->service, on_stop);
        *ret_manager = m;
        return 0;
}

Manager *manager_free(Manager *m)
{
        if (!m)
                return NULL;
        settings_close(m->settings);
        jobs_free(m);
        watch_free(m->watch);
        mounts_free(m->mounts);
        systemd_free(m->systemd);
        memory_close(m);
        sd_event_source_disable_unref(m->poll);
        sd_event_source_disable_unref(m->keeper);
        sd_event_source_disable_unref(m->retry);
        service_free(m->service);
        wanted_done(&m->wanted);
        free(m);
        return NULL;
}

int manager_start(Manager *m)
{
        sd_event *event = service_event(m->service);
        int r;

        snprintf(m->drbd_conf, sizeof(m->drbd_conf), "%s/drbd.conf", memory_directory());
        r = memory_open(m);
        if (r < 0)
                return r;
        r = systemd_new(m->service, &m->systemd);
        if (r < 0)
                return r;
        r = mounts_new(event, on_mounts, m, &m->mounts);
        if (r < 0)
                return r;
        r = timer_new(event, on_poll, m, &m->poll);
        if (r < 0)
                return r;
        r = timer_new(event, on_keeper, m, &m->keeper);
        if (r < 0)
                return r;
        r = timer_new(event, on_retry, m, &m->retry);
        if (r < 0)
                return r;
        return settings_open(m->service, "replicd", on_settings, m, &m->settings);
}
