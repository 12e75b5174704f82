/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * This node's own disk of the replicated volume: whether the kernel would promote it, what its loss means,
 * and since when it has not been the same as the peer's.
 */
#include "elect-core.h"

/* DRBD's generation of metadata that were just made: nothing was ever written through them. */
#define GENERATION_JUST_MADE 4

/* A disk is attached in steps; one that is gone for a moment only has not failed. */
#define LOST_USEC (2 * USEC_PER_SEC)

/*
 * The founder's first start, alone: nobody has any data, the kernel calls its disk inconsistent and wants to
 * be forced.
 */
bool elect_disk_untouched(const ElectCore *core)
{
        return core->memory.sole && core->volume.disk == ELECT_DISK_INCONSISTENT &&
               core->volume.generation == GENERATION_JUST_MADE;
}

/* What is asked of it waits. */
bool elect_disk_stalls(const ElectCore *core)
{
        return core->settings.volume && core->volume.known &&
               core->volume.stalled_usec >= ELECT_DISK_STALL_USEC;
}

/* The kernel would promote it: whole, or only this node can have the newest data, as its `sole` says. */
bool elect_disk_serves(const ElectCore *core)
{
        if (!core->volume.known || core->memory.stale || elect_disk_stalls(core))
                return false;
        return core->volume.disk == ELECT_DISK_UP_TO_DATE || elect_disk_untouched(core) ||
               (core->volume.disk == ELECT_DISK_CONSISTENT && core->memory.sole);
}

/*
 * Nothing says that the peer went on without this disk. After a start without the peer the kernel calls it
 * consistent only; whether the peer holds a right is what the claim asks.
 */
bool elect_disk_whole(const ElectCore *core)
{
        return core->volume.known && !core->memory.stale && !elect_split_brain(core) &&
               (core->volume.disk == ELECT_DISK_UP_TO_DATE || core->volume.disk == ELECT_DISK_CONSISTENT);
}

/* Gone, or its writes hang: a connected master can still serve from the peer's disk, but that one is better.
 */
bool elect_disk_ails(const ElectCore *core)
{
        return elect_disk_stalls(core) ||
               (core->settings.volume && core->volume.known && core->volume.disk == ELECT_DISK_DISKLESS);
}

/* In Fault for its disk alone: as good as a standby that has nothing. */
bool elect_disk_fault(const ElectCore *core)
{
        return core->state == ELECT_FAULT && core->reason == ELECT_REASON_DISK_LOST;
}

static bool lost(const ElectCore *core)
{
        return core->volume.known && core->volume.disk == ELECT_DISK_DISKLESS;
}

/*
 * A standby without a disk is no candidate. A master without one goes on through the peer's disk as long as
 * that is connected (unhealthy_rule hands over); alone, nothing is left to serve.
 */
bool elect_disk_rule(ElectCore *core)
{
        bool master = core->state == ELECT_MASTER || core->state == ELECT_ISOLATED;

        if (core->plan.n > 0 || core->stopping)
                return false;
        if (elect_disk_fault(core)) {
                if (!core->volume.known || core->volume.disk <= ELECT_DISK_DISKLESS)
                        return false; /* one between two states is not back yet */
                elect_set_state(core, ELECT_WAIT_PEER, ELECT_REASON_DISK_BACK);
                return true;
        }
        if (!lost(core) || (!elect_standby(core) && !(master && !elect_connected(core))))
                return false;
        if (core->now_usec < core->disk_since_usec + LOST_USEC) {
                elect_wake(core, core->disk_since_usec + LOST_USEC);
                return false;
        }
        if (master) {
                elect_demote(core, ELECT_REASON_DISK_LOST);
                return true;
        }
        core->role = core->memory.role = ELECT_ROLE_NONE;
        elect_set_state(core, ELECT_FAULT, ELECT_REASON_DISK_LOST);
        return true;
}

/*
 * `sole` says that the newest data are here. They went with the disk that had them: on a new one the right
 * would have the kernel forced to serve nothing. One that is lost may come back, and keeps it.
 */
static void replaced(ElectCore *core)
{
        if (core->memory.sole)
                elect_decide(core, elect_state(core), ELECT_REASON_DISK_LOST);
        core->memory.sole = core->memory.elig = core->right_pending = false;
}

/*
 * What the peer's disk takes while this one is lost, its own metadata cannot know: attached again, without
 * the peer, the kernel takes it for whole. That it was lost may have been seen by an electd before this one,
 * or by none. Called with what the kernel said last and what it says now.
 */
void elect_disk_missed(ElectCore *core, const ElectVolume *now)
{
        const ElectVolume *before = &core->volume;
        bool had_data = core->memory.generation > GENERATION_JUST_MADE;
        bool goes = before->known && before->connected && before->peer_disk == ELECT_DISK_UP_TO_DATE &&
                    before->disk > ELECT_DISK_DISKLESS && now->disk == ELECT_DISK_DISKLESS;
        bool is_gone = had_data && now->disk <= ELECT_DISK_DISKLESS && now->connected &&
                       now->peer_disk == ELECT_DISK_UP_TO_DATE;

        if (had_data && now->generation == GENERATION_JUST_MADE)
                replaced(core);
        if (goes || is_gone)
                core->memory.stale = true;
        if (now->connected && now->disk == ELECT_DISK_UP_TO_DATE && now->peer_disk == ELECT_DISK_UP_TO_DATE)
                core->memory.stale = false;
}

/*
 * Since when the peer may have what this node has not, or the other way round; it outlives a restart. Over
 * only when both are whole again: a resync that was cut short has not caught up.
 */
void elect_disk_apart(ElectCore *core)
{
        const ElectVolume *volume = &core->volume;

        if (volume->connected && volume->disk == ELECT_DISK_UP_TO_DATE &&
            volume->peer_disk == ELECT_DISK_UP_TO_DATE)
                core->memory.apart_usec = 0;
        else if (!volume->connected && core->memory.apart_usec == 0)
                core->memory.apart_usec = volume->alone_since_usec != 0
                                                          ? volume->alone_since_usec
                                                          : core->realtime_base_usec + core->now_usec;
}
