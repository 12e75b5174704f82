/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The election core: who of the two nodes is master. It is pure: no clock, no I/O, no allocation, no logging.
 * elect_step() takes one event and the time and says what to do; the director does it and reports back with
 * further events. The rules are those of the design's election chapter and of tests/model/hapair.pml, which
 * stay in step with this code; the simulation plays two of these cores against each other.
 *
 * How the parts divide the work:
 *   elect.c          events in, rules run, record and timer out
 *   elect-vip.c      rules of a pair without a volume
 *   elect-volume.c   rules of a pair with one: sole, elig, consent, arbiter, isolation, sessions, rejoin
 *   elect-switch.c   PREQ and HANDOVER, failback, link-down handover, pin, leaving
 *   elect-orders.c   the steps of a promotion and of a demotion
 *   elect-errors.c   what is wrong, for people
 *   elect-codec.c    records, messages and memory as bytes
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELECT_BOOT_ID_SIZE 16
#define ELECT_MAC_SIZE 6        /* of a network device */
#define ELECT_MACS_MAX 8        /* devices of one node that can answer for a virtual IP */
#define ELECT_PATHS_MAX 8
#define ELECT_PATH_NAME_MAX 24
#define ELECT_ACTIONS_MAX 24    /* of one step */
#define ELECT_EPOCH_JUMP_MAX (UINT64_C(1) << 32)

typedef enum ElectRole {
        ELECT_ROLE_NONE,
        ELECT_ROLE_SLAVE,
        ELECT_ROLE_MASTER,
        ELECT_ROLE_MAX,
} ElectRole;

/* MAINTENANCE is laid over WAIT_PEER, SLAVE, MASTER, ISOLATED and FAULT: see elect_state(). */
typedef enum ElectState {
        ELECT_INIT,
        ELECT_WAIT_PEER,
        ELECT_SLAVE,
        ELECT_PROMOTING,
        ELECT_MASTER,
        ELECT_ISOLATED, /* primary, I/O frozen by the kernel (volume only) */
        ELECT_DEMOTING,
        ELECT_LEAVING,
        ELECT_MAINTENANCE,
        ELECT_FAULT,
        ELECT_STATE_MAX,
} ElectState;

typedef enum ElectArbiter {
        ELECT_ARBITER_PATHS,
        ELECT_ARBITER_OPERATOR,
        ELECT_ARBITER_MAX,
} ElectArbiter;

typedef enum ElectVerdict {
        ELECT_UNKNOWN, /* nothing reported, or its reporter is gone */
        ELECT_BAD,
        ELECT_GOOD,
        ELECT_VOID, /* gateway only: none is configured nor known, so the condition does not count */
} ElectVerdict;

/* What heartbeats say of the peer. LOST: every path silent for the dead time, or a goodbye was heard. */
typedef enum ElectPeerState {
        ELECT_PEER_UNKNOWN,
        ELECT_PEER_ONLINE,
        ELECT_PEER_LATE,
        ELECT_PEER_LOST,
        ELECT_PEER_STATE_MAX,
} ElectPeerState;

