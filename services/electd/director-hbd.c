/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peer, through hbd: its state, its record, its messages, and the paths. What bears no MAC of the peer's
 * electd is counted and dropped.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "director.h"
#include "interfaces/heartbeat1-client.h"
#include "objects.h"

#define CALL_LIMIT_USEC     USEC_PER_SEC
#define FAREWELL_LIMIT_USEC (200 * USEC_PER_MSEC)

static void hbd_heard(Director *director)
{
        director->hbd_told = true;
}

static void on_disconnected(void *userdata)
{
        Director *director = userdata;

        if (!director->hbd_told)
                return;
        director->hbd_told = false;
        director->fetching_paths = false;
        director_feed(director, &(ElectEvent){ .type = ELECT_EV_HBD_GONE });
}

static ElectPeerState parse_peer_state(const char *text)
{
        for (ElectPeerState state = ELECT_PEER_UNKNOWN; state < ELECT_PEER_STATE_MAX; state++)
                if (strcmp(text, elect_peer_state_to_string(state)) == 0)
                        return state;
        return ELECT_PEER_UNKNOWN;
}

static void parse_boot_id(const char *hex, uint8_t ret_id[ELECT_BOOT_ID_SIZE])
{
        uint8_t id[ELECT_BOOT_ID_SIZE];

        memset(ret_id, 0, ELECT_BOOT_ID_SIZE);
        if (strlen(hex) != 2 * ELECT_BOOT_ID_SIZE)
                return;
        for (size_t i = 0; i < ELECT_BOOT_ID_SIZE; i++)
                if (sscanf(hex + 2 * i, "%2hhx", &id[i]) != 1)
                        return;
        memcpy(ret_id, id, sizeof(id));
}

static void hear_peer(Director *director, const char *state, const char *boot_id, uint64_t instance)
{
        ElectEvent event = { .type = ELECT_EV_PEER };

        hbd_heard(director);
        event.peer.state = parse_peer_state(state);
        event.peer.instance = instance;
        parse_boot_id(boot_id, event.peer.boot_id);
        director_feed(director, &event);
}

/* The peer's electd speaks another instance than ours: what comes back from a mirror is not the peer. */
static void hear_record(Director *director, const void *bytes, size_t size, bool aged)
{
        ElectEvent event = { .type = ELECT_EV_RECORD };
        size_t bare;
        int r = seal_open(director->key, SEAL_RECORD, bytes, size, &bare);

        if (r >= 0)
                r = elect_record_decode(bytes, bare, &event.record.record);
        if (r >= 0 && event.record.record.instance == director->core.instance)
                r = -EBADMSG;
        if (r < 0) {
                if (director->refused_records++ == 0)
                        log_event(service_log(director->service),
                                  &(LogEntry){ .priority = LOG_WARNING,
                                               .id = MESSAGE_FRAMES_REFUSED,
                                               .category = "failover" },
                                  "A record of the peer is refused: %s", strerror(-r));
                return;
        }
        event.record.aged = aged;
        director_feed(director, &event);
}

static int on_peer_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *state, *boot_id, *reason;
        uint64_t last_heard, instance;
        int r = sd_bus_message_read(message, "ststs", &state, &last_heard, &boot_id, &instance, &reason);

        if (r >= 0)
                hear_peer(userdata, state, boot_id, instance);
        return 0;
}

static int on_record(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        uint64_t instance, received, age;
        const void *bytes;
        size_t size;
        int stale;

        if (sd_bus_message_read(message, "t", &instance) < 0 ||
            sd_bus_message_read_array(message, 'y', &bytes, &size) < 0 ||
            sd_bus_message_read(message, "ttb", &received, &age, &stale) < 0)
                return 0;
        hear_record(userdata, bytes, size, stale != 0);
        return 0;
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Director *director = userdata;
        ElectEvent event = { .type = ELECT_EV_MESSAGE };
        const char *channel;
        const void *bytes;
        size_t size, bare;
        uint64_t instance;
        int r;

        if (sd_bus_message_read(message, "st", &channel, &instance) < 0 ||
            strcmp(channel, "election") != 0 || sd_bus_message_read_array(message, 'y', &bytes, &size) < 0)
                return 0;
        r = seal_open(director->key, SEAL_MESSAGE, bytes, size, &bare);
        if (r >= 0)
                r = elect_message_decode(bytes, bare, &event.message);
        if (r < 0) {
                if (director->refused_messages++ == 0)
                        log_event(service_log(director->service),
                                  &(LogEntry){ .priority = LOG_WARNING,
                                               .id = MESSAGE_FRAMES_REFUSED,
                                               .category = "failover" },
                                  "A message of the peer is refused: %s", strerror(-r));
                return 0;
        }
        director_feed(director, &event);
        return 0;
}

