/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The election core: who of the two nodes is master. It is pure: no clock, no I/O, no allocation, no
 * logging. elect_step() takes one event and the time and says what to do; the director does it and reports
 * back with further events. The rules are those of the design's election chapter and of
 * tests/model/hapair.pml, which stay in step with this code; the simulation plays two of these cores against
 * each other.
 *
 * How the parts divide the work:
 *   elect.c          the turn: rules run until none changes anything; record, memory and timer out
 *   elect-know.c     what is known, and how each event changes it
 *   elect-vip.c      rules of a pair without a volume
 *   elect-volume.c   rules of a pair with one: sessions, isolation, rejoin
 *   elect-disk.c     this node's own disk: fit to be promoted, lost, since when apart
 *   elect-split.c    a split brain, and its resolution by an operator
 *   elect-right.c    the right to be master alone: consent, arbiter, sole
 *   elect-switch.c   PREQ and HANDOVER, failback, link-down handover, pin
 *   elect-leave.c    leaving in order
 *   elect-operator.c what people ask for
 *   elect-orders.c   the steps of a promotion and of a demotion
 *   elect-message.c  handshakes in and out
 *   elect-codec.c    records, messages and memory as bytes
 *   elect-names.c    how states and reasons are spelled
 */
#pragma once

#include "elect-types.h"

/* A promotion or demotion under way: one order at a time. */
typedef struct ElectPlan {
        ElectOrder order[6];
        uint8_t n, at;
        bool demotion;
        bool undo;   /* a promotion that failed is being taken back */
        bool issued; /* order[at] is with the director, under this id */
        uint64_t id, issued_usec;
        uint64_t after_save;     /* begins when this memory is durable */
        uint64_t wait_usec;      /* order[at] is given then: it failed, or may prove unnecessary; 0: now */
        uint64_t helper_by_usec; /* who carries it out is away and must be back by then; 0: not waited for
                                  */
        ElectReason reason;
        ElectOrder failed; /* what began an undo, or stops a demotion */
        int error;
} ElectPlan;

/* Messages that may leave only when a memory is durable. */
#define ELECT_HELD_MAX 4
typedef struct ElectHeld {
        uint64_t after_save; /* 0: free */
        ElectMessage message;
} ElectHeld;

/* A question to the peer that names a nonce and dies with it. */
typedef struct ElectAsk {
        uint64_t nonce; /* 0: none is outstanding */
        uint64_t until_usec;
        ElectReason reason;
} ElectAsk;

/* An operator's word on whose data stay after a split brain, being carried out on both nodes. */
typedef struct ElectResolve {
        ElectRole keep; /* configured role; NONE: none is under way */
        uint64_t nonce;
        bool agreed; /* both nodes know */
        uint64_t until_usec, next_usec;
        uint64_t order_id; /* CONNECT or DISCARD; 0: not under way */
} ElectResolve;

/* Counts automatic moves: the rest after each doubles while they come within an hour of each other. */
typedef struct ElectDamping {
        uint64_t at_usec[2]; /* the last two, the newer one last; 0: none */
        uint64_t rest_usec;
} ElectDamping;