/* Why a role moves or a request is made; goes over the wire in messages: append only. */
typedef enum ElectReason {
        ELECT_REASON_NONE,
        ELECT_REASON_BOOT,            /* start of this node */
        ELECT_REASON_RESUME,          /* electd restarted within the same kernel boot and was master */
        ELECT_REASON_MASTER_HEARD,    /* the peer is master */
        ELECT_REASON_CONFIGURED,      /* neither is master: the configured master serves */
        ELECT_REASON_FIT,             /* neither is master and the configured one cannot: the fit one serves */
        ELECT_REASON_PEER_LOST,       /* every path silent for the dead time, nobody answers for the addresses */
        ELECT_REASON_PEER_REBOOTED,   /* the peer's kernel boot id changed */
        ELECT_REASON_PEER_GONE,       /* the peer left in order */
        ELECT_REASON_NOBODY_HEARD,    /* listened after the start, heard nobody */
        ELECT_REASON_OPERATOR,
        ELECT_REASON_FAILBACK,
        ELECT_REASON_LINK_DOWN,       /* the master's primary LAN lost its carrier */
        ELECT_REASON_LEAVING,         /* this node stops in order */
        ELECT_REASON_SERVICE_FAILED,  /* a service or a disk keeps failing on the master */
        ELECT_REASON_LOWER_EPOCH,     /* two masters: this one is the older */
        ELECT_REASON_NOT_ECHOED,      /* two masters: the peer does not hear this one */
        ELECT_REASON_TIE,             /* two masters of one epoch: the configured slave yields */
        ELECT_REASON_SOLE,            /* own durable right */
        ELECT_REASON_CONSENT,         /* the peer consented to be barred */
        ELECT_REASON_EVIDENCE,        /* arbiter `paths` */
        ELECT_REASON_FORCED,          /* the operator's force */
        ELECT_REASON_RECONNECTED,     /* replication is back */
        ELECT_REASON_REPLICATION_LOST,
        ELECT_REASON_PEER_HOLDS_RIGHT,
        ELECT_REASON_OFFER,           /* handed over, the peer never became primary: taken back */
        ELECT_REASON_HANDED_OVER,
        ELECT_REASON_ORDER_FAILED,    /* a step failed or took too long */
        ELECT_REASON_NOT_TAKEN,       /* a handover nobody took: service goes on here */
        ELECT_REASON_SPLIT_BRAIN,
        ELECT_REASON_MEMORY_LOST,     /* remembered state missing or corrupt */
        ELECT_REASON_DISK_LOST,
        ELECT_REASON_MAINTENANCE,
        ELECT_REASON_INACTIVE,        /* switched off in the configuration */
        ELECT_REASON_ISOLATED_LAN,    /* paths and gateway fell together: addresses withdrawn */
        ELECT_REASON_LATE,            /* this node itself was late: what it knew is void */
        ELECT_REASON_MAX,
} ElectReason;

/* The outcome of an operator's request. */
typedef enum ElectResult {
        ELECT_OK,
        ELECT_REFUSED_STATE,       /* not in this state (see elect_state()) */
        ELECT_REFUSED_PEER,        /* the peer is away, unknown, or cannot take part */
        ELECT_REFUSED_UNFIT,       /* this node, or the one to take over, is not able to serve */
        ELECT_REFUSED_SYNC,        /* the disk that would take over is not up to date */
        ELECT_REFUSED_SPLIT_BRAIN, /* resolve it first */
        ELECT_REFUSED_BUSY,        /* another change is under way */
        ELECT_REFUSED_MASTER_HEARD,/* force: the peer is heard as master */
        ELECT_REFUSED_INACTIVE,
        ELECT_FAILED_TIMEOUT,      /* nobody took over in time; roles are as before */
        ELECT_FAILED_ORDER,        /* a step failed; see the reason and errors */
        ELECT_RESULT_MAX,
} ElectResult;

typedef enum ElectRequest {
        ELECT_REQUEST_MAKE_MASTER,
        ELECT_REQUEST_MAKE_SLAVE,
        ELECT_REQUEST_MAINTENANCE_ON,
        ELECT_REQUEST_MAINTENANCE_OFF,
        ELECT_REQUEST_FORCE_MASTER,
        ELECT_REQUEST_MAX,
} ElectRequest;

/* Steps the director asks of the other daemons. The first six promote, in this order; the next six demote. */
typedef enum ElectOrder {
        ELECT_ORDER_NONE,
        ELECT_ORDER_DISCONNECT, /* replication: force the connection down (DRBD lags behind the heartbeats) */
        ELECT_ORDER_PRIMARY,
        ELECT_ORDER_MOUNT,
        ELECT_ORDER_START,      /* the master's services */
        ELECT_ORDER_ACQUIRE,    /* virtual IPs, announced once when done */
        ELECT_ORDER_WITHDRAW,
        ELECT_ORDER_STOP,       /* the master's services: TERM, then KILL */
        ELECT_ORDER_UNMOUNT,
        ELECT_ORDER_SECONDARY,  /* done means verified */
        ELECT_ORDER_RESUME,     /* frozen I/O goes on: the fence handler answers 4 */
        ELECT_ORDER_CONNECT,    /* replication may connect again */
        ELECT_ORDER_ANNOUNCE,   /* the virtual IPs again: a conflict ended */
        ELECT_ORDER_MAX,
} ElectOrder;

