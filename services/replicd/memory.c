/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What replicd remembers: the numbers of connections and disk errors, the last loss of the peer, a
 * split-brain, and the highest epoch of this boot. In numbers of 64 bits only, in the order of the
 * enumeration.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "common/messages.h"
#include "manager.h"

#define MEMORY_VERSION 1

enum {
        FIELD_VERSION,
        FIELD_BOOT, /* two of them */
        FIELD_EPOCH = FIELD_BOOT + 2,
        FIELD_CONNECTIONS,
        FIELD_ALONE_SINCE,
        FIELD_PEER_GENERATION,
        FIELD_DISK_ERRORS,
        FIELD_SPLIT_BRAIN,
        FIELD_HAD_DISK,
        _FIELD_MAX,
};

static void on_saved(uint64_t generation, int error, void *userdata)
{
        Manager *m = userdata;

        if (error < 0)
                log_error(service_log(m->service), "drbd", "Cannot save what replicd remembers: %s",
                          strerror(-error));
}

const char *memory_directory(void)
{
        const char *directory = getenv("STATE_DIRECTORY");

        return directory ? directory : "/var/lib/hapair/replicd";
}

int memory_open(Manager *m)
{
        char path[256];

        snprintf(path, sizeof(path), "%s/memory", memory_directory());
        return state_open(path, service_event(m->service), on_saved, m, &m->memory);
}

void memory_close(Manager *m)
{
        m->memory = state_close(m->memory);
}

static void write_fields(const Manager *m, uint64_t ret_fields[static MEMORY_FIELDS])
{
        const VolumeMemory *v = &m->volume.memory;
        sd_id128_t boot = SD_ID128_NULL;

        (void) sd_id128_get_boot(&boot); /* unknown: then this boot is none that was before */
        memset(ret_fields, 0, MEMORY_FIELDS * sizeof(ret_fields[0]));
        ret_fields[FIELD_VERSION] = MEMORY_VERSION;
        memcpy(&ret_fields[FIELD_BOOT], &boot, sizeof(boot));
        ret_fields[FIELD_EPOCH] = m->epoch;
        ret_fields[FIELD_CONNECTIONS] = v->connections;
        ret_fields[FIELD_ALONE_SINCE] = v->alone_since_usec;
        ret_fields[FIELD_PEER_GENERATION] = v->peer_generation;
        ret_fields[FIELD_DISK_ERRORS] = v->disk_errors;
        ret_fields[FIELD_SPLIT_BRAIN] = v->split_brain;
        ret_fields[FIELD_HAD_DISK] = m->had_disk;
}

void memory_load(Manager *m, VolumeMemory *ret_memory)
{
        uint64_t fields[MEMORY_FIELDS];
        sd_id128_t boot = SD_ID128_NULL;
        bool same_boot;
        int r = m->memory ? state_load(m->memory, fields, sizeof(fields)) : -ENODATA;

        if (r == -ENODATA)
                return;
        if (r < 0 || fields[FIELD_VERSION] != MEMORY_VERSION) {
                log_event(service_log(m->service),
                          &(LogEntry){ .priority = LOG_WARNING,
                                       .id = MESSAGE_STATE_LOST,
                                       .category = "drbd",
                                       .reason = r < 0 ? strerror(-r) : "another version" },
                          "What replicd remembered of the volume is lost; the kernel still knows the rest");
                return;
        }
        same_boot = sd_id128_get_boot(&boot) >= 0 && memcmp(&fields[FIELD_BOOT], &boot, sizeof(boot)) == 0;
        if (same_boot)
                m->epoch = MAX_OF(m->epoch, fields[FIELD_EPOCH]);
        m->had_disk = fields[FIELD_HAD_DISK] != 0;
        *ret_memory = (VolumeMemory){ .connections = fields[FIELD_CONNECTIONS],
                                      .alone_since_usec = fields[FIELD_ALONE_SINCE],
                                      .peer_generation = fields[FIELD_PEER_GENERATION],
                                      .disk_errors = same_boot ? fields[FIELD_DISK_ERRORS] : 0,
                                      .split_brain = fields[FIELD_SPLIT_BRAIN] != 0 };
}

void memory_save(Manager *m)
{
        uint64_t fields[MEMORY_FIELDS], generation;
        int r;

        if (!m->memory || !m->exists)
                return;
        write_fields(m, fields);
        if (memcmp(fields, m->remembered, sizeof(fields)) == 0)
                return;
        r = state_save(m->memory, fields, sizeof(fields), &generation);
        if (r < 0) {
                on_saved(0, r, m);
                return;
        }
        memcpy(m->remembered, fields, sizeof(fields));
}