/* hbd stood still: what it said before is as old as if this daemon had. */
static int on_late(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ElectEvent event = { .type = ELECT_EV_LATE };

        if (sd_bus_message_read(message, "t", &event.late_usec) < 0)
                return 0;
        director_feed(userdata, &event);
        director_ask_peer(userdata);
        return 0;
}

static int on_peer(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Director *director = userdata;
        const char *state, *boot_id;
        uint64_t last_heard, instance, received, age;
        const void *bytes;
        size_t size;

        if (sd_bus_message_is_method_error(message, NULL) ||
            sd_bus_message_read(message, "stst", &state, &last_heard, &boot_id, &instance) < 0 ||
            sd_bus_message_read_array(message, 'y', &bytes, &size) < 0 ||
            sd_bus_message_read(message, "tt", &received, &age) < 0)
                return 0;
        hear_peer(director, state, boot_id, instance);
        if (size > 0)
                hear_record(director, bytes, size, age > director->core.settings.dead_usec);
        return 0;
}

void director_ask_peer(Director *director)
{
        sd_bus *bus = bus_client_get(director->hbd);

        /* Floating: it goes with the connection. An answer that never comes leaves the peer unknown. */
        if (bus)
                heartbeat1_call_get_peer(bus, NULL, on_peer, director, CALL_LIMIT_USEC);
}

static ElectPathState parse_path_state(const char *text)
{
        static const struct {
                const char *text;
                ElectPathState state;
        } table[] = {
                { "up", ELECT_PATH_UP },
                { "late", ELECT_PATH_DEGRADED },
                { "one-way", ELECT_PATH_DEGRADED },
                { "lost", ELECT_PATH_DOWN },
                { "down", ELECT_PATH_REFUSED },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (strcmp(text, table[i].text) == 0)
                        return table[i].state;
        return ELECT_PATH_UNKNOWN;
}

static int read_path(const char *object, const char *interface, const char *name, sd_bus_message *message,
                     void *userdata)
{
        ElectEvent *event = userdata;
        const char *path_name = objects_name(object, HEARTBEAT1_OBJECT "/path"), *text;
        ElectPath *path = event->paths.n > 0 ? &event->paths.path[event->paths.n - 1] : NULL;
        bool state = strcmp(name, "State") == 0, kind = strcmp(name, "Kind") == 0;

        if (!path_name || strcmp(interface, HEARTBEAT1_PATH_INTERFACE) != 0 || (!state && !kind))
                return sd_bus_message_skip(message, "v");
        if (!path || strcmp(path->name, path_name) != 0) {
                if (event->paths.n == ELECT_PATHS_MAX || strlen(path_name) >= ELECT_PATH_NAME_MAX)
                        return sd_bus_message_skip(message, "v");
                path = &event->paths.path[event->paths.n++];
                *path = (ElectPath){};
                memcpy(path->name, path_name, strlen(path_name) + 1);
        }
        int r = sd_bus_message_read(message, "v", "s", &text);
        if (r < 0)
                return r;
        if (state)
                path->state = parse_path_state(text);
        else
                path->serial = strcmp(text, "serial") == 0;
        return 0;
}

static void fetch_paths(Director *director);

static int on_paths(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Director *director = userdata;
        ElectEvent event = { .type = ELECT_EV_PATHS };

        director->fetching_paths = false;
        if (!sd_bus_message_is_method_error(message, NULL) && objects_walk(message, read_path, &event) >= 0)
                director_feed(director, &event);
        if (director->fetch_paths_again)
                fetch_paths(director);
        return 0;
}

/* One question at a time, however often the paths change. */
static void fetch_paths(Director *director)
{
        sd_bus *bus = bus_client_get(director->hbd);

        director->fetch_paths_again = director->fetching_paths;
        if (!bus || director->fetching_paths)
                return;
        director->fetching_paths =
                        sd_bus_call_method_async(bus, NULL, HEARTBEAT1_BUS_NAME, HEARTBEAT1_OBJECT,
                                                 "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
                                                 on_paths, director, NULL) >= 0;
}

/* How well hbd can keep its time here. */
static int read_root(const char *object, const char *interface, const char *name, sd_bus_message *message,
                     void *userdata)
{
        bool *refused = userdata;
        int value, r;

        if (strcmp(name, "RealTime") != 0 && strcmp(name, "MemoryLocked") != 0)
                return sd_bus_message_skip(message, "v");
        r = sd_bus_message_read(message, "v", "b", &value);
        if (r >= 0 && !value)
                *refused = true;
        return r;
}

static int on_root(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Director *director = userdata;
        bool refused = false;

        if (sd_bus_message_is_method_error(message, NULL) ||
            objects_walk_properties(message, HEARTBEAT1_OBJECT, HEARTBEAT1_INTERFACE, read_root, &refused) <
                            0)
                return 0;
        if (refused && !director->facts.real_time_refused)
                director->facts.real_time_usec = now_usec();
        director->facts.real_time_refused = refused;
        return 0;
}

static int fetch_root(Director *director)
{
        return sd_bus_call_method_async(bus_client_get(director->hbd), NULL, HEARTBEAT1_BUS_NAME,
                                        HEARTBEAT1_OBJECT, "org.freedesktop.DBus.Properties", "GetAll",
                                        on_root, director, "s", HEARTBEAT1_INTERFACE);
}

static int on_paths_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *path = sd_bus_message_get_path(message);

        if (path && strcmp(path, HEARTBEAT1_OBJECT) == 0 &&
            sd_bus_message_is_signal(message, NULL, "PropertiesChanged"))
                return 0; /* PeerState and the like, which signals tell */
        fetch_paths(userdata);
        return 0;
}