typedef enum ElectDisk {
        ELECT_DISK_UNKNOWN,
        ELECT_DISK_DISKLESS,
        ELECT_DISK_INCONSISTENT, /* target of a resync that is not finished */
        ELECT_DISK_OUTDATED,
        ELECT_DISK_UP_TO_DATE,
        ELECT_DISK_MAX,
} ElectDisk;

typedef enum ElectPathState {
        ELECT_PATH_UNKNOWN,
        ELECT_PATH_UP,
        ELECT_PATH_DEGRADED,
        ELECT_PATH_DOWN,
        ELECT_PATH_REFUSED, /* its device cannot be used; see hbd */
} ElectPathState;

/* One heartbeat path, as hbd reports it. */
typedef struct ElectPath {
        char name[ELECT_PATH_NAME_MAX];
        bool serial;
        ElectPathState state;
} ElectPath;

/* From confd; times in usec. */
typedef struct ElectSettings {
        bool active;
        ElectRole configured;       /* by owning MasterAddress or SlaveAddress; NONE: owns neither */
        bool volume;                /* the pair replicates a disk: the data rules bind */
        bool services;              /* somebody starts and stops the master's services */
        bool replication_over_lan;
        bool accept_split_risk;
        ElectArbiter arbiter;
        uint64_t dead_usec;
        bool failover_link_down;
        bool auto_failback;
        uint64_t failback_delay_usec;
        uint32_t digest;            /* of the synced configuration; 0: unknown */
        bool serial_missing;        /* Serial=yes and no device is named */
        bool hostname_mismatch;     /* the node's name does not say its configured role (G3) */
} ElectSettings;

/* What survives a crash. Fixed size, kept by common/state; the codec is elect_memory_encode(). */
typedef struct ElectMemory {
        uint64_t epoch;             /* the highest ever reserved here or accepted from the peer */
        uint64_t boots;             /* kernel boots counted since the first state */
        uint8_t boot_id[ELECT_BOOT_ID_SIZE];
        ElectRole role;             /* last running roles */
        ElectRole peer_role;
        bool sole;                  /* I may have diverged; the peer is barred from promoting */
        bool elig;                  /* I hold every acknowledged write and nobody barred me */
        bool maintenance;
        bool pinned;                /* `become` put the configured slave in charge: no failback */
        uint64_t generation;        /* of the replicated disk, as last seen */
        uint64_t peer_generation;
        struct {
                uint64_t epoch;     /* 0: none */
                ElectRole from;     /* configured role of the node that handed over */
                uint64_t generation;
        } handover;
        uint64_t forced_epoch;      /* of the last operator's force; 0: none */
        uint8_t n_peer_macs;
        uint8_t peer_macs[ELECT_MACS_MAX][ELECT_MAC_SIZE];
} ElectMemory;

typedef enum ElectMemoryStatus {
        ELECT_MEMORY_GOOD,
        ELECT_MEMORY_LOST, /* missing or corrupt */
} ElectMemoryStatus;

/* What the peer needs to know of this node: sent whole in every heartbeat. */
typedef struct ElectRecord {
        ElectState state;
        ElectRole role;         /* running role */
        ElectRole configured;
        uint64_t epoch;
        uint32_t instance;      /* of this electd: changes with every start; never 0 */
        uint32_t seq;           /* counts changes of what is above and below, not of the echo */
        uint32_t echo_instance; /* the peer's instance and seq as last heard; 0: not heard now */
        uint32_t echo_seq;
        uint32_t digest;        /* of the configuration */
        bool sole;              /* durable ones */
        bool elig;
        bool able;              /* would take over if asked: active, healthy, addresses and disk at hand */
        bool carrier_down;      /* of the primary LAN; unknown counts as up */
        bool maintenance;
        bool leaving;
        bool gone;              /* left in order: holds nothing and takes nothing any more */
        bool volume;
        bool connected;         /* own view of replication */
        bool primary;
        bool up_to_date;
        bool asking;            /* a PREQ of ours is outstanding */
        bool pinned;
        bool knows_macs;        /* FACTS of the echoed instance have arrived */
} ElectRecord;

