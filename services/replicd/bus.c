/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What replicd shows and whom it obeys on D-Bus: org.hapair.Replication1. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/messages.h"
#include "interfaces/replication1-server.h"
#include "manager.h"

/* An epoch that jumps by more than this is a mistake that no later order could get over. */
#define EPOCH_JUMP_MAX (UINT64_C(1) << 32)

/* Orders */

/* 1: the order is answered later, or with `error`. */
static int submit(Manager *m, sd_bus_message *message, JobType type, bool force, const char *text,
                  sd_bus_error *error)
{
        int r;

        if (!m->loaded)
                return sd_bus_error_set(error, ERROR_FAILED, "The settings have not come yet");
        if (!m->wanted.enabled)
                return sd_bus_error_set(error, ERROR_REFUSED,
                                        "The configuration has no volume: [Replication] has Enabled=no");
        if (!m->valid)
                return sd_bus_error_set(error, ERROR_REFUSED, m->problem);
        r = job_submit(m, type, message, force, text);
        if (r == -EBUSY)
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                         "Too many orders wait already; this one was to %s",
                                         job_type_to_string(type));
        return r < 0 ? r : 1;
}

static int submit_plain(sd_bus_message *message, Manager *m, JobType type, sd_bus_error *error)
{
        return submit(m, message, type, false, NULL, error);
}

/* Under a lower epoch than seen nothing is acquired: who orders it has lost the role since. */
static int check_epoch(Manager *m, uint64_t epoch, sd_bus_error *error)
{
        if (epoch < m->epoch)
                return sd_bus_error_setf(error, ERROR_STALE_EPOCH,
                                         "Epoch %" PRIu64 " is below %" PRIu64 ", the highest seen", epoch,
                                         m->epoch);
        if (epoch - m->epoch > EPOCH_JUMP_MAX && m->epoch > 0)
                return sd_bus_error_setf(error, ERROR_STALE_EPOCH,
                                         "Epoch %" PRIu64 " jumps too far from %" PRIu64, epoch, m->epoch);
        if (epoch != m->epoch) {
                m->epoch = epoch;
                bus_changed(m, "Epoch");
        }
        return 0;
}

int replication1_method_primary(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        uint64_t epoch;
        int force, r;

        r = sd_bus_message_read(message, "tb", &epoch, &force);
        if (r < 0)
                return r;
        r = check_epoch(m, epoch, error);
        if (r < 0)
                return r;
        if (force)
                log_event(service_log(m->service),
                          &(LogEntry){ .priority = LOG_WARNING,
                                       .id = MESSAGE_VOLUME_FORCED,
                                       .category = "drbd",
                                       .epoch = epoch },
                          "An operator forces this node's disk to be primary, however old its data are");
        return submit(m, message, JOB_PRIMARY, force != 0, NULL, error);
}

/* Mount and Resume: an epoch and nothing else. */
static int submit_acquiring(sd_bus_message *message, Manager *m, JobType type, sd_bus_error *error)
{
        uint64_t epoch;
        int r;

        r = sd_bus_message_read(message, "t", &epoch);
        if (r < 0)
                return r;
        r = check_epoch(m, epoch, error);
        if (r < 0)
                return r;
        return submit_plain(message, m, type, error);
}

int replication1_method_mount(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return submit_acquiring(message, userdata, JOB_MOUNT, error);
}

int replication1_method_resume(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return submit_acquiring(message, userdata, JOB_RESUME, error);
}

int replication1_method_unmount(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return submit_plain(message, userdata, JOB_UNMOUNT, error);
}

int replication1_method_secondary(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return submit_plain(message, userdata, JOB_SECONDARY, error);
}

/* What is down already is not waited for behind a disk that is being set up. */
int replication1_method_disconnect(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        if (m->valid && !order_has_link(m))
                return sd_bus_reply_method_return(message, NULL);
        return submit_plain(message, userdata, JOB_DISCONNECT, error);
}

int replication1_method_leave(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return submit_plain(message, userdata, JOB_LEAVE, error);
}

int replication1_method_connect(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return submit_plain(message, userdata, JOB_CONNECT, error);
}

int replication1_method_discard(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return submit_plain(message, userdata, JOB_DISCARD, error);
}

int replication1_method_prepare(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *confirmation;
        int r = sd_bus_message_read(message, "s", &confirmation);

        return r < 0 ? r : submit(userdata, message, JOB_PREPARE, false, confirmation, error);
}

static void on_reset(int error, const char *result, void *userdata)
{
        Manager *m = userdata;

        if (error < 0)
                log_error(service_log(m->service), "failover", "systemd does not reset this machine: %s",
                          result);
}

int replication1_method_reset(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        SystemdJob *job;
        const char *reason;
        int r;

        r = sd_bus_message_read(message, "s", &reason);
        if (r < 0)
                return r;
        log_event(service_log(m->service),
                  &(LogEntry){ .priority = LOG_EMERG,
                               .id = MESSAGE_RESET,
                               .category = "failover",
                               .reason = reason },
                  "Resetting this machine: %s", reason);
        r = systemd_call(m->systemd, "StartUnit", "hapair-reset.service", on_reset, m, &job);
        if (r < 0)
                return sd_bus_error_setf(error, ERROR_FAILED, "systemd does not answer: %s", strerror(-r));
        return sd_bus_reply_method_return(message, NULL);
}

/* Properties */

int replication1_property_enabled(sd_bus *bus, const char *path, const char *interface, const char *property,
                                  sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", m->wanted.enabled);
}

int replication1_property_epoch(sd_bus *bus, const char *path, const char *interface, const char *property,
                                sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->epoch);
}

int replication1_property_problem(sd_bus *bus, const char *path, const char *interface, const char *property,
                                  sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", m->problem);
}

void bus_changed(Manager *m, const char *property)
{
        service_emit_changed(m->service, REPLICATION1_OBJECT, REPLICATION1_INTERFACE, property, NULL);
}

static int add_objects(sd_bus *bus, void *userdata)
{
        int r;

        r = sd_bus_add_object_vtable(bus, NULL, REPLICATION1_OBJECT, REPLICATION1_INTERFACE,
                                     replication1_vtable, userdata);
        if (r < 0)
                return r;
        r = sd_bus_add_object_manager(bus, NULL, REPLICATION1_OBJECT);
        if (r < 0)
                return r;
        return bus_add_volume(bus, userdata);
}

const ServiceInfo bus_info = {
        .name = "replicd",
        .identifier = "hapair-replicd",
        .bus_name = REPLICATION1_BUS_NAME,
        .rights = replication1_rights,
        .add_objects = add_objects,
};