static int on_connected(sd_bus *bus, void *userdata)
{
        Director *director = userdata;
        int r;

        r = heartbeat1_match_peer_changed(bus, on_peer_changed, director);
        if (r >= 0)
                r = heartbeat1_match_record_received(bus, on_record, director);
        if (r >= 0)
                r = heartbeat1_match_message_received(bus, on_message, director);
        if (r >= 0)
                r = heartbeat1_match_late(bus, on_late, director);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, NULL, "org.freedesktop.DBus.Properties",
                                        "PropertiesChanged", on_paths_changed, director);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, NULL, "org.freedesktop.DBus.ObjectManager", NULL,
                                        on_paths_changed, director);
        if (r < 0)
                return r;
        director->fetching_paths = false;
        director_publish_again(director);
        director_ask_peer(director);
        fetch_paths(director);
        return fetch_root(director);
}

/* No answer is asked for: the next one comes in a third of the dead time. */
void director_publish_again(Director *director)
{
        sd_bus *bus = bus_client_get(director->hbd);

        if (bus && director->record_size > 0)
                heartbeat1_call_publish(bus, NULL, NULL, NULL, 0, director->record, director->record_size);
}

void director_publish(Director *director, const ElectRecord *record)
{
        elect_record_encode(record, director->record);
        director->record_size = seal_add(director->key, SEAL_RECORD, director->record, ELECT_RECORD_SIZE);
        director_publish_again(director);
}

/* Lost with the connection: the core asks again, or its nonce expires. */
void director_send(Director *director, const ElectMessage *message)
{
        sd_bus *bus = bus_client_get(director->hbd);
        uint8_t bytes[ELECT_MESSAGE_SIZE_MAX + SEAL_SIZE];
        size_t size = elect_message_encode(message, bytes);

        if (!bus)
                return;
        size = seal_add(director->key, SEAL_MESSAGE, bytes, size);
        heartbeat1_call_send(bus, NULL, NULL, NULL, 0, "election", bytes, size);
}

static int on_farewell(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Director *director = userdata;

        service_exit(director->service);
        return 0;
}

/* The last record is on its way before this; hbd says goodbye behind it. */
void director_farewell(Director *director)
{
        sd_bus *bus = bus_client_get(director->hbd);

        if (!bus || heartbeat1_call_goodbye(bus, &director->farewell, on_farewell, director,
                                            FAREWELL_LIMIT_USEC) < 0)
                service_exit(director->service);
}

int director_hbd_open(Director *director)
{
        static const BusClientHandlers handlers = { .connected = on_connected,
                                                    .disconnected = on_disconnected };

        return bus_client_new(director->service, "hbd", &handlers, director, &director->hbd);
}
