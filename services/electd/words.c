/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole sentences about the pair's data.
 */
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/macros.h"

/* Longer than a sentence takes to type, shorter than what it costs may change in. */
#define TOLD_USEC (2 * USEC_PER_MINUTE)

/* " since 2026-11-23 20:00:00 UTC"; nothing when it is not known. */
typedef struct Since {
        char text[40];
} Since;

static Since since(uint64_t realtime_usec)
{
        time_t seconds = (time_t) (realtime_usec / USEC_PER_SEC);
        Since result = {};
        struct tm tm;

        if (realtime_usec != 0 && gmtime_r(&seconds, &tm))
                strftime(result.text, sizeof(result.text), " since %Y-%m-%d %H:%M:%S UTC", &tm);
        return result;
}

static const char *node_name(const ElectCore *core, const ErrorFacts *facts, ElectRole role)
{
        const char *name = role == core->settings.configured ? facts->own_name : facts->peer_name;

        if (name[0] != 0)
                return name;
        return role == core->settings.configured ? "this node" : "the other node";
}

static const char *peer_name(const ElectCore *core, const ErrorFacts *facts)
{
        return facts->peer_name[0] != 0 ? facts->peer_name : "the other node";
}

static bool standby(const ElectCore *core)
{
        return core->state == ELECT_WAIT_PEER || core->state == ELECT_SLAVE ||
               (core->state == ELECT_FAULT && core->reason == ELECT_REASON_MEMORY_LOST);
}

bool words_waits(const ElectCore *core, const ErrorFacts *facts, char ret_text[WORDS_MAX])
{
        const char *peer = peer_name(core, facts);
        Since when = since(core->memory.apart_usec);

        ret_text[0] = 0;
        if (!core->settings.volume || !standby(core) || !core->settings.active || core->plan.n > 0 ||
            core->memory.sole || elect_connected(core) || elect_master_heard(core) ||
            elect_split_brain(core) || !core->volume.known)
                return false;
        /* Just started, or the peer is just gone: what follows by itself needs no words. */
        if (facts->now_usec < core->start_usec + core->settings.dead_usec ||
            facts->now_usec < core->peer_since_usec + core->settings.dead_usec)
                return false;

        if (core->memory.elig && core->settings.arbiter == ELECT_ARBITER_OPERATOR)
                snprintf(ret_text, WORDS_MAX,
                         "%s is gone, and with Arbiter=operator only a person may make this "
                         "node the master",
                         peer);
        else if (core->memory.elig)
                snprintf(ret_text, WORDS_MAX,
                         "%s may still be alive: it is not proven that this node may go on "
                         "with the data alone",
                         peer);
        else if (core->record_known && core->record.sole)
                snprintf(ret_text, WORDS_MAX, "%s has the newer data%s: this node waits for it", peer,
                         when.text);
        else
                snprintf(ret_text, WORDS_MAX, "%s may have newer data%s: this node waits for it", peer,
                         when.text);
        return true;
}

void words_reason(const ElectCore *core, const ErrorFacts *facts, char ret_text[WORDS_MAX])
{
        if (!words_waits(core, facts, ret_text))
                snprintf(ret_text, WORDS_MAX, "%s", elect_reason_to_string(core->reason) ?: "unknown");
}

/* The data are whole nowhere else, as far as this node knows. */
static bool only_copy(const ElectCore *core)
{
        const ElectVolume *volume = &core->volume;
        bool peer_whole = elect_connected(core) && volume->peer_disk == ELECT_DISK_UP_TO_DATE;

        return volume->known && volume->disk == ELECT_DISK_UP_TO_DATE && !peer_whole &&
               (elect_connected(core) || core->role == ELECT_ROLE_MASTER || core->memory.sole);
}

static void data_danger(const ElectCore *core, const ErrorFacts *facts, char ret_text[WORDS_MAX])
{
        const char *peer = peer_name(core, facts);

        if (elect_split_brain(core))
                snprintf(ret_text, WORDS_MAX,
                         "both nodes wrote alone: end the split brain first "
                         "(`hapair split-brain show`)");
        else if (elect_connected(core) && core->volume.disk == ELECT_DISK_INCONSISTENT)
                snprintf(ret_text, WORDS_MAX, "this node is being resynced from %s: wait until it is whole",
                         peer);
        else if (elect_connected(core) && only_copy(core))
                snprintf(ret_text, WORDS_MAX,
                         "%s is being resynced from this node, which has the only whole "
                         "copy of the data",
                         peer);
        else if (only_copy(core))
                snprintf(ret_text, WORDS_MAX,
                         "this node has the only up-to-date copy of the data%s: %s is not "
                         "connected",
                         since(core->memory.apart_usec).text, peer);
}

