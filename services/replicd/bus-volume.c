/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The object of the volume: what the kernel said last, and the signal of what changed. */
#include <errno.h>
#include <string.h>

#include "interfaces/replication1-server.h"
#include "manager.h"

#define VOLUME_PREFIX REPLICATION1_OBJECT "/volume"

static const char *text(const char *string)
{
        return string ? string : "";
}

int replication1_volume_property_resource(sd_bus *bus, const char *path, const char *interface,
                                          const char *property, sd_bus_message *reply, void *userdata,
                                          sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", m->volume.resource);
}

int replication1_volume_property_device(sd_bus *bus, const char *path, const char *interface,
                                        const char *property, sd_bus_message *reply, void *userdata,
                                        sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", text(m->wanted.device));
}

int replication1_volume_property_disk(sd_bus *bus, const char *path, const char *interface,
                                      const char *property, sd_bus_message *reply, void *userdata,
                                      sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", text(m->wanted.disk));
}

int replication1_volume_property_mount_point(sd_bus *bus, const char *path, const char *interface,
                                             const char *property, sd_bus_message *reply, void *userdata,
                                             sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", text(m->wanted.mount_point));
}

int replication1_volume_property_mounted(sd_bus *bus, const char *path, const char *interface,
                                         const char *property, sd_bus_message *reply, void *userdata,
                                         sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", m->view.mounted);
}

int replication1_volume_property_known(sd_bus *bus, const char *path, const char *interface,
                                       const char *property, sd_bus_message *reply, void *userdata,
                                       sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", m->view.known);
}

int replication1_volume_property_connection(sd_bus *bus, const char *path, const char *interface,
                                            const char *property, sd_bus_message *reply, void *userdata,
                                            sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", drbd_connection_to_string(m->view.connection));
}

int replication1_volume_property_connections(sd_bus *bus, const char *path, const char *interface,
                                             const char *property, sd_bus_message *reply, void *userdata,
                                             sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->view.connections);
}

int replication1_volume_property_role(sd_bus *bus, const char *path, const char *interface,
                                      const char *property, sd_bus_message *reply, void *userdata,
                                      sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", drbd_role_to_string(m->view.role));
}

int replication1_volume_property_peer_role(sd_bus *bus, const char *path, const char *interface,
                                           const char *property, sd_bus_message *reply, void *userdata,
                                           sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", drbd_role_to_string(m->view.peer_role));
}

int replication1_volume_property_disk_state(sd_bus *bus, const char *path, const char *interface,
                                            const char *property, sd_bus_message *reply, void *userdata,
                                            sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", drbd_disk_to_string(m->view.disk));
}

int replication1_volume_property_peer_disk_state(sd_bus *bus, const char *path, const char *interface,
                                                 const char *property, sd_bus_message *reply, void *userdata,
                                                 sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", drbd_disk_to_string(m->view.peer_disk));
}

int replication1_volume_property_frozen(sd_bus *bus, const char *path, const char *interface,
                                        const char *property, sd_bus_message *reply, void *userdata,
                                        sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", m->view.frozen);
}

int replication1_volume_property_split_brain(sd_bus *bus, const char *path, const char *interface,
                                             const char *property, sd_bus_message *reply, void *userdata,
                                             sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", m->view.split_brain);
}

int replication1_volume_property_wrote_alone(sd_bus *bus, const char *path, const char *interface,
                                             const char *property, sd_bus_message *reply, void *userdata,
                                             sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", m->view.wrote_alone);
}

int replication1_volume_property_alone_since(sd_bus *bus, const char *path, const char *interface,
                                             const char *property, sd_bus_message *reply, void *userdata,
                                             sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->view.alone_since_usec);
}

int replication1_volume_property_generation(sd_bus *bus, const char *path, const char *interface,
                                            const char *property, sd_bus_message *reply, void *userdata,
                                            sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->view.generation);
}

int replication1_volume_property_peer_generation(sd_bus *bus, const char *path, const char *interface,
                                                 const char *property, sd_bus_message *reply, void *userdata,
                                                 sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->view.peer_generation);
}

int replication1_volume_property_size(sd_bus *bus, const char *path, const char *interface,
                                      const char *property, sd_bus_message *reply, void *userdata,
                                      sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->view.size_kib);
}

int replication1_volume_property_out_of_sync(sd_bus *bus, const char *path, const char *interface,
                                             const char *property, sd_bus_message *reply, void *userdata,
                                             sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->view.out_of_sync_kib);
}

