/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See picture.h. */
#include "picture.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus-json.h"
#include "fields.h"
#include "interfaces/address1-client.h"
#include "interfaces/heartbeat1-client.h"
#include "interfaces/replication1-client.h"
#include "interfaces/service1-client.h"

/* All that is asked: each daemon's own properties and, where it has any, its objects. */
typedef struct Answers {
        Question root[DAEMON_MAX];
        Question objects[DAEMON_MAX];
} Answers;

static bool has_objects(Daemon daemon)
{
        return daemon == DAEMON_HBD || daemon == DAEMON_REPLICD || daemon == DAEMON_SVCMAND ||
               daemon == DAEMON_VIPD;
}

static void ask_all(Client *client, Answers *answers)
{
        for (Daemon d = 0; d < DAEMON_MAX; d++) {
                client_ask(client, &answers->root[d], d, CLIENT_ANSWER_USEC, daemon_path(d),
                           "org.freedesktop.DBus.Properties", "GetAll", "s", daemon_interface(d));
                if (has_objects(d))
                        client_ask(client, &answers->objects[d], d, CLIENT_ANSWER_USEC, daemon_path(d),
                                   "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "");
        }

        client_wait(client);
}

static void answers_donep(Answers *answers)
{
        for (Daemon d = 0; d < DAEMON_MAX; d++) {
                question_done(&answers->root[d]);
                question_done(&answers->objects[d]);
        }
}

const char *picture_text(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "unknown";
}

static const Field own_fields[] = {
        { "configured_role", "ConfiguredRole", FIELD_TEXT },
        { "running_role", "RunningRole", FIELD_TEXT },
        { "state", "State", FIELD_TEXT },
        { "state_age_ms", "StateSince", FIELD_AGE },
        { "reason", "Reason", FIELD_TEXT },
        { "epoch", "Epoch", FIELD_NUMBER },
        { "arbiter", "Arbiter", FIELD_TEXT },
        { "maintenance", "Maintenance", FIELD_FLAG },
        { "pinned", "Pinned", FIELD_FLAG },
        { "reboot_danger", "RebootDanger", FIELD_TEXT },
        { "split_risk", "SplitRisk", FIELD_TEXT },
};

static const Field peer_fields[] = {
        { "online", "PeerOnline", FIELD_FLAG },
        { "running_role", "PeerRunningRole", FIELD_TEXT },
        { "state", "PeerState", FIELD_TEXT },
        { "record_age_ms", "PeerRecordUSec", FIELD_AGE },
};

static const Field heartbeat_fields[] = {
        { "heartbeat", "PeerState", FIELD_TEXT },
        { "age_ms", "PeerLastHeard", FIELD_AGE },
};

static const Field error_fields[] = {
        { "code", "code", FIELD_TEXT },       { "severity", "severity", FIELD_TEXT },
        { "message", "message", FIELD_TEXT }, { "remedy", "remedy", FIELD_TEXT },
        { "age_ms", "since", FIELD_AGE },
};

static const Field path_fields[] = {
        { "kind", "Kind", FIELD_TEXT },
        { "device", "Device", FIELD_TEXT },
        { "state", "State", FIELD_TEXT },
        { "reason", "Reason", FIELD_TEXT },
        { "state_age_ms", "Since", FIELD_AGE },
        { "age_ms", "LastHeard", FIELD_AGE },
        { "round_trip_ms", "RoundTrip", FIELD_DURATION },
        { "jitter_ms", "Jitter", FIELD_DURATION },
        { "loss", "Loss", FIELD_REAL },
};

static const Field vip_fields[] = {
        { "enabled", "Enabled", FIELD_FLAG },     { "address", "Address", FIELD_TEXT },
        { "aliases", "Aliases", FIELD_LIST },     { "device", "Device", FIELD_TEXT },
        { "state", "State", FIELD_TEXT },         { "reason", "Reason", FIELD_TEXT },
        { "state_age_ms", "Since", FIELD_AGE },   { "announced_age_ms", "Announced", FIELD_AGE },
        { "restored", "Restored", FIELD_NUMBER }, { "conflict_mac", "ConflictMac", FIELD_TEXT },
};

static const Field service_fields[] = {
        { "description", "Description", FIELD_TEXT },
        { "start", "Placement", FIELD_TEXT },
        { "units", "Units", FIELD_LIST },
        { "wanted", "Wanted", FIELD_FLAG },
        { "state", "State", FIELD_TEXT },
        { "state_age_ms", "Since", FIELD_AGE },
        { "failures", "Failures", FIELD_NUMBER },
        { "problem", "Problem", FIELD_TEXT },
};

static const Field history_fields[] = {
        { "alone_age_ms", "since", FIELD_WALL_AGE },
        { "written_kib", "written", FIELD_NUMBER },
        { "generation", "generation", FIELD_HEX },
};

static const Field volume_fields[] = {
        { "resource", "Resource", FIELD_TEXT },
        { "device", "Device", FIELD_TEXT },
        { "disk", "Disk", FIELD_TEXT },
        { "mount_point", "MountPoint", FIELD_TEXT },
        { "mounted", "Mounted", FIELD_FLAG },
        { "known", "Known", FIELD_FLAG },
        { "connection", "Connection", FIELD_TEXT },
        { "role", "Role", FIELD_TEXT },
        { "peer_role", "PeerRole", FIELD_TEXT },
        { "disk_state", "DiskState", FIELD_TEXT },
        { "peer_disk_state", "PeerDiskState", FIELD_TEXT },
        { "frozen", "Frozen", FIELD_FLAG },
        { "split_brain", "SplitBrain", FIELD_FLAG },
        { "wrote_alone", "WroteAlone", FIELD_FLAG },
        { "alone_age_ms", "AloneSince", FIELD_WALL_AGE },
        { "generation", "Generation", FIELD_HEX },
        { "peer_generation", "PeerGeneration", FIELD_HEX },
        { "size_kib", "Size", FIELD_NUMBER },
        { "out_of_sync_kib", "OutOfSync", FIELD_NUMBER },
        { "sync", "Sync", FIELD_TEXT },
        { "sync_done", "SyncDone", FIELD_REAL },
        { "sync_rate_kib", "SyncRate", FIELD_NUMBER },
        { "sync_left_ms", "SyncLeftUSec", FIELD_SPAN },
        { "disk_errors", "DiskErrors", FIELD_NUMBER },
        { "stalled_ms", "StalledUSec", FIELD_SPAN },
        { "snapshot", "Snapshot", FIELD_TEXT },
        { "age_ms", "CheckedUSec", FIELD_AGE },
};

/* Where an object of that name belongs, so that lists stay in the order of names. */
static size_t position(const json_t *array, const char *name)
{
        size_t i = 0;

        while (i < json_array_size(array) &&
               strcmp(picture_text(json_array_get(array, i), "name"), name) < 0)
                i++;

        return i;
}

/* The objects of one interface below a daemon's root object, each with its name. */
static int draw_objects(const Question *question, const char *kind, const char *interface,
                        const Field *fields, size_t n, json_t *array)
{
        json_t *interfaces;
        char prefix[128];
        const char *path;

        snprintf(prefix, sizeof(prefix), "%s/%s", daemon_path(question->daemon), kind);
        json_object_foreach(question->answer, path, interfaces)
        {
                json_t *properties = json_object_get(interfaces, interface);
                _cleanup_(freep) char *name = NULL;
                json_t *object;

                if (!properties || sd_bus_path_decode(path, prefix, &name) <= 0)
                        continue;

                object = json_pack("{s:s}", "name", name);
                if (json_array_insert_new(array, position(array, name), object) < 0)
                        return -ENOMEM;
                if (fields_draw(question->answered_usec, fields, n, properties, object) < 0)
                        return -ENOMEM;
        }

        return 0;
}

static const Question *failed_question(const Answers *answers, Daemon daemon)
{
        if (answers->root[daemon].outcome != OUTCOME_ANSWERED)
                return &answers->root[daemon];
        if (has_objects(daemon) && answers->objects[daemon].outcome != OUTCOME_ANSWERED)
                return &answers->objects[daemon];
        return NULL;
}

static json_t *draw_silence(const Question *question)
{
        char message[256], remedy[128];

        snprintf(message, sizeof(message), "hapair-%s %s%s%s", daemon_name(question->daemon),
                 question_failure(question), question->error ? ": " : "",
                 question->error ? question->error : "");
        snprintf(remedy, sizeof(remedy), "look at 'systemctl status hapair-%s' and 'hapair logs'",
                 daemon_name(question->daemon));
        return json_pack("{s:s, s:s, s:s, s:s, s:n}", "code", "daemon-silent", "severity", "error",
                         "message", message, "remedy", remedy, "age_ms");
}

/* What electd lists, after what only the asker can see: a daemon that is not there. */
static int draw_errors(const Answers *answers, json_t *picture)
{
        const Question *electd = &answers->root[DAEMON_ELECTD];
        const json_t *listed = json_object_get(electd->answer, "Errors");
        json_t *errors = json_object_get(picture, "errors");
        json_t *answered = json_object_get(picture, "daemons");
        json_t *entry;
        size_t i;

        for (Daemon d = 0; d < DAEMON_MAX; d++) {
                const Question *failed = failed_question(answers, d);

                if (json_object_set_new(answered, daemon_name(d), json_boolean(!failed)) < 0)
                        return -ENOMEM;
                if (failed && json_array_append_new(errors, draw_silence(failed)) < 0)
                        return -ENOMEM;
        }

        json_array_foreach(listed, i, entry)
        {
                json_t *error = json_object();

                if (json_array_append_new(errors, error) < 0)
                        return -ENOMEM;
                if (fields_draw(electd->answered_usec, error_fields, ARRAY_SIZE(error_fields), entry,
                                error) < 0)
                        return -ENOMEM;
        }

        return 0;
}

/* While electd does not answer, hbd still knows whether the other node lives. */
static int mend_peer(const Answers *answers, json_t *peer)
{
        const char *heartbeat = picture_text(peer, "heartbeat");

        if (answers->root[DAEMON_ELECTD].outcome == OUTCOME_ANSWERED || strcmp(heartbeat, "unknown") == 0)
                return 0;

        return json_object_set_new(peer, "online", json_boolean(strcmp(heartbeat, "lost") != 0));
}

static bool one_of(const char *text, const char *const words[], size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(text, words[i]) == 0)
                        return true;

        return false;
}