void words_reboot_danger(const ElectCore *core, const ErrorFacts *facts, char ret_text[WORDS_MAX])
{
        ret_text[0] = 0;
        if (!core->settings.active || core->stopping)
                return;
        if (core->settings.volume)
                data_danger(core, facts, ret_text);
        if (ret_text[0] == 0 && core->role == ELECT_ROLE_MASTER && !elect_peer_able(core))
                snprintf(ret_text, WORDS_MAX, "this node is the running master and %s cannot take over",
                         peer_name(core, facts));
}

/* The next of `n` names in a sentence. */
static void add_name(char text[WORDS_MAX], const char *name, size_t i, size_t n)
{
        size_t used = strlen(text);

        snprintf(text + used, WORDS_MAX - used, "%s%s", i == 0 ? "" : i + 1 == n ? " and " : ", ", name);
}

void words_split_risk(const ElectCore *core, char ret_text[WORDS_MAX])
{
        const char *names[ELECT_PATHS_MAX + 1];
        bool over_path = false;
        size_t n = 0;

        ret_text[0] = 0;
        for (size_t i = 0; i < core->n_paths; i++) {
                const ElectPath *path = &core->path[i];

                if (path->state != ELECT_PATH_UP && path->state != ELECT_PATH_DEGRADED)
                        continue;
                over_path = over_path || strcmp(path->name, "replication") == 0;
                names[n++] = path->name;
        }
        /* One that has the right alone has barred the other. */
        if (!core->settings.volume || core->settings.arbiter != ELECT_ARBITER_PATHS || core->memory.sole ||
            core->record.sole || (n == 0 && !elect_connected(core)))
                return;
        if (!over_path)
                names[n++] = "the volume's connection";
        snprintf(ret_text, WORDS_MAX, "both nodes would serve if ");
        for (size_t i = 0; i < n; i++)
                add_name(ret_text, names[i], i, n);
        snprintf(ret_text + strlen(ret_text), WORDS_MAX - strlen(ret_text), " failed%s",
                 n > 1 ? " at the same moment" : "");
}

void words_force(const ElectCore *core, const ErrorFacts *facts, char ret_text[WORDS_MAX])
{
        bool half = core->volume.known && core->volume.disk == ELECT_DISK_INCONSISTENT;
        Since when = since(core->memory.apart_usec);

        if (!core->settings.volume)
                snprintf(ret_text, WORDS_MAX, "I accept the loss of data that only the peer has");
        else if (when.text[0] != 0)
                snprintf(ret_text, WORDS_MAX, "I accept the loss of what %s wrote%s%s",
                         peer_name(core, facts), when.text,
                         half ? " and that the copy here is half-made" : "");
        else
                snprintf(ret_text, WORDS_MAX, "I accept the loss of all data that only %s has%s",
                         peer_name(core, facts), half ? " and that the copy here is half-made" : "");
}

bool words_accept(WordsTold *told, ElectRequest request, const char *sentence, const char *typed,
                  uint64_t now_usec)
{
        bool still = told->request == request && now_usec < told->when_usec + TOLD_USEC &&
                     strcmp(typed, told->sentence) == 0;
        bool accepted = typed[0] != 0 && (still || strcmp(typed, sentence) == 0);

        *told = (WordsTold){ .request = request, .when_usec = now_usec };
        if (!accepted)
                snprintf(told->sentence, sizeof(told->sentence), "%s", sentence);
        return accepted;
}

void words_history(const ElectCore *core, ElectRole role, ElectHistory *ret_history)
{
        if (role != core->settings.configured) {
                *ret_history = core->peer_history;
                return;
        }
        *ret_history = (ElectHistory){
                .split = core->volume.split_brain,
                .since_usec = core->memory.apart_usec,
                .written_kib = core->volume.out_of_sync_kib,
                .generation = core->volume.generation,
        };
}

void words_resolve(const ElectCore *core, const ErrorFacts *facts, ElectRole keep, char ret_text[WORDS_MAX])
{
        ElectRole loser = keep == ELECT_ROLE_MASTER ? ELECT_ROLE_SLAVE : ELECT_ROLE_MASTER;
        const char *name = node_name(core, facts, loser);
        ElectHistory history;

        words_history(core, loser, &history);
        if (history.generation == 0)
                snprintf(ret_text, WORDS_MAX, "I discard everything that %s wrote alone", name);
        else
                snprintf(ret_text, WORDS_MAX, "I discard what %s wrote%s (%" PRIu64 " KiB)", name,
                         since(history.since_usec).text, history.written_kib);
}