int replication1_volume_property_sync(sd_bus *bus, const char *path, const char *interface,
                                      const char *property, sd_bus_message *reply, void *userdata,
                                      sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", volume_sync_to_string(m->view.sync));
}

int replication1_volume_property_sync_done(sd_bus *bus, const char *path, const char *interface,
                                           const char *property, sd_bus_message *reply, void *userdata,
                                           sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "d", m->view.sync_done_permille / 10.0);
}

int replication1_volume_property_sync_rate(sd_bus *bus, const char *path, const char *interface,
                                           const char *property, sd_bus_message *reply, void *userdata,
                                           sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->view.sync_rate_kib);
}

int replication1_volume_property_sync_left_usec(sd_bus *bus, const char *path, const char *interface,
                                                const char *property, sd_bus_message *reply, void *userdata,
                                                sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->view.sync_left_usec);
}

int replication1_volume_property_disk_errors(sd_bus *bus, const char *path, const char *interface,
                                             const char *property, sd_bus_message *reply, void *userdata,
                                             sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->view.disk_errors);
}

int replication1_volume_property_stalled_usec(sd_bus *bus, const char *path, const char *interface,
                                              const char *property, sd_bus_message *reply, void *userdata,
                                              sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->view.stalled_usec);
}

int replication1_volume_property_snapshot(sd_bus *bus, const char *path, const char *interface,
                                          const char *property, sd_bus_message *reply, void *userdata,
                                          sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", m->view.snapshot);
}

int replication1_volume_property_checked_usec(sd_bus *bus, const char *path, const char *interface,
                                              const char *property, sd_bus_message *reply, void *userdata,
                                              sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->checked_usec);
}

static int volume_path(const Manager *m, char **ret_path)
{
        return sd_bus_path_encode(VOLUME_PREFIX, m->volume.resource, ret_path);
}

static int find_volume(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret_found, sd_bus_error *error)
{
        Manager *m = userdata;
        _cleanup_(freep) char *name = NULL;
        int r = sd_bus_path_decode(path, VOLUME_PREFIX, &name);

        if (r <= 0)
                return r;
        if (!m->exists || strcmp(name, m->volume.resource) != 0)
                return 0;
        *ret_found = m;
        return 1;
}

static int list_volumes(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                        sd_bus_error *error)
{
        Manager *m = userdata;
        char **nodes = calloc(2, sizeof(*nodes));

        if (!nodes)
                return -ENOMEM;
        if (m->exists && volume_path(m, &nodes[0]) < 0)
                nodes[0] = NULL;
        *ret_nodes = nodes;
        return 0;
}

int bus_add_volume(sd_bus *bus, Manager *m)
{
        int r;

        r = sd_bus_add_fallback_vtable(bus, NULL, VOLUME_PREFIX, REPLICATION1_VOLUME_INTERFACE,
                                       replication1_volume_vtable, find_volume, m);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(bus, NULL, REPLICATION1_OBJECT, list_volumes, m);
}

static void emit(Manager *m, void (*emit_it)(Service *service, const char *path))
{
        _cleanup_(freep) char *path = NULL;

        if (volume_path(m, &path) >= 0)
                emit_it(m->service, path);
}

void bus_volume_added(Manager *m)
{
        emit(m, service_emit_added);
}

void bus_volume_removed(Manager *m)
{
        emit(m, service_emit_removed);
}

void bus_volume_changed(Manager *m, unsigned changes)
{
        static const char *const names[] = {
                /* in the order of VOLUME_CHANGED_… */
                "Mounted",    "Known",          "Connection", "Connections", "Role",       "PeerRole",
                "DiskState",  "PeerDiskState",  "Frozen",     "SplitBrain",  "WroteAlone", "AloneSince",
                "Generation", "PeerGeneration", "Size",       "OutOfSync",   "Sync",       "SyncDone",
                "SyncRate",   "SyncLeftUSec",   "DiskErrors", "StalledUSec", "Snapshot",
        };
        const char *changed[ARRAY_SIZE(names) + 1];
        _cleanup_(freep) char *path = NULL;
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if ((changes & (1U << i)) != 0)
                        changed[n++] = names[i];
        changed[n] = NULL;
        if (volume_path(m, &path) >= 0)
                service_emit_changed_list(m->service, path, REPLICATION1_VOLUME_INTERFACE, changed);
}