/* Everything a node knows. Plain data: copy it, compare it, print it; only the elect-*.c files change it. */
typedef struct ElectCore {
        /* itself */
        ElectSettings settings;
        bool configured; /* settings have arrived */
        uint32_t instance;
        uint8_t boot_id[ELECT_BOOT_ID_SIZE];
        ElectMemory memory;  /* wanted: may be ahead of the disk */
        ElectMemory flying;  /* the newest on its way there */
        ElectMemory durable; /* on the disk */
        uint64_t save_number, saved_number;
        bool memory_lost; /* missing or corrupt, and not yet made up for */
        bool same_boot;   /* the memory was written in this kernel boot */
        ElectState state;
        ElectRole role;     /* MASTER as long as addresses or volume may be here */
        ElectReason reason; /* of the last change of state */
        uint64_t since_usec, start_usec;
        uint64_t realtime_base_usec; /* CLOCK_REALTIME less ours, for dates that people read */
        uint64_t epoch;              /* of the role held, or the newest master's heard */
        ElectPlan plan;              /* runs while n > 0 */
        uint64_t order_ids;
        uint64_t refresh_id; /* the order that tells a returned vipd what is wanted; 0: none runs */
        uint64_t refresh_retry_usec;
        uint64_t fault_until_usec; /* a fault by a failed order is tried again then */
        uint32_t fault_count;
        ElectOrder failed_order; /* the last that failed, for errors; NONE when it went well since */
        int failed_error;
        uint64_t failed_usec;

        /* what it hears */
        bool hbd, vipd;
        ElectPeerState peer;
        uint64_t peer_since_usec;
        bool heard_ever;            /* since the start */
        uint64_t listen_since_usec; /* hbd has been listening since; USEC_INFINITY: it is not */
        uint8_t peer_boot_id[ELECT_BOOT_ID_SIZE];
        bool peer_rebooted; /* the master's boot id changed; no record of the new boot is here yet */
        bool record_known, record_aged;
        ElectRecord record;
        uint64_t record_usec;        /* when it changed last */
        uint64_t two_since_usec;     /* two masters since; 0: not */
        uint64_t neither_since_usec; /* both standing by since; 0: not */
        uint64_t carrier_lost_usec;  /* the master has reported its carrier gone since; 0: not */
        size_t n_paths;
        ElectPath path[ELECT_PATHS_MAX];
        uint64_t path_since_usec[ELECT_PATHS_MAX];
        bool vipd_holds;
        bool usable;
        uint8_t n_macs;
        uint8_t macs[ELECT_MACS_MAX][ELECT_MAC_SIZE];
        ElectVerdict link, gateway, health;
        uint64_t link_since_usec, gateway_since_usec, health_since_usec, vipd_since_usec, settings_usec;
        bool probing;
        uint64_t probing_since_usec;
        uint64_t peer_answered_usec; /* one of the peer's MACs, last; 0: never */
        uint64_t reached_usec;       /* its kernel answered at the replication link, last; 0: never */
        uint64_t silent_usec;        /* it used to, and as of then did no longer; 0: nobody says so */
        uint64_t parted_usec; /* its silence had the replication disconnected; 0: not since it was connected
                               */
        bool conflict;        /* a stranger answers for an address we hold */
        uint8_t conflict_mac[ELECT_MAC_SIZE];
        uint64_t conflict_since_usec;
        ElectVolume volume;
        uint64_t volume_since_usec, disk_since_usec;
        ElectHistory peer_history; /* of a split brain; nothing is known while it is all zero */
        uint64_t peer_history_usec, history_next_usec;
        ElectResolve resolve;
        bool fence_asked;
        uint64_t fence_until_usec;
        uint64_t thaw_by_usec; /* the handler was told to go on, and the kernel does so by then; 0: not told
                                */

        /* for the life of a boot only */
        uint64_t nonces; /* counter behind every nonce */
        uint32_t record_seq;
        uint32_t facts_from; /* the peer's electd whose MACs we know */
        uint64_t facts_next_usec;
        ElectAsk preq, takeover, outdate;
        uint64_t preq_next_usec;     /* refused: by itself this node asks again from then on */
        uint64_t serving_nonce;      /* the PREQ that the demotion under way answers; 0: none */
        uint64_t promise_until_usec; /* a HANDOVER of ours may still be taken until then; 0: none */
        uint64_t promise_nonce;
        uint32_t promise_instance;
        ElectMessage handed;   /* a HANDOVER that came before this node's kernel knew of it; INVALID: none */
        uint64_t taking_nonce; /* the HANDOVER that the promotion under way took; 0: none */
        ElectDamping failbacks, grants, link_moves;
        uint64_t healthy_since_usec; /* fit for a failback since; 0: not */
        bool stopping, leave_asked, stopped, stopped_told;
        uint64_t stop_until_usec;
        struct {
                uint64_t token; /* 0: no request waits */
                uint64_t until_usec;
                ElectRequest request;
        } operator;
        uint64_t maintenance_token; /* waits for its memory to be durable, beside any other request; 0: none
                                     */
        uint64_t maintenance_save;

        /* the same, of a pair with a volume */
        uint64_t my_session, peer_session;
        bool in_session; /* messages that name my_session + peer_session are accepted */
        uint64_t session_next_usec, outdate_next_usec, eligible_next_usec;
        bool offer;         /* handed over and have not seen the peer become primary */
        bool right_pending; /* `sole` is on its way to the disk */
        uint64_t right_save;
        ElectReason right_reason;
        bool withdrawn;    /* LAN isolated: addresses down although master */
        bool peer_leaving; /* said LEAVING in this session */
        bool leaving_sent, leaving_acked;
        uint64_t parting_id; /* the order LEAVE; 0: not given */
        bool parted;         /* it has its outcome, whatever that is */
        uint64_t leaving_until_usec;
        bool handing_master; /* the demotion under way began as master */

        ElectHeld held[ELECT_HELD_MAX];
        ElectRecord published; /* seq 0: never */
        uint64_t timer_usec;   /* as the director has it */
        uint64_t wake_usec;    /* the earliest any rule waits for, collected in each step */
        uint64_t now_usec;
        ElectActions *out; /* of the step under way */
} ElectCore;

/* What the director knows at the start. `memory` is read when `status` is GOOD. */
typedef struct ElectStart {
        uint64_t now_usec;
        uint64_t realtime_usec; /* CLOCK_REALTIME at the same moment */
        uint32_t instance;      /* random, never 0 */
        uint8_t boot_id[ELECT_BOOT_ID_SIZE];
        ElectMemoryStatus status;
        ElectMemory memory;
} ElectStart;

/* First states, as `hapair init` and `hapair join` write them. */
void elect_memory_founder(ElectMemory *ret);
void elect_memory_joined(ElectMemory *ret);

void elect_init(ElectCore *core, const ElectStart *start, ElectActions *ret_actions);
void elect_step(ElectCore *core, uint64_t now_usec, const ElectEvent *event, ElectActions *ret_actions);

/* The state people see: MAINTENANCE covers the one underneath. */
ElectState elect_state(const ElectCore *core);
ElectRole elect_running_role(const ElectCore *core);
/* UNKNOWN when the peer is not heard or its record is aged: then `ret_role` is NONE. */
ElectPeerState elect_peer_role(const ElectCore *core, ElectRole *ret_role);

/* What the sentences for people rest on, as the rules see it. */
bool elect_connected(const ElectCore *core);
bool elect_master_heard(const ElectCore *core);
uint64_t elect_listen_usec(
                const ElectCore *core); /* so long a node listens before it believes that it is alone */
bool elect_peer_able(const ElectCore *core);
bool elect_split_brain(const ElectCore *core);
