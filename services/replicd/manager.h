/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replicd as a whole: the volume as the kernel tells of it, the jobs at work on it, and what was shown last.
 *
 *   manager.c     settings, events, the turn after each
 *   memory.c      what outlives the daemon
 *   notice.c      who is at this machine is told
 *   job.c         lanes, limits, answers      orders.c, discard.c, setup.c   the jobs' steps
 *   bus.c         the root object             bus-volume.c        the volume's
 */
#pragma once

#include <limits.h>

#include "banner.h"
#include "common/settings.h"
#include "common/state.h"
#include "job.h"
#include "mounts.h"
#include "volume.h"
#include "wanted.h"
#include "watch.h"

#define PROBLEM_MAX   512
#define MEMORY_FIELDS 10 /* memory.c has them */

struct Manager {
        Service *service;
        Settings *settings;
        Systemd *systemd;
        Watch *watch;
        Mounts *mounts;
        sd_event_source *poll, *keeper, *retry;
        StateFile *memory;
        uint64_t remembered[MEMORY_FIELDS]; /* what was saved last */

        Wanted wanted;
        bool loaded;              /* settings came */
        bool valid;               /* they are enabled and can be used */
        bool left;                /* for good, until Connect */
        bool set_up_due;          /* as soon as the kernel has told what it has */
        char drbd_conf[PATH_MAX]; /* what drbdadm reads when we run it */
        char disk[PATH_MAX];      /* that the volume has here, whatever is wanted */
        char mount_unit[256];
        char problem[PROBLEM_MAX];
        uint64_t retry_usec; /* how long the next failure of the set-up rests */
        uint64_t epoch;

        Volume volume;
        VolumeView view;
        bool exists; /* there is an object for it */
        uint64_t checked_usec;
        bool asking_gi;
        uint64_t gi_serial;
        unsigned news;    /* of this turn */
        unsigned refused; /* how often in a row a connection was refused */
        bool had_disk;    /* this node had a disk in the volume, ever */
        Banner banner;

        Lane lanes[_JOB_LANE_MAX];
};

_must_check_ int manager_new(Manager **ret_manager);
Manager *manager_free(Manager *m);

static inline void manager_freep(Manager **m)
{
        manager_free(*m);
}

/* Opens the edges and asks for settings. */
_must_check_ int manager_start(Manager *m);

/* Shows what changed and does what follows. After everything that happens. */
void manager_turn(Manager *m);

/* Asks the kernel now where the volume is mounted. */
void manager_look_at_mounts(Manager *m);

/* What is wrong, in plain words with what to do; "" when nothing is. */
void manager_set_problem(Manager *m, const char *format, ...) _printf_(2, 3);

/* Tries the set-up again, ever more slowly. */
void manager_set_up_failed(Manager *m);

/* The directory of programs of ours that are no daemons. */
const char *manager_libexec(void);
/* Where the resource file is. */
const char *manager_resource_path(void);
/* DRBD's own account; not there without its module. */
const char *manager_proc_drbd(void);

/* memory.c */
const char *memory_directory(void);
_must_check_ int memory_open(Manager *m);
void memory_close(Manager *m);
/* Takes over what was remembered of this volume; `ret_memory` is untouched when it is nothing. */
void memory_load(Manager *m, VolumeMemory *ret_memory);
/* Saves what differs, without waiting. */
void memory_save(Manager *m);

/* setup.c: whether there never were data on this node's disk. */
bool set_up_is_fresh(const Manager *m);

/* notice.c: the banner as it should be now; each poll. */
void notice_look(Manager *m);
void notice_remove(Manager *m);

/* bus.c */
extern const ServiceInfo bus_info;
void bus_changed(Manager *m, const char *property);

/* bus-volume.c */
_must_check_ int bus_add_volume(sd_bus *bus, Manager *m);
void bus_volume_added(Manager *m);
void bus_volume_removed(Manager *m);
/* `changes`: VOLUME_CHANGED_… */
void bus_volume_changed(Manager *m, unsigned changes);
