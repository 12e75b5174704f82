/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.hapair.Heartbeat1: what others may ask, call and hear. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "services/hbd/daemon.h"

#define BOOT_ID_TEXT (2 * BOOT_ID_BYTES + 1)

static void boot_id_text(const HeartPeer *peer, char ret_text[static BOOT_ID_TEXT])
{
        sd_id128_t id;

        ret_text[0] = '\0';
        if (!peer->has_boot_id)
                return;
        memcpy(id.bytes, peer->boot_id, sizeof(id.bytes));
        sd_id128_to_string(id, ret_text);
}

static const char *peer_state(const Daemon *d)
{
        return peer_state_to_string(d->heart->liveness.state);
}

int heartbeat1_method_publish(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Daemon *d = userdata;
        const void *record;
        size_t size;
        int r;

        r = sd_bus_message_read_array(message, 'y', &record, &size);
        if (r < 0)
                return r;
        r = heart_publish(d->heart, record, size, now_usec());
        if (r < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "A record of %zu bytes: it has 1 to %u", size, RECORD_MAX);
        daemon_turn(d);
        return sd_bus_reply_method_return(message, NULL);
}

int heartbeat1_method_send(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Daemon *d = userdata;
        const char *name;
        const void *payload;
        Channel channel;
        size_t size;
        uint64_t id;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        r = sd_bus_message_read_array(message, 'y', &payload, &size);
        if (r < 0)
                return r;
        channel = channel_from_string(name);
        if (channel < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "There is no channel \"%s\"",
                                         name);

        r = heart_send(d->heart, channel, payload, size, now_usec(), &id);
        if (r == -ENOTCONN)
                return sd_bus_error_setf(error, "org.hapair.Error.NoPeer", "The peer is not heard: it is %s",
                                         peer_state(d));
        if (r == -EMSGSIZE)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "%zu bytes are too many for the channel \"%s\"", size, name);
        if (r < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                         "Too many messages wait on the channel \"%s\"", name);

        /* The answer first: MessageDone must not overtake the number it names. */
        r = sd_bus_reply_method_return(message, "t", id);
        daemon_turn(d);
        return r;
}

int heartbeat1_method_goodbye(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Daemon *d = userdata;

        heart_goodbye(d->heart, now_usec());
        daemon_turn(d);
        return sd_bus_reply_method_return(message, NULL);
}

int heartbeat1_method_get_peer(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Daemon *d = userdata;
        const HeartPeer *peer = &d->heart->peer;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        char boot_id[BOOT_ID_TEXT];
        int r;

        boot_id_text(peer, boot_id);
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "stst", peer_state(d), liveness_last_heard(&d->heart->liveness),
                                  boot_id, peer->instance);
        if (r < 0)
                return r;
        r = sd_bus_message_append_array(reply, 'y', peer->word.record, peer->word.size);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "tt", peer->word.at_usec, peer->word.age_usec);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

/* The body of a property's getter whose value is one expression. */
#define GETTER(name, type, value)                                                                           \
        int heartbeat1_property_##name(sd_bus *bus, const char *path, const char *interface,                \
                                       const char *property, sd_bus_message *reply, void *userdata,         \
                                       sd_bus_error *error)                                                 \
        {                                                                                                   \
                const Daemon *d = userdata;                                                                 \
                                                                                                            \
                return sd_bus_message_append(reply, type, value);                                           \
        }

GETTER(peer_state, "s", peer_state(d))
GETTER(peer_last_heard, "t", liveness_last_heard(&d->heart->liveness))
GETTER(instance, "t", d->heart->self.instance)
GETTER(peer_instance, "t", d->heart->peer.instance)
GETTER(dead_time_usec, "t", d->heart->config.dead_usec)
GETTER(interval_usec, "t", d->heart->interval_usec)
GETTER(real_time, "b", (int) d->real_time)
GETTER(memory_locked, "b", (int) d->memory_locked)

int heartbeat1_property_peer_boot_id(sd_bus *bus, const char *path, const char *interface,
                                     const char *property, sd_bus_message *reply, void *userdata,
                                     sd_bus_error *error)
{
        const Daemon *d = userdata;
        char text[BOOT_ID_TEXT];

        boot_id_text(&d->heart->peer, text);
        return sd_bus_message_append(reply, "s", text);
}

int heartbeat1_property_counters(sd_bus *bus, const char *path, const char *interface, const char *property,
                                 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const Daemon *d = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{st}");
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "{st}{st}{st}", "sent", d->heart->sent, "garbage", d->garbage,
                                  "late-self", d->late_self);
        for (unsigned i = 0; r >= 0 && i < FRAME_DROP_MAX; i++)
                r = sd_bus_message_append(reply, "{st}", frame_drop_to_string((FrameDrop) i),
                                          d->heart->drops[i]);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(reply);
}