/* Types go over the wire: append only. An unknown one is ignored, never consent. */
typedef enum ElectMessageType {
        ELECT_MSG_INVALID,
        ELECT_MSG_PREQ,        /* please hand over to me */
        ELECT_MSG_HANDOVER,    /* done: I am demoted, take it under this epoch */
        ELECT_MSG_REFUSED,     /* your PREQ, TAKEOVER or OUTDATE of this nonce is refused */
        ELECT_MSG_TAKEOVER,    /* please send me a PREQ */
        ELECT_MSG_OUTDATE,     /* may I be sole? */
        ELECT_MSG_OUTDATED,    /* yes: I am barred, durably */
        ELECT_MSG_ELIGIBLE,    /* you hold everything and may promote again */
        ELECT_MSG_LEAVING,
        ELECT_MSG_LEAVING_ACK,
        ELECT_MSG_SESSION,     /* my nonce of this replication connection, and yours as I know it */
        ELECT_MSG_FACTS,       /* my MACs */
        ELECT_MSG_MAX,
} ElectMessageType;

typedef struct ElectMessage {
        ElectMessageType type;
        ElectReason reason;
        ElectResult result;    /* REFUSED: why */
        uint32_t instance;     /* of the sender's electd */
        uint32_t to_instance;  /* of the receiver's, as known to the sender; another is refused */
        uint64_t session;      /* SESSION: the sender's nonce; else the session both agreed on, 0 without volume */
        uint64_t nonce;        /* SESSION: the receiver's nonce as known; else names the request */
        uint64_t epoch;
        uint64_t generation;
        bool up_to_date;       /* HANDOVER: "you have UpToDate data" */
        uint8_t n_macs;        /* FACTS */
        uint8_t macs[ELECT_MACS_MAX][ELECT_MAC_SIZE];
} ElectMessage;

/* What replicd (or the simulation) reports of the volume; whole at each change. */
typedef struct ElectVolume {
        bool known;            /* false: replicd is away, nothing below counts */
        bool connected;
        uint64_t connection;   /* counts connections: a new number is a new one even if the drop was missed */
        bool primary;
        bool peer_primary;
        bool frozen;           /* I/O is suspended until RESUME or a reconnect */
        bool split_brain;
        bool wrote_alone;      /* a new data generation was made while disconnected */
        ElectDisk disk;
        ElectDisk peer_disk;
        uint64_t generation;
        uint64_t peer_generation;
} ElectVolume;

typedef enum ElectEventType {
        ELECT_EV_TIMER,       /* the deadline of ELECT_ACT_TIMER passed */
        ELECT_EV_SETTINGS,
        ELECT_EV_PEER,        /* hbd: state, boot id and instance of the peer */
        ELECT_EV_HBD_GONE,    /* connection to hbd lost: everything it said is unknown */
        ELECT_EV_RECORD,      /* of the peer: changed, or its age crossed the limit */
        ELECT_EV_MESSAGE,
        ELECT_EV_PATHS,
        ELECT_EV_ADDRESSES,   /* vipd: (re)connected or changed: what it holds, our MACs */
        ELECT_EV_VIPD_GONE,
        ELECT_EV_LINK,        /* carrier of the primary LAN */
        ELECT_EV_ANSWERED,    /* somebody else answers for a virtual IP (while probing) */
        ELECT_EV_CONFLICT,    /* somebody else answers for a virtual IP we hold, or no longer */
        ELECT_EV_GATEWAY,
        ELECT_EV_HEALTH,      /* services and disks of this node */
        ELECT_EV_VOLUME,
        ELECT_EV_FENCE_ASKED, /* the kernel's fence-peer handler waits for an answer */
        ELECT_EV_REQUEST,     /* operator */
        ELECT_EV_ORDER_DONE,
        ELECT_EV_SAVED,       /* every memory up to this number is durable */
        ELECT_EV_LATE,        /* own loop was late by so much; comes before whatever was queued meanwhile */
        ELECT_EV_STOP,        /* orderly stop of this node */
        ELECT_EV_MAX,
} ElectEventType;