/* How good a path was while it worked is not how good it is: silent, that is unknown. */
static int mend_paths(json_t *paths)
{
        static const char *const measured[] = { "round_trip_ms", "jitter_ms", "loss" };
        static const char *const working[] = { "up", "late", "one-way" };

        for (size_t i = 0; i < json_array_size(paths); i++) {
                json_t *path = json_array_get(paths, i);

                if (one_of(picture_text(path, "state"), working, ARRAY_SIZE(working)))
                        continue;
                for (size_t j = 0; j < ARRAY_SIZE(measured); j++)
                        if (json_object_set_new(path, measured[j], json_null()) < 0)
                                return -ENOMEM;
        }

        return 0;
}

/* What the kernel is not heard to say is not what it said last. */
static int mend_volume(json_t *volume)
{
        static const char *const heard[] = { "connection",      "role", "peer_role", "disk_state",
                                             "peer_disk_state", "sync" };
        static const char *const counted[] = { "frozen", "sync_done", "sync_rate_kib", "sync_left_ms",
                                               "out_of_sync_kib" };

        if (json_is_true(json_object_get(volume, "known")))
                return 0;

        for (size_t i = 0; i < ARRAY_SIZE(heard); i++)
                if (json_object_set_new(volume, heard[i], json_string("unknown")) < 0)
                        return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(counted); i++)
                if (json_object_set_new(volume, counted[i], json_null()) < 0)
                        return -ENOMEM;

        return json_object_set_new(volume, "known", json_false());
}

