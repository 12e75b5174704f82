/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is wrong with the pair as this node sees it.
 */
#include "errors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macros.h"
#include "words.h"

typedef struct List {
        ErrorItem *item;
        size_t n;
} List;

#define MESSAGE_SIZE sizeof(((ErrorItem *) NULL)->message)

static void add(List *list, const char *code, bool warning, uint64_t since_usec, const char *remedy,
                const char *message)
{
        ErrorItem *item;

        if (list->n == ERRORS_MAX)
                return;
        item = &list->item[list->n++];
        *item = (ErrorItem){ .code = code, .warning = warning, .remedy = remedy, .since_usec = since_usec };
        snprintf(item->message, sizeof(item->message), "%s", message);
}

static void add_failed_order(List *list, const ElectCore *core)
{
        char text[MESSAGE_SIZE];

        snprintf(text, sizeof(text), "Could not %s: %s", elect_order_to_string(core->failed_order),
                 strerrordesc_np(-core->failed_error) ?: "unknown error");
        add(list, "step-failed", false, core->failed_usec,
            "Look at `hapair logs failover` for the reason; it is tried again.", text);
}

static void add_watchdog(List *list, const ErrorFacts *facts)
{
        char text[MESSAGE_SIZE];

        snprintf(text, sizeof(text), "The hardware watchdog cannot be used: %s",
                 strerrordesc_np(-facts->watchdog_error) ?: "unknown error");
        add(list, "watchdog-away", true, facts->watchdog_usec,
            facts->watchdog_error == -EBUSY
                            ? "Something else holds it: RuntimeWatchdogSec= of systemd, or the watchdog daemon."
                            : "Correct Watchdog= in [General], or load the driver of the device.",
            text);
}

static void add_itself(List *list, const ElectCore *core, const ErrorFacts *facts)
{
        if (!core->configured)
                add(list, "no-configuration", false, core->start_usec,
                    "Look at `hapair config check`, and whether hapair-confd runs.",
                    "No valid configuration has arrived");
        else if (!core->settings.active)
                add(list, "inactive", true, core->settings_usec,
                    "Set Active=yes in [General] to switch it on.",
                    "High availability is switched off in the configuration");
        else if (core->settings.configured == ELECT_ROLE_NONE)
                add(list, "no-role", false, core->settings_usec,
                    "Give this node MasterAddress or SlaveAddress, or correct [General].",
                    "This node owns neither MasterAddress nor SlaveAddress");
        if (core->memory_lost)
                add(list, "state-lost", false, core->start_usec,
                    core->settings.volume ? "Connect the peer, or force the role if this node's data is the "
                                            "newest."
                                          : "None needed: it is written anew once the pair has settled.",
                    "What this node remembered of the pair is missing or corrupt");
        if (facts->save_failed)
                add(list, "state-not-saved", false, facts->save_failed_usec,
                    "Look at the disk that holds /var/lib/hapair; until then no role can be taken safely.",
                    "What this node must remember cannot be written to its disk");
        if (core->failed_order != ELECT_ORDER_NONE)
                add_failed_order(list, core);
        if (facts->watchdog_error < 0)
                add_watchdog(list, facts);
        if (facts->real_time_refused)
                add(list, "real-time-refused", true, facts->real_time_usec,
                    "Let the unit hapair-hbd.service have CPUSchedulingPolicy=rr and memory locking.",
                    "Heartbeats run without real-time scheduling or locked memory: a busy machine may be "
                    "late");
        if (core->settings.hostname_mismatch)
                add(list, "hostname-mismatch", true, core->settings_usec,
                    "Correct the hostname, or Cluster= and Domain= in [General].",
                    "The hostname of this node does not fit its configured role");
        if (core->memory.maintenance)
                add(list, "maintenance", true, core->since_usec,
                    "`hapair maintenance off` when the work is done.",
                    "Maintenance: nothing happens automatically on this node");
}

