/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Online, late, lost, unknown: the peer's state per path and as a whole. */
#include "services/hbd/liveness.h"

#include <string.h>

/* The moment from which this path's silence counts. */
static uint64_t silent_since(const Liveness *l, const PathLife *p)
{
        uint64_t last = p->heard ? p->heard_usec : p->begun_usec;

        return last > l->restart_usec ? last : l->restart_usec;
}

static PeerState judge(const Liveness *l, const PathLife *p, uint64_t now_usec)
{
        uint64_t since, silence;

        if (l->goodbye && p->heard)
                return PEER_LOST;
        /* A restart of the clocks forgives silence, it does not raise the dead. */
        if (p->state == PEER_LOST && (!p->heard || p->heard_usec + p->dead_usec <= now_usec))
                return PEER_LOST;

        since = silent_since(l, p);
        silence = now_usec > since ? now_usec - since : 0;
        if (silence >= p->dead_usec)
                return PEER_LOST;
        if (!p->heard)
                return PEER_UNKNOWN;
        return silence >= p->late_usec ? PEER_LATE : PEER_ONLINE;
}

void liveness_set_path(Liveness *l, unsigned path, uint64_t late_usec, uint64_t dead_usec, uint64_t now_usec)
{
        if (!l->paths[path].used)
                l->paths[path].begun_usec = now_usec;
        l->paths[path].used = true;
        l->paths[path].late_usec = late_usec;
        l->paths[path].dead_usec = dead_usec;
}

void liveness_drop_path(Liveness *l, unsigned path)
{
        memset(&l->paths[path], 0, sizeof(l->paths[path]));
}

void liveness_heard(Liveness *l, unsigned path, uint64_t received_usec)
{
        PathLife *p = &l->paths[path];

        if (!p->heard || received_usec > p->heard_usec)
                p->heard_usec = received_usec;
        p->heard = true;
}

void liveness_goodbye(Liveness *l, bool goodbye)
{
        l->goodbye = goodbye;
}

void liveness_new_instance(Liveness *l)
{
        if (!l->goodbye)
                return;
        l->goodbye = false;
        for (unsigned i = 0; i < PATHS_MAX; i++)
                l->paths[i].heard = false;
}

void liveness_restart(Liveness *l, uint64_t now_usec)
{
        l->restart_usec = now_usec;
}

bool liveness_would_accuse(const Liveness *l, uint64_t now_usec)
{
        for (unsigned i = 0; i < PATHS_MAX; i++) {
                const PathLife *p = &l->paths[i];

                if (p->used && p->state != PEER_LOST && p->state != judge(l, p, now_usec) &&
                    judge(l, p, now_usec) != PEER_ONLINE)
                        return true;
        }
        return false;
}

/* Whose word counts when paths differ: a path not judged yet may still prove the peer alive. */
static unsigned rank(PeerState state)
{
        static const uint8_t ranks[PEER_STATE_MAX] = {
                [PEER_LOST] = 1, [PEER_UNKNOWN] = 2, [PEER_LATE] = 3, [PEER_ONLINE] = 4
        };

        return ranks[state];
}

LivenessChange liveness_step(Liveness *l, uint64_t now_usec)
{
        LivenessChange change = {};
        PeerState best = PEER_LOST;
        bool any = false;

        for (unsigned i = 0; i < PATHS_MAX; i++) {
                PathLife *p = &l->paths[i];
                PeerState state;

                if (!p->used)
                        continue;
                state = judge(l, p, now_usec);
                if (state != p->state) {
                        if (p->state == PEER_LOST || p->state == PEER_UNKNOWN)
                                p->online_usec = now_usec;
                        p->state = state;
                        change.paths |= UINT32_C(1) << i;
                }
                if (rank(state) > rank(best))
                        best = state;
                any = true;
        }

        /* Without a path nothing is known; a new path, not judged yet, does not call the lost back. */
        if (!any || (best == PEER_UNKNOWN && l->state != PEER_LOST))
                best = PEER_UNKNOWN;
        else if (best == PEER_UNKNOWN)
                best = PEER_LOST;
        change.peer = best != l->state;
        l->state = best;
        return change;
}

uint64_t liveness_next(const Liveness *l)
{
        uint64_t next = UINT64_MAX;

        for (unsigned i = 0; i < PATHS_MAX; i++) {
                const PathLife *p = &l->paths[i];
                uint64_t at;

                if (!p->used || p->state == PEER_LOST)
                        continue;
                at = silent_since(l, p) + (p->state == PEER_ONLINE ? p->late_usec : p->dead_usec);
                if (at < next)
                        next = at;
        }
        return next;
}

uint64_t liveness_last_heard(const Liveness *l)
{
        uint64_t last = 0;

        for (unsigned i = 0; i < PATHS_MAX; i++)
                if (l->paths[i].used && l->paths[i].heard && l->paths[i].heard_usec > last)
                        last = l->paths[i].heard_usec;
        return last;
}

const char *peer_state_to_string(PeerState state)
{
        static const char *const names[PEER_STATE_MAX] = {
                [PEER_UNKNOWN] = "unknown",
                [PEER_LOST] = "lost",
                [PEER_LATE] = "late",
                [PEER_ONLINE] = "online",
        };

        return state >= 0 && state < PEER_STATE_MAX ? names[state] : "unknown";
}
