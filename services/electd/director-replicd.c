/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The volume, through replicd: orders, what the kernel says of it, the questions of its fence-peer handler,
 * and the last resort, the reset of this machine.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "director.h"
#include "interfaces/replication1-client.h"
#include "objects.h"

#define VOLUME_OBJECT REPLICATION1_OBJECT "/volume"
static int call(sd_bus *bus, OrderCall *call, sd_bus_message_handler_t callback)
{
        const ElectCommand *command = &call->command;
        uint64_t limit = command->limit_usec;

        switch (command->order) {
        case ELECT_ORDER_DISCONNECT:
                return replication1_call_disconnect(bus, &call->slot, callback, call, limit);
        case ELECT_ORDER_PRIMARY:
                return replication1_call_primary(bus, &call->slot, callback, call, limit, command->epoch,
                                                 command->force);
        case ELECT_ORDER_MOUNT:
                return replication1_call_mount(bus, &call->slot, callback, call, limit, command->epoch);
        case ELECT_ORDER_UNMOUNT:
                return replication1_call_unmount(bus, &call->slot, callback, call, limit);
        case ELECT_ORDER_SECONDARY:
                return replication1_call_secondary(bus, &call->slot, callback, call, limit);
        case ELECT_ORDER_RESUME:
                return replication1_call_resume(bus, &call->slot, callback, call, limit, command->epoch);
        case ELECT_ORDER_LEAVE:
                return replication1_call_leave(bus, &call->slot, callback, call, limit);
        case ELECT_ORDER_CONNECT:
                return replication1_call_connect(bus, &call->slot, callback, call, limit);
        case ELECT_ORDER_DISCARD:
                return replication1_call_discard(bus, &call->slot, callback, call, limit);
        case ELECT_ORDER_NONE:
        case ELECT_ORDER_START:
        case ELECT_ORDER_ACQUIRE:
        case ELECT_ORDER_WITHDRAW:
        case ELECT_ORDER_STOP:
        case ELECT_ORDER_ANNOUNCE:
        case ELECT_ORDER_MAX:
                break;
        }
        return -EOPNOTSUPP;
}

/*
 * A disk between two states is unknown, and so is one that was never attached, which replicd calls Attaching
 * and says why; one that failed is lost, as one that is not there.
 */