static void add_conflict(List *list, const ElectCore *core)
{
        const uint8_t *mac = core->conflict_mac;
        char text[MESSAGE_SIZE];

        snprintf(text, sizeof(text), "Another host, %02x:%02x:%02x:%02x:%02x:%02x, answers for a virtual IP",
                 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
        add(list, "vip-conflict", false, core->conflict_since_usec,
            "Find the host with that hardware address and take the address from it.", text);
}

static void add_helpers(List *list, const ElectCore *core, const ErrorFacts *facts)
{
        if (!core->hbd)
                add(list, "heartbeat-away", false, core->peer_since_usec,
                    "Look at `systemctl status hapair-hbd`.", "The heartbeat daemon does not answer");
        if (!core->vipd)
                add(list, "addresses-away", false, core->vipd_since_usec,
                    "Look at `systemctl status hapair-vipd`.", "The address daemon does not answer");
        else if (!core->usable)
                add(list, "vip-no-device", false, core->vipd_since_usec,
                    "Look at `hapair vips`; give the device its own address of the virtual IP.",
                    "A virtual IP has no device on this node");
        if (core->link == ELECT_BAD && facts->own_address_gone)
                add(list, "own-address-gone", false, core->link_since_usec,
                    "Give the device this address again (`ip address`, or the network service).",
                    "The primary LAN of this node has lost the node's own address");
        else if (core->link == ELECT_BAD)
                add(list, "link-down", false, core->link_since_usec, "Check cable, switch port and device.",
                    "The primary LAN of this node has no carrier");
        if (core->conflict)
                add_conflict(list, core);
}

static void add_services(List *list, const ElectCore *core, const ErrorFacts *facts)
{
        if (facts->services_away)
                add(list, "services-away", false, facts->services_away_usec,
                    "Look at `systemctl status hapair-svcmand`.", "The service daemon does not answer");
        if (core->health == ELECT_BAD)
                add(list, "services-failing", false, core->health_since_usec,
                    "Look at `hapair services`, and why its units fail; a peer that is able takes over.",
                    "A service keeps failing on this node");
        for (size_t i = 0; i < facts->n_services; i++)
                add(list, "service", false, facts->services_usec[i],
                    "Do what it says, and look at `hapair services`.", facts->services[i]);
}

static void add_peer(List *list, const ElectCore *core)
{
        ElectRole role;
        ElectPeerState seen = elect_peer_role(core, &role);

        if (core->peer == ELECT_PEER_LOST)
                add(list, "peer-lost", false, core->peer_since_usec,
                    "Start the other node, or look at its heartbeat paths with `hapair paths`.",
                    "The peer is not heard on any path");
        else if (seen == ELECT_PEER_UNKNOWN && core->record_known && core->record_aged)
                add(list, "peer-hung", false, core->record_usec,
                    "Look at `systemctl status hapair-electd` on the peer; its watchdog restarts it.",
                    "The peer is alive, but its election daemon has stopped speaking");
        if (core->peer == ELECT_PEER_LOST || !core->record_known || core->record_aged)
                return; /* what it said before says nothing about now */

        if (core->record.configured == core->settings.configured &&
            core->settings.configured != ELECT_ROLE_NONE)
                add(list, "same-role", false, core->record_usec,
                    "Only one node may own each of MasterAddress and SlaveAddress.",
                    "Both nodes say that they have the same configured role");
        if (core->record.digest != 0 && core->settings.digest != 0 &&
            core->record.digest != core->settings.digest)
                add(list, "config-differs", true, core->record_usec,
                    "Compare /etc/hapair/hapair.conf on both nodes; it must be the same.",
                    "The two nodes have different configurations");
        if (core->record.carrier_down)
                add(list, "peer-link-down", true, core->record_usec,
                    "Check the peer's cable and switch port.", "The primary LAN of the peer is down");
        if (core->record.maintenance)
                add(list, "peer-maintenance", true, core->record_usec,
                    "`hapair maintenance off` on the peer.", "The peer is in maintenance");
}

static void add_path(List *list, const ElectPath *path, uint64_t since_usec)
{
        bool degraded = path->state == ELECT_PATH_DEGRADED;
        const char *what = degraded                         ? "late or works one way only"
                           : path->state == ELECT_PATH_DOWN ? "silent"
                                                            : "not usable";
        char text[MESSAGE_SIZE];

        snprintf(text, sizeof(text), "Heartbeat path %s is %s", path->name, what);
        add(list, degraded ? "path-degraded" : "path-lost", true, since_usec,
            "Look at `hapair paths`; check cable, switch and device of this path.", text);
}

static void add_paths(List *list, const ElectCore *core)
{
        size_t up = 0;
        uint64_t since = core->start_usec;

        for (size_t i = 0; i < core->n_paths; i++) {
                const ElectPath *path = &core->path[i];

                since = MAX_OF(since, core->path_since_usec[i]);
                if (path->state == ELECT_PATH_UP)
                        up++;
                else if (path->state != ELECT_PATH_UNKNOWN)
                        add_path(list, path, core->path_since_usec[i]);
        }
        if (core->hbd && up < 2 && core->peer == ELECT_PEER_ONLINE)
                add(list, "no-redundant-path", true, since,
                    "Add a path: a serial line, a [Path], or a second network.",
                    "Only one heartbeat path works: its loss alone looks like the death of the peer");
}

static void add_split_brain(List *list, const ElectCore *core)
{
        ElectHistory master, slave;
        char text[MESSAGE_SIZE];

        words_history(core, ELECT_ROLE_MASTER, &master);
        words_history(core, ELECT_ROLE_SLAVE, &slave);
        if (master.generation != 0 && slave.generation != 0)
                snprintf(text, sizeof(text),
                         "Both nodes wrote alone, the configured master %" PRIu64
                         " KiB, the configured slave "
                         "%" PRIu64 " KiB; nothing is discarded by itself",
                         master.written_kib, slave.written_kib);
        else
                snprintf(text, sizeof(text), "Both nodes wrote alone; nothing is discarded by itself");
        add(list, "split-brain", false, core->volume_since_usec,
            "`hapair split-brain show` shows both histories; `hapair split-brain resolve` ends it.", text);
}

static void add_disk(List *list, const ElectCore *core)
{
        char text[MESSAGE_SIZE];

        if (core->volume.disk == ELECT_DISK_DISKLESS)
                add(list, "disk-lost", false, core->disk_since_usec,
                    "Look at the kernel's log (`journalctl -k`), replace the disk, and see `hapair replication`.",
                    "The disk of this node under the replicated volume has failed or is missing");
        if (core->volume.stalled_usec < ELECT_DISK_STALL_USEC)
                return;
        snprintf(text, sizeof(text), "Writes to the disk of this node have been waiting for %" PRIu64 " s",
                 core->volume.stalled_usec / USEC_PER_SEC);
        add(list, "disk-stalled", false, core->volume_since_usec,
            "Look at the kernel's log and the storage behind the disk.", text);
}

static void add_sync(List *list, const ElectCore *core, const ErrorFacts *facts)
{
        const ElectVolume *volume = &core->volume;
        char text[MESSAGE_SIZE];

        if (!volume->connected)
                add(list, "replication-lost", false, core->volume_since_usec,
                    "Check the replication link and the peer: `hapair replication`.",
                    "The disks of the two nodes are not connected");
        else if (volume->disk == ELECT_DISK_INCONSISTENT || volume->peer_disk == ELECT_DISK_INCONSISTENT) {
                const char *from =
                                volume->disk == ELECT_DISK_INCONSISTENT ? facts->peer_name : facts->own_name;
                snprintf(text, sizeof(text), "A resync runs: until it ends only %s has all data",
                         from[0] != 0 ? from : "one node");
                add(list, "not-in-sync", true, core->volume_since_usec,
                    "Wait (`hapair replication --watch`), and reboot neither node meanwhile.", text);
        } else if (volume->peer_disk == ELECT_DISK_DISKLESS)
                add(list, "peer-disk-lost", false, core->volume_since_usec,
                    "See `hapair errors` on the peer; do not reboot this node before its disk is back.",
                    "The peer's disk has failed: only this node has the data");
        else if (volume->disk != ELECT_DISK_UP_TO_DATE || volume->peer_disk != ELECT_DISK_UP_TO_DATE)
                add(list, "not-in-sync", true, core->volume_since_usec,
                    "Look at `hapair replication` on both nodes.", "The disks are not in sync");
}

static void add_volume(List *list, const ElectCore *core, const ErrorFacts *facts)
{
        char text[WORDS_MAX];

        if (!core->settings.volume)
                return;
        if (facts->volume_problem[0] != 0)
                add(list, "replication-problem", false, core->volume_since_usec,
                    "Do what it says, and look at `hapair replication`.", facts->volume_problem);
        if (!core->volume.known && facts->volume_problem[0] == 0)
                add(list, "replication-away", false, core->volume_since_usec,
                    "Look at `systemctl status hapair-replicd`.",
                    "The replication daemon does not answer, or knows nothing of the volume");
        if (elect_split_brain(core))
                add_split_brain(list, core);
        else if (core->volume.known)
                add_sync(list, core, facts);
        if (core->volume.known)
                add_disk(list, core);
        if (core->state == ELECT_ISOLATED)
                add(list, "isolated", false, core->since_usec,
                    "Bring the peer or its link back, or force the role: `hapair become master --force`.",
                    core->withdrawn ? "The disk is frozen and the addresses are down: the peer may have gone on, and "
                                      "what is here may be old"
                                    : "The disk is frozen until it is proven that this node may go on without the "
                                      "peer");
        if (words_waits(core, facts, text))
                add(list, "waits-for-peer", false, core->since_usec,
                    "Start the other node. Only when it is lost for good: `hapair become master --force`.",
                    text);
}

size_t errors_list(const ElectCore *core, const ErrorFacts *facts, ErrorItem ret_items[ERRORS_MAX])
{
        List list = { .item = ret_items };
        size_t errors = 0;

        add_itself(&list, core, facts);
        add_helpers(&list, core, facts);
        add_services(&list, core, facts);
        add_peer(&list, core);
        add_paths(&list, core);
        add_volume(&list, core, facts);
        for (size_t i = 0; i < facts->n_problems; i++)
                add(&list, "configuration", facts->problem[i].warning, core->settings_usec,
                    "`hapair config check` lists everything; correct it, then `systemctl reload hapair-confd`.",
                    facts->problem[i].text);

        for (size_t i = 0; i < list.n; i++) {
                ErrorItem item = ret_items[i];

                if (item.warning)
                        continue;
                memmove(&ret_items[errors + 1], &ret_items[errors], (i - errors) * sizeof(item));
                ret_items[errors++] = item;
        }
        return list.n;
}

/* FNV-1a: it only has to differ when the list does. */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
        const uint8_t *bytes = data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
        return hash;
}

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

uint64_t errors_hash(const char *text)
{
        return mix(HASH_BEGIN, text, strlen(text));
}

uint64_t errors_digest(const ErrorItem *items, size_t n)
{
        uint64_t hash = HASH_BEGIN;

        for (size_t i = 0; i < n; i++) {
                hash = mix(hash, items[i].message, strlen(items[i].message));
                hash = mix(hash, &items[i].since_usec, sizeof(items[i].since_usec));
        }
        return hash;
}