typedef struct ElectEvent {
        ElectEventType type;
        union {
                ElectSettings settings;
                struct {
                        ElectPeerState state;
                        uint8_t boot_id[ELECT_BOOT_ID_SIZE]; /* zero: not known */
                        uint64_t instance;                   /* of the peer's hbd; 0: not known */
                } peer;
                struct {
                        ElectRecord record;
                        bool aged; /* its electd has not published it again in time: unknown, never lost */
                } record;
                ElectMessage message;
                struct {
                        size_t n;
                        ElectPath path[ELECT_PATHS_MAX];
                } paths;
                struct {
                        bool held;           /* vipd's last order, of this kernel boot, was to hold them */
                        uint64_t epoch;      /* the highest under which it was told to acquire; 0: none */
                        uint8_t n_macs;
                        uint8_t macs[ELECT_MACS_MAX][ELECT_MAC_SIZE];
                        bool usable;         /* every enabled address has its device here */
                } addresses;
                ElectVerdict link;    /* BAD: no carrier */
                ElectVerdict gateway;
                struct {
                        uint8_t mac[ELECT_MAC_SIZE];
                        bool present; /* CONFLICT: it answers / it no longer does */
                } answer;
                ElectVerdict health;
                ElectVolume volume;
                struct {
                        ElectRequest request;
                        uint64_t token; /* comes back in ELECT_ACT_REPLY; never 0 */
                } request;
                struct {
                        ElectOrder order;
                        uint64_t id;
                        int error; /* 0 or negative errno; -ETIMEDOUT: its limit passed */
                } done;
                uint64_t saved;
                uint64_t late_usec;
        };
} ElectEvent;

/* One decision with the inputs that led to it: what `hapair why` shows. */
typedef struct ElectDecision {
        uint64_t when_usec;
        ElectState from, to;
        ElectReason reason;
        uint64_t epoch;
        /* inputs */
        ElectPeerState peer;
        uint64_t peer_since_usec; /* when it got into that state */
        bool record_known;
        bool record_aged;
        ElectState peer_state;
        ElectRole peer_role;
        uint64_t peer_epoch;
        bool echoed;              /* the peer's record answers this electd */
        ElectVerdict link;
        bool peer_carrier_down;
        ElectVerdict gateway;
        bool probing;
        bool peer_answers;        /* one of its MACs answers for a virtual IP */
        bool sole, elig;
        bool connected, primary;
        ElectDisk disk, peer_disk;
        ElectOrder order;         /* ORDER_FAILED: which, and how */
        int error;
} ElectDecision;

typedef enum ElectActionType {
        ELECT_ACT_SAVE,     /* make `memory` durable, then SAVED(number); later ones supersede earlier */
        ELECT_ACT_PUBLISH,
        ELECT_ACT_SEND,
        ELECT_ACT_ORDER,    /* ORDER_DONE with the same id within the limit, or -ETIMEDOUT */
        ELECT_ACT_PROBE,    /* on/off: who answers for the virtual IPs */
        ELECT_ACT_TIMER,    /* one timer: replaces the previous; USEC_INFINITY: none */
        ELECT_ACT_DECISION, /* log it and keep it for `why` */
        ELECT_ACT_REPLY,    /* to the operator */
        ELECT_ACT_FENCE_ANSWER,
        ELECT_ACT_REBOOT,   /* this node cannot be made safe otherwise */
        ELECT_ACT_STOPPED,  /* left in order: say goodbye and exit */
        ELECT_ACT_MAX,
} ElectActionType;

typedef struct ElectAction {
        ElectActionType type;
        union {
                struct {
                        uint64_t number;
                        ElectMemory memory;
                } save;
                ElectRecord record;
                ElectMessage message;
                struct {
                        ElectOrder order;
                        uint64_t id;
                        uint64_t epoch;
                        uint64_t limit_usec;
                } order;
                bool probe;
                uint64_t timer_usec;
                ElectDecision decision;
                struct {
                        uint64_t token;
                        ElectResult result;
                } reply;
                uint8_t fence_answer; /* DRBD's: 4 go on, 6 the peer holds the right, 1 stay frozen */
                ElectReason reboot;
        };
} ElectAction;

typedef struct ElectActions {
        size_t n;
        bool overflow; /* more than fit: a bug, an action was lost */
        ElectAction action[ELECT_ACTIONS_MAX];
} ElectActions;