static ElectDisk parse_disk(const char *text)
{
        static const struct {
                const char *text;
                ElectDisk disk;
        } table[] = {
                { "UpToDate", ELECT_DISK_UP_TO_DATE }, { "Consistent", ELECT_DISK_CONSISTENT },
                { "Outdated", ELECT_DISK_OUTDATED },   { "Inconsistent", ELECT_DISK_INCONSISTENT },
                { "Diskless", ELECT_DISK_DISKLESS },   { "Failed", ELECT_DISK_DISKLESS },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (strcmp(text, table[i].text) == 0)
                        return table[i].disk;
        return ELECT_DISK_UNKNOWN;
}

static int read_flag(sd_bus_message *message, bool *ret_value)
{
        int value, r = sd_bus_message_read(message, "v", "b", &value);

        if (r >= 0)
                *ret_value = value != 0;
        return r;
}

static int read_number(sd_bus_message *message, uint64_t *ret_value)
{
        return sd_bus_message_read(message, "v", "t", ret_value);
}

static int read_word(sd_bus_message *message, const char *name, ElectVolume *volume)
{
        const char *text;
        int r = sd_bus_message_read(message, "v", "s", &text);

        if (r < 0)
                return r;
        if (strcmp(name, "Connection") == 0)
                volume->connected = strcmp(text, "Connected") == 0;
        else if (strcmp(name, "Role") == 0)
                volume->primary = strcmp(text, "Primary") == 0;
        else if (strcmp(name, "PeerRole") == 0)
                volume->peer_primary = strcmp(text, "Primary") == 0;
        else if (strcmp(name, "DiskState") == 0)
                volume->disk = parse_disk(text);
        else
                volume->peer_disk = parse_disk(text);
        return r;
}

static int read_property(sd_bus_message *message, const char *name, ElectVolume *volume)
{
        static const char *const words[] = { "Connection", "Role", "PeerRole", "DiskState",
                                             "PeerDiskState" };
        const struct {
                const char *name;
                bool *value;
        } flags[] = {
                { "Known", &volume->known },
                { "Frozen", &volume->frozen },
                { "SplitBrain", &volume->split_brain },
                { "WroteAlone", &volume->wrote_alone },
        };
        const struct {
                const char *name;
                uint64_t *value;
        } numbers[] = {
                { "Connections", &volume->connection },         { "Generation", &volume->generation },
                { "PeerGeneration", &volume->peer_generation }, { "AloneSince", &volume->alone_since_usec },
                { "OutOfSync", &volume->out_of_sync_kib },      { "StalledUSec", &volume->stalled_usec },
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcmp(name, words[i]) == 0)
                        return read_word(message, name, volume);
        for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
                if (strcmp(name, flags[i].name) == 0)
                        return read_flag(message, flags[i].value);
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                if (strcmp(name, numbers[i].name) == 0)
                        return read_number(message, numbers[i].value);
        return sd_bus_message_skip(message, "v");
}

static int read_object(const char *object, const char *interface, const char *name, sd_bus_message *message,
                       void *userdata)
{
        Director *director = userdata;
        const char *resource = objects_name(object, VOLUME_OBJECT);

        if (!resource || strcmp(interface, REPLICATION1_VOLUME_INTERFACE) != 0)
                return sd_bus_message_skip(message, "v");
        snprintf(director->resource, sizeof(director->resource), "%s", resource);
        return read_property(message, name, &director->volume.volume);
}

/* Without a volume object nothing is known: replicd has none, or has not found it yet. */
static int read_objects(Director *director, sd_bus_message *message)
{
        director->volume = (ElectEvent){ .type = ELECT_EV_VOLUME };
        return objects_walk(message, read_object, director);
}

static int read_root_property(const char *object, const char *interface, const char *name,
                              sd_bus_message *message, void *userdata)
{
        Director *director = userdata;
        const char *text;
        int r;

        if (strcmp(name, "Problem") != 0)
                return sd_bus_message_skip(message, "v");
        r = sd_bus_message_read(message, "v", "s", &text);
        if (r >= 0)
                snprintf(director->facts.volume_problem, sizeof(director->facts.volume_problem), "%s", text);
        return r;
}

static int read_root(Director *director, sd_bus_message *message)
{
        return objects_walk_properties(message, REPLICATION1_OBJECT, REPLICATION1_INTERFACE,
                                       read_root_property, director);
}

/*
 * A volume that an electd before this one took leave of is down: replicd sets it up again when it is asked
 * to.
 */
static void heard(Director *director)
{
        sd_bus *bus = bus_client_get(director->replicd.client);

        if (!director->volume.volume.known && !director->joined && !director->stopping)
                replication1_call_connect(bus, NULL, NULL, NULL, 0);
        director->joined = true;
        director_feed(director, &director->volume);
}

static void gone(Director *director)
{
        director_feed(director, &(ElectEvent){ .type = ELECT_EV_VOLUME });
}

int director_replicd_open(Director *director)
{
        static const HelperType type = {
                .name = "replicd",
                .bus_name = REPLICATION1_BUS_NAME,
                .object = REPLICATION1_OBJECT,
                .interface = REPLICATION1_INTERFACE,
                .call = call,
                .read_objects = read_objects,
                .read_root = read_root,
                .heard = heard,
                .gone = gone,
        };

        return helper_open(director, &director->replicd, &type);
}

/*
 * The kernel asks up to four times, each time by a process of its own; one that has gone gives its place
 * free.
 */
int director_fence_asked(Director *director, sd_bus_message *question)
{
        for (size_t i = 0; i < DIRECTOR_FENCES_MAX; i++) {
                sd_bus_message **place = &director->fence[i];

                if (*place && sd_bus_is_open(sd_bus_message_get_bus(*place)) <= 0)
                        *place = sd_bus_message_unref(*place);
                if (*place)
                        continue;
                *place = sd_bus_message_ref(question);
                director_feed(director, &(ElectEvent){ .type = ELECT_EV_FENCE_ASKED });
                return 1; /* answered when it is decided */
        }
        return sd_bus_reply_method_return(question, "y", ELECT_FENCE_UNKNOWN);
}

void director_fence_answer(Director *director, uint8_t answer)
{
        for (size_t i = 0; i < DIRECTOR_FENCES_MAX; i++) {
                if (!director->fence[i])
                        continue;
                /* Who asked may be gone: the kernel then takes it as no answer. */
                (void) sd_bus_reply_method_return(director->fence[i], "y", answer);
                director->fence[i] = sd_bus_message_unref(director->fence[i]);
        }
        log_event(service_log(director->service),
                  &(LogEntry){ .priority = LOG_NOTICE, .id = MESSAGE_FENCE_ANSWERED, .category = "drbd" },
                  "The kernel asked whether this disk may go on without its peer: %s",
                  answer == ELECT_FENCE_GO_ON     ? "yes, the right is here"
                  : answer == ELECT_FENCE_REFUSED ? "no, the peer has the right"
                                                  : "nobody knows");
}

/* Frozen I/O cannot be taken down any other way; the hardware does it where replicd cannot. */
void director_reset(Director *director, ElectReason reason)
{
        sd_bus *bus = bus_client_get(director->replicd.client);
        const char *text = elect_reason_to_string(reason);

        director->reset = true;
        watchdog_starve(director->watchdog);
        if (bus)
                replication1_call_reset(bus, NULL, NULL, NULL, 0, text);
        log_event(service_log(director->service),
                  &(LogEntry){ .priority = LOG_ALERT, .id = MESSAGE_RESET, .category = "failover" },
                  "This node resets itself: %s, and its disk cannot be given up otherwise", text);
}

void director_replicd_close(Director *director)
{
        for (size_t i = 0; i < DIRECTOR_FENCES_MAX; i++)
                sd_bus_message_unref(director->fence[i]);
        bus_client_free(director->replicd.client);
}