/* null when there is none; while replicd does not answer there may be one, of which nothing is known. */
static int draw_volume(const Answers *answers, json_t *picture)
{
        const Question *root = &answers->root[DAEMON_REPLICD], *objects = &answers->objects[DAEMON_REPLICD];
        _cleanup_(json_decrefp) json_t *list = json_array();
        const json_t *problem = json_object_get(root->answer, "Problem");
        json_t *volume;
        int r;

        if (json_is_false(json_object_get(root->answer, "Enabled")))
                return 0;

        r = draw_objects(objects, "volume", REPLICATION1_VOLUME_INTERFACE, volume_fields,
                         ARRAY_SIZE(volume_fields), list);
        if (r < 0)
                return r;

        volume = json_array_size(list) > 0 ? json_incref(json_array_get(list, 0)) : json_object();
        if (json_object_set_new(picture, "volume", volume) < 0)
                return -ENOMEM;
        if (json_array_size(list) == 0)
                r = fields_draw(objects->answered_usec, volume_fields, ARRAY_SIZE(volume_fields), NULL,
                                volume);
        if (r < 0)
                return r;
        if (json_object_set_new(volume, "problem", json_string(json_string_value(problem) ?: "")) < 0)
                return -ENOMEM;

        return mend_volume(volume);
}