/* A promotion or demotion under way: one order at a time. */
typedef struct ElectPlan {
        ElectOrder order[6];
        uint8_t n, at;
        bool demotion;
        bool undo;             /* a promotion that failed is being taken back */
        bool issued;           /* order[at] is with the director, under this id */
        uint64_t id;
        uint64_t after_save;   /* begins when this memory is durable */
        uint64_t retry_usec;   /* order[at] failed and is tried again then; 0: not */
        ElectReason reason;
        ElectOrder failed;     /* what began an undo, or stops a demotion */
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
        bool same_boot; /* the memory was written in this kernel boot */
        ElectState state;
        ElectRole role;     /* MASTER as long as addresses or volume may be here */
        ElectReason reason; /* of the last change of state */
        uint64_t since_usec, start_usec;
        uint64_t epoch;     /* of the role held, or the newest master's heard */
        ElectPlan plan;     /* runs while n > 0 */
        uint64_t order_ids;
        uint64_t refresh_id; /* the order that tells a returned vipd what is wanted; 0: none runs */
        uint64_t refresh_retry_usec;
        uint64_t fault_until_usec; /* a fault by a failed order is tried again then */
        uint32_t fault_count;
        ElectOrder failed_order; /* the last that failed, for errors; NONE when it went well since */
        int failed_error;
        uint64_t failed_usec;

        /* what it hears */
        bool hbd, vipd, vipd_seen;
        ElectPeerState peer;
        uint64_t peer_since_usec;
        bool heard_ever;             /* since the start */
        uint64_t listen_since_usec;  /* hbd has been listening since; USEC_INFINITY: it is not */
        uint8_t peer_boot_id[ELECT_BOOT_ID_SIZE];
        bool peer_rebooted;          /* the master's boot id changed; no record of the new boot is here yet */
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
        bool conflict;               /* a stranger answers for an address we hold */
        uint8_t conflict_mac[ELECT_MAC_SIZE];
        uint64_t conflict_since_usec;
        ElectVolume volume;
        uint64_t volume_since_usec;
        bool fence_asked;
        uint64_t fence_until_usec;

        /* for the life of a boot only */
        uint64_t nonces;     /* counter behind every nonce */
        uint32_t record_seq;
        uint32_t facts_from; /* the peer's electd whose MACs we know */
        uint64_t facts_next_usec;
        ElectAsk preq, takeover, outdate;
        uint64_t serving_nonce; /* the PREQ that the demotion under way answers; 0: none */
        uint64_t promise_until_usec; /* a HANDOVER of ours may still be taken until then; 0: none */
        uint64_t promise_nonce;
        uint32_t promise_instance;
        uint64_t taking_nonce; /* the HANDOVER that the promotion under way took; 0: none */
        ElectDamping failbacks, grants, link_moves;
        uint64_t healthy_since_usec; /* fit for a failback since; 0: not */
        bool stopping, stopped;
        uint64_t stop_until_usec;
        struct {
                uint64_t token; /* 0: no request waits */
                uint64_t until_usec;
                uint64_t after_save;
                ElectRequest request;
        } operator;

        /* the same, of a pair with a volume */
        uint64_t my_session, peer_session;
        bool in_session; /* messages that name my_session + peer_session are accepted */
        uint64_t session_next_usec, outdate_next_usec, eligible_next_usec;
        bool offer;         /* handed over and have not seen the peer become primary */
        bool right_pending; /* `sole` is on its way to the disk */
        uint64_t right_save;
        ElectReason right_reason;
        bool withdrawn;     /* LAN isolated: addresses down although master */
        bool peer_leaving;  /* said LEAVING in this session */
        bool leaving_sent, leaving_acked;

        ElectHeld held[ELECT_HELD_MAX];
        ElectRecord published; /* seq 0: never */
        uint64_t timer_usec;   /* as the director has it */
        uint64_t wake_usec;    /* the earliest any rule waits for, collected in each step */
        uint64_t now_usec;
        ElectActions *out;     /* of the step under way */
} ElectCore;

/* What the director knows at the start. `memory` is read when `status` is GOOD. */
typedef struct ElectStart {
        uint64_t now_usec;
        uint32_t instance;                  /* random, never 0 */
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

const char *elect_role_to_string(ElectRole role);
const char *elect_state_to_string(ElectState state);
const char *elect_reason_to_string(ElectReason reason);
const char *elect_result_to_string(ElectResult result);
const char *elect_order_to_string(ElectOrder order);
const char *elect_message_to_string(ElectMessageType type);
const char *elect_peer_state_to_string(ElectPeerState state);
