/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the peer lives: per path and as a whole, judged by the times at which the kernel received its
 * frames. Our own lateness never accuses the peer: after a turn of ours that came late the clocks start
 * again (liveness_restart), once the sockets are drained. Pure; all times are CLOCK_BOOTTIME microseconds.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#define PATHS_MAX 16u

typedef enum PeerState {
        PEER_UNKNOWN, /* never heard since we started, and the dead time is not over yet */
        PEER_LOST,    /* silent for the dead time, or it said goodbye */
        PEER_LATE,    /* silent for half of it */
        PEER_ONLINE,
        PEER_STATE_MAX,
        PEER_STATE_INVALID = -EINVAL,
} PeerState;

typedef struct PathLife {
        bool used;
        bool heard; /* at least once */
        uint64_t heard_usec;
        uint64_t begun_usec;           /* when we began to listen */
        uint64_t online_usec;          /* heard without a longer pause since then */
        uint64_t late_usec, dead_usec; /* this path's limits: a serial line's may be longer */
        PeerState state;
} PathLife;

typedef struct Liveness {
        PathLife paths[PATHS_MAX];
        uint64_t restart_usec; /* silence before this moment does not count */
        PeerState state;       /* of the peer as a whole: that of its best path */
        bool goodbye;          /* it said farewell: lost on every path, however fresh its last frame */
} Liveness;

/* What one step changed. */
typedef struct LivenessChange {
        uint32_t paths; /* one bit a path */
        bool peer;
} LivenessChange;

/* Starts to use a path, or gives a used one other limits without forgetting what was heard. */
void liveness_set_path(Liveness *l, unsigned path, uint64_t late_usec, uint64_t dead_usec,
                       uint64_t now_usec);
void liveness_drop_path(Liveness *l, unsigned path);

/* A proven frame came in on a path at that time (an older time than the last one changes nothing). */
void liveness_heard(Liveness *l, unsigned path, uint64_t received_usec);

/* The peer says farewell, or takes it back. */
void liveness_goodbye(Liveness *l, bool goodbye);

/* Another instance of the peer speaks: where the one before it took its leave, all begins anew. */
void liveness_new_instance(Liveness *l);

/* We ourselves were late: whoever is not lost yet gets the whole time again. */
void liveness_restart(Liveness *l, uint64_t now_usec);

/* What the next step would make worse; the caller drains its sockets first, then takes the step. */
bool liveness_would_accuse(const Liveness *l, uint64_t now_usec);

/* Judges every path at that time. */
LivenessChange liveness_step(Liveness *l, uint64_t now_usec);

/* The next moment at which silence would change a state; UINT64_MAX: none. */
uint64_t liveness_next(const Liveness *l);

/* When the peer was last heard on any path; 0: never. */
uint64_t liveness_last_heard(const Liveness *l);

const char *peer_state_to_string(PeerState state);