/* Both histories; null without a split-brain. */
static int draw_split_brain(const Question *electd, json_t *picture)
{
        json_t *told = json_object_get(electd->answer, "SplitBrain");
        json_t *histories, *properties;
        const char *role;

        if (json_object_size(told) == 0)
                return 0;

        histories = json_object();
        if (json_object_set_new(picture, "split_brain", histories) < 0)
                return -ENOMEM;

        json_object_foreach(told, role, properties)
        {
                json_t *history = json_object();
                int r;

                if (json_object_set_new(histories, role, history) < 0)
                        return -ENOMEM;
                r = fields_draw(electd->answered_usec, history_fields, ARRAY_SIZE(history_fields),
                                properties, history);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int draw(const Answers *answers, json_t *picture)
{
        const Question *electd = &answers->root[DAEMON_ELECTD];
        const Question *hbd = &answers->root[DAEMON_HBD];
        json_t *peer;
        int r;

        r = fields_draw(electd->answered_usec, own_fields, ARRAY_SIZE(own_fields), electd->answer, picture);
        if (r < 0)
                return r;

        /* Only now: readers of JSON like to find the roles first, too. */
        r = json_object_update_new(picture, json_pack("{s:{}, s:[], s:[], s:[], s:[], s:n, s:n, s:{}}",
                                                      "peer", "errors", "vips", "services", "paths",
                                                      "volume", "split_brain", "daemons"));
        if (r < 0)
                return -ENOMEM;

        peer = json_object_get(picture, "peer");
        r = fields_draw(electd->answered_usec, peer_fields, ARRAY_SIZE(peer_fields), electd->answer, peer);
        if (r < 0)
                return r;
        r = fields_draw(hbd->answered_usec, heartbeat_fields, ARRAY_SIZE(heartbeat_fields), hbd->answer,
                        peer);
        if (r < 0)
                return r;
        r = mend_peer(answers, peer);
        if (r < 0)
                return r;
        r = draw_errors(answers, picture);
        if (r < 0)
                return r;
        r = draw_objects(&answers->objects[DAEMON_HBD], "path", HEARTBEAT1_PATH_INTERFACE, path_fields,
                         ARRAY_SIZE(path_fields), json_object_get(picture, "paths"));
        if (r < 0)
                return r;
        r = draw_split_brain(electd, picture);
        if (r < 0)
                return r;
        r = draw_volume(answers, picture);
        if (r < 0)
                return r;
        r = mend_paths(json_object_get(picture, "paths"));
        if (r < 0)
                return r;
        r = draw_objects(&answers->objects[DAEMON_SVCMAND], "service", SERVICE1_SERVICE_INTERFACE,
                         service_fields, ARRAY_SIZE(service_fields), json_object_get(picture, "services"));
        if (r < 0)
                return r;
        return draw_objects(&answers->objects[DAEMON_VIPD], "vip", ADDRESS1_VIRTUAL_IP_INTERFACE, vip_fields,
                            ARRAY_SIZE(vip_fields), json_object_get(picture, "vips"));
}

static bool all_have(const json_t *array, const char *key, const char *const words[], size_t n)
{
        const json_t *entry;
        size_t i;

        json_array_foreach(array, i, entry)
        {
                if (!one_of(picture_text(entry, key), words, n))
                        return false;
        }

        return true;
}

/* Whether the other node could take it over as it is. */
static bool is_whole(const json_t *volume)
{
        return json_is_null(volume) || (strcmp(picture_text(volume, "connection"), "Connected") == 0 &&
                                        strcmp(picture_text(volume, "disk_state"), "UpToDate") == 0 &&
                                        strcmp(picture_text(volume, "peer_disk_state"), "UpToDate") == 0 &&
                                        !json_is_true(json_object_get(volume, "frozen")) &&
                                        picture_text(volume, "problem")[0] == '\0');
}

/* Warnings alone do not make a pair sick: some name a risk that the operator has accepted. */
static bool is_healthy(const json_t *picture)
{
        static const char *const states[] = { "master", "slave" };
        static const char *const mild[] = { "warning" };
        static const char *const path_states[] = { "up" };
        static const char *const service_states[] = { "running", "stopped", "starting", "stopping" };
        static const char *const vip_states[] = { "held", "absent", "disabled" };

        return one_of(picture_text(picture, "state"), states, ARRAY_SIZE(states)) &&
               json_is_true(json_object_get(json_object_get(picture, "peer"), "online")) &&
               all_have(json_object_get(picture, "errors"), "severity", mild, ARRAY_SIZE(mild)) &&
               all_have(json_object_get(picture, "paths"), "state", path_states, ARRAY_SIZE(path_states)) &&
               is_whole(json_object_get(picture, "volume")) &&
               all_have(json_object_get(picture, "services"), "state", service_states,
                        ARRAY_SIZE(service_states)) &&
               all_have(json_object_get(picture, "vips"), "state", vip_states, ARRAY_SIZE(vip_states));
}

static bool nothing_runs(const Answers *answers)
{
        for (Daemon d = 0; d < DAEMON_MAX; d++)
                if (answers->root[d].outcome != OUTCOME_NOT_RUNNING)
                        return false;

        return true;
}

ExitStatus picture_take(Client *client, json_t **ret)
{
        _cleanup_(answers_donep) Answers answers = {};
        _cleanup_(json_decrefp) json_t *picture = NULL;
        char node[HOST_NAME_MAX + 1] = "unknown";
        bool healthy;

        gethostname(node, sizeof(node) - 1);
        ask_all(client, &answers);

        picture = json_pack("{s:s, s:b}", "node", node, "healthy", 0);
        if (!picture || draw(&answers, picture) < 0) {
                *ret = NULL;
                return STATUS_DEGRADED;
        }

        healthy = is_healthy(picture);
        json_object_set_new(picture, "healthy", json_boolean(healthy));
        *ret = TAKE_PTR(picture);
        return nothing_runs(&answers) ? STATUS_NOT_RUNNING : healthy ? STATUS_HEALTHY : STATUS_DEGRADED;
}