#define PATH_GETTER(name, type, value)                                                                      \
        int heartbeat1_path_property_##name(sd_bus *bus, const char *path, const char *interface,           \
                                            const char *property, sd_bus_message *reply, void *userdata,    \
                                            sd_bus_error *error)                                            \
        {                                                                                                   \
                const Path *p = userdata;                                                                   \
                _unused_ const unsigned i = (unsigned) (p - p->daemon->paths);                              \
                _unused_ const Heart *h = p->daemon->heart;                                                 \
                                                                                                            \
                return sd_bus_message_append(reply, type, value);                                           \
        }

PATH_GETTER(kind, "s", p->kind == PATH_SERIAL ? "serial" : "udp")
PATH_GETTER(device, "s", p->kind == PATH_SERIAL ? p->settings.device : path_is_open(p) ? p->device : "")
PATH_GETTER(state, "s", path_state_to_string(p->state))
PATH_GETTER(reason, "s", path_reason(p))
PATH_GETTER(since, "t", p->since_usec)
PATH_GETTER(last_heard, "t", h->liveness.paths[i].heard_usec)
PATH_GETTER(round_trip, "t", h->paths[i].grade.round_trip_usec)
PATH_GETTER(jitter, "t", h->paths[i].grade.jitter_usec)
PATH_GETTER(loss, "d", window_loss_percent(&h->paths[i].window) / 100.0)
PATH_GETTER(loss_at_peer, "d", h->paths[i].grade.loss_out / 100.0)

static int find_path(sd_bus *bus, const char *object, const char *interface, void *userdata,
                     void **ret_found, sd_bus_error *error)
{
        Daemon *d = userdata;

        for (unsigned i = 0; i < PATHS_MAX; i++)
                if (d->paths[i].used && strcmp(d->paths[i].object, object) == 0) {
                        *ret_found = &d->paths[i];
                        return 1;
                }
        return 0;
}

static int list_paths(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                      sd_bus_error *error)
{
        const Daemon *d = userdata;
        char **nodes;
        unsigned n = 0;

        nodes = calloc(PATHS_MAX + 1, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;
        for (unsigned i = 0; i < PATHS_MAX; i++) {
                if (!d->paths[i].used)
                        continue;
                nodes[n] = strdup(d->paths[i].object);
                if (!nodes[n]) {
                        while (n > 0)
                                free(nodes[--n]);
                        free(nodes);
                        return -ENOMEM;
                }
                n++;
        }
        *ret_nodes = nodes;
        return 0;
}

static int add_objects(sd_bus *bus, void *userdata)
{
        int r;

        r = sd_bus_add_object_manager(bus, NULL, HEARTBEAT1_OBJECT);
        if (r < 0)
                return r;
        r = sd_bus_add_object_vtable(bus, NULL, HEARTBEAT1_OBJECT, HEARTBEAT1_INTERFACE, heartbeat1_vtable,
                                     userdata);
        if (r < 0)
                return r;
        r = sd_bus_add_fallback_vtable(bus, NULL, HEARTBEAT1_OBJECT "/path", HEARTBEAT1_PATH_INTERFACE,
                                       heartbeat1_path_vtable, find_path, userdata);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(bus, NULL, HEARTBEAT1_OBJECT "/path", list_paths, userdata);
}

const ServiceInfo daemon_info = {
        .name = "hbd",
        .identifier = "hapair-hbd",
        .bus_name = HEARTBEAT1_BUS_NAME,
        .rights = heartbeat1_rights,
        .add_objects = add_objects,
};

void bus_tell_peer(Daemon *d, PeerReason reason)
{
        const HeartPeer *peer = &d->heart->peer;
        const char *old = peer_state_to_string(d->peer_state);
        char boot_id[BOOT_ID_TEXT];

        d->peer_state = d->heart->liveness.state;
        boot_id_text(peer, boot_id);
        heartbeat1_emit_peer_changed(d->service, peer_state(d), liveness_last_heard(&d->heart->liveness),
                                     boot_id, peer->instance, peer_reason_to_string(reason));
        service_emit_changed(d->service, HEARTBEAT1_OBJECT, HEARTBEAT1_INTERFACE, "PeerState", "PeerBootId",
                             "PeerInstance", NULL);
        log_event(service_log(d->service),
                  &(LogEntry){ .priority = d->peer_state == PEER_ONLINE ? LOG_INFO : LOG_WARNING,
                               .id = MESSAGE_PEER_CHANGED,
                               .category = "heartbeat",
                               .state_old = old,
                               .state_new = peer_state(d),
                               .reason = peer_reason_to_string(reason) },
                  "The peer is %s (%s).", peer_state(d), peer_reason_to_string(reason));
}

void bus_tell_record(Daemon *d)
{
        const HeartPeer *peer = &d->heart->peer;

        if (peer->word.size > 0)
                heartbeat1_emit_record_received(d->service, peer->instance, peer->word.record,
                                                peer->word.size, peer->word.at_usec, peer->word.age_usec,
                                                peer->word.stale);
}

void bus_tell_limits(Daemon *d)
{
        service_emit_changed(d->service, HEARTBEAT1_OBJECT, HEARTBEAT1_INTERFACE, "DeadTimeUSec",
                             "IntervalUSec", NULL);
}
