/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of the election: states, reasons, what goes over the wire, what survives a crash, and the events
 * and actions between the core (elect.h) and the director.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elect-volume.h"

#define ELECT_BOOT_ID_SIZE   16
#define ELECT_MAC_SIZE       6 /* of a network device */
#define ELECT_MACS_MAX       8 /* devices of one node that can answer for a virtual IP */
#define ELECT_PATHS_MAX      8
#define ELECT_PATH_NAME_MAX  24
#define ELECT_ACTIONS_MAX    24 /* of one step */
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
        ELECT_REASON_BOOT,         /* start of this node */
        ELECT_REASON_RESUME,       /* electd restarted within the same kernel boot and was master */
        ELECT_REASON_MASTER_HEARD, /* the peer is master */
        ELECT_REASON_CONFIGURED,   /* neither is master: the configured master serves */
        ELECT_REASON_FIT,          /* neither is master and the configured one cannot: the fit one serves */
        ELECT_REASON_PEER_LOST, /* every path silent for the dead time, nobody answers for the addresses */
        ELECT_REASON_PEER_REBOOTED, /* the peer's kernel boot id changed */
        ELECT_REASON_PEER_GONE,     /* the peer left in order */
        ELECT_REASON_NOBODY_HEARD,  /* listened after the start, heard nobody */
        ELECT_REASON_OPERATOR,
        ELECT_REASON_FAILBACK,
        ELECT_REASON_LINK_DOWN,      /* the master's primary LAN lost its carrier */
        ELECT_REASON_LEAVING,        /* this node stops in order */
        ELECT_REASON_SERVICE_FAILED, /* a service or a disk keeps failing on the master */
        ELECT_REASON_LOWER_EPOCH,    /* two masters: this one is the older */
        ELECT_REASON_NOT_ECHOED,     /* two masters: the peer does not hear this one */
        ELECT_REASON_TIE,            /* two masters of one epoch: the configured slave yields */
        ELECT_REASON_SOLE,           /* own durable right */
        ELECT_REASON_CONSENT,        /* the peer consented to be barred */
        ELECT_REASON_EVIDENCE,       /* arbiter `paths` */
        ELECT_REASON_FORCED,         /* the operator's force */
        ELECT_REASON_RECONNECTED,    /* replication is back */
        ELECT_REASON_REPLICATION_LOST,
        ELECT_REASON_PEER_HOLDS_RIGHT,
        ELECT_REASON_OFFER,        /* handed over, the peer never became primary: taken back */
        ELECT_REASON_ORDER_FAILED, /* a step failed or took too long */
        ELECT_REASON_NOT_TAKEN,    /* a handover nobody took: service goes on here */
        ELECT_REASON_SPLIT_BRAIN,
        ELECT_REASON_MEMORY_LOST, /* remembered state missing or corrupt */
        ELECT_REASON_MAINTENANCE,
        ELECT_REASON_INACTIVE,     /* switched off in the configuration */
        ELECT_REASON_ISOLATED_LAN, /* paths and gateway fell together: addresses withdrawn */
        ELECT_REASON_LATE,         /* this node itself was late: what it knew is void */
        ELECT_REASON_ISOLATED,     /* arbiter `operator`: an isolated master goes on */
        ELECT_REASON_DISK_LOST,    /* of this node */
        ELECT_REASON_DISK_BACK,
        ELECT_REASON_RESOLVED,    /* an operator said whose data stay after a split brain */
        ELECT_REASON_LINK_SILENT, /* the peer's kernel no longer answers at the replication link */
        ELECT_REASON_MAX,
} ElectReason;

/* The outcome of an operator's request. */
typedef enum ElectResult {
        ELECT_OK,
        ELECT_REFUSED_STATE,        /* not in this state (see elect_state()) */
        ELECT_REFUSED_PEER,         /* the peer is away, unknown, or cannot take part */
        ELECT_REFUSED_UNFIT,        /* this node, or the one to take over, is not able to serve */
        ELECT_REFUSED_SYNC,         /* the disk that would take over is not up to date */
        ELECT_REFUSED_SPLIT_BRAIN,  /* resolve it first */
        ELECT_REFUSED_BUSY,         /* another change is under way */
        ELECT_REFUSED_MASTER_HEARD, /* force: the peer is heard as master */
        ELECT_REFUSED_INACTIVE,
        ELECT_FAILED_TIMEOUT,   /* nobody took over in time; roles are as before */
        ELECT_FAILED_ORDER,     /* a step failed; see the reason and errors */
        ELECT_REFUSED_SNAPSHOT, /* of the data that would be discarded: none can be kept */
        ELECT_RESULT_MAX,
} ElectResult;

typedef enum ElectRequest {
        ELECT_REQUEST_MAKE_MASTER,
        ELECT_REQUEST_MAKE_SLAVE,
        ELECT_REQUEST_MAINTENANCE_ON,
        ELECT_REQUEST_MAINTENANCE_OFF,
        ELECT_REQUEST_FORCE_MASTER,
        ELECT_REQUEST_KEEP_MASTER, /* split brain: the configured master's data stay */
        ELECT_REQUEST_KEEP_SLAVE,
        ELECT_REQUEST_MAX,
} ElectRequest;

/*
 * Steps the director asks of the other daemons. The first five promote, in this order; the next four demote.
 */
typedef enum ElectOrder {
        ELECT_ORDER_NONE,
        ELECT_ORDER_DISCONNECT, /* replication: force the connection down (DRBD lags behind the heartbeats)
                                 */
        ELECT_ORDER_PRIMARY,
        ELECT_ORDER_MOUNT,
        ELECT_ORDER_START,   /* the master's services */
        ELECT_ORDER_ACQUIRE, /* virtual IPs, announced once when done */
        ELECT_ORDER_WITHDRAW,
        ELECT_ORDER_STOP, /* the master's services: TERM, then KILL */
        ELECT_ORDER_UNMOUNT,
        ELECT_ORDER_SECONDARY, /* done means verified */
        ELECT_ORDER_RESUME,    /* frozen I/O goes on: the fence handler answers 4 */
        ELECT_ORDER_ANNOUNCE,  /* the virtual IPs again: a conflict ended */
        ELECT_ORDER_LEAVE,     /* the secondary's goodbye to the peer's kernel, last of an orderly stop */
        ELECT_ORDER_CONNECT,   /* split brain: wait for the peer, whose data are discarded */
        ELECT_ORDER_DISCARD,   /* split brain: keep a snapshot of the data here, discard them, resync */
        ELECT_ORDER_MAX,
} ElectOrder;

/* Who carries an order out. */
typedef enum ElectHelper {
        ELECT_HELPER_NONE,
        ELECT_HELPER_VIPD,
        ELECT_HELPER_REPLICD,
        ELECT_HELPER_SVCMAND,
        ELECT_HELPER_MAX,
} ElectHelper;
ElectHelper elect_order_helper(ElectOrder order);

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
        ElectRole configured; /* by owning MasterAddress or SlaveAddress; NONE: owns neither */
        bool volume;          /* the pair replicates a disk: the data rules bind */
        bool services;        /* somebody starts and stops the master's services */
        ElectArbiter arbiter;
        uint64_t dead_usec;
        bool failover_link_down;
        bool auto_failback;
        uint64_t failback_delay_usec;
        uint32_t digest;        /* of the synced configuration; 0: unknown */
        bool hostname_mismatch; /* the node's name does not say its configured role (G3) */
} ElectSettings;

/* What survives a crash. Fixed size, kept by common/state; the codec is elect_memory_encode(). */
typedef struct ElectMemory {
        uint64_t epoch;      /* the highest ever reserved here or accepted from the peer */
        uint64_t role_epoch; /* of the role last held, or of the newest master heard */
        uint64_t boots;      /* kernel boots counted since the first state */
        uint8_t boot_id[ELECT_BOOT_ID_SIZE];
        ElectRole role; /* last running roles */
        ElectRole peer_role;
        bool sole;  /* I may have diverged; the peer is barred from promoting */
        bool elig;  /* I hold every acknowledged write and nobody barred me */
        bool stale; /* my disk was lost while the peer's went on, and has not caught up since */
        bool maintenance;
        bool pinned;         /* `become` put the configured slave in charge: no failback */
        uint64_t generation; /* of the replicated disk, as last seen */
        uint64_t peer_generation;
        struct {
                uint64_t epoch; /* 0: none */
                ElectRole from; /* configured role of the node that handed over */
                uint64_t generation;
        } handover;
        uint64_t forced_epoch; /* of the last operator's force; 0: none */
        uint64_t apart_usec;   /* CLOCK_REALTIME: the disks have differed since; 0: they are the same */
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
        ElectRole role; /* running role */
        ElectRole configured;
        uint64_t epoch;
        uint32_t instance;      /* of this electd: changes with every start; never 0 */
        uint32_t seq;           /* counts changes of what is above and below, not of the echo */
        uint32_t echo_instance; /* the peer's instance and seq as last heard; 0: not heard now */
        uint32_t echo_seq;
        uint32_t digest; /* of the configuration */
        bool sole;       /* durable ones */
        bool elig;
        bool able;         /* would take over if asked: active, healthy, addresses and disk at hand */
        bool carrier_down; /* of the primary LAN; unknown counts as up */
        bool maintenance;
        bool leaving;
        bool gone; /* left in order: holds nothing and takes nothing any more */
        bool volume;
        bool connected; /* own view of replication */
        bool primary;
        bool up_to_date;
        bool asking; /* a PREQ of ours is outstanding */
        bool pinned;
        bool knows_macs; /* FACTS of the echoed instance have arrived */
} ElectRecord;

/* Types go over the wire: append only. An unknown one is ignored, never consent. */
typedef enum ElectMessageType {
        ELECT_MSG_INVALID,
        ELECT_MSG_PREQ,     /* please hand over to me */
        ELECT_MSG_HANDOVER, /* done: I am demoted, take it under this epoch */
        ELECT_MSG_REFUSED,  /* your PREQ, TAKEOVER or OUTDATE of this nonce is refused */
        ELECT_MSG_TAKEOVER, /* please send me a PREQ */
        ELECT_MSG_OUTDATE,  /* may I be sole? */
        ELECT_MSG_OUTDATED, /* yes: I am barred, durably */
        ELECT_MSG_ELIGIBLE, /* you hold everything and may promote again */
        ELECT_MSG_LEAVING,
        ELECT_MSG_LEAVING_ACK,
        ELECT_MSG_SESSION,  /* my nonce of this replication connection, and yours as I know it */
        ELECT_MSG_FACTS,    /* my MACs */
        ELECT_MSG_HISTORY,  /* split brain: what I wrote alone */
        ELECT_MSG_RESOLVE,  /* split brain: an operator says whose data stay; take your part */
        ELECT_MSG_RESOLVED, /* I do */
        ELECT_MSG_MAX,
} ElectMessageType;

typedef struct ElectMessage {
        ElectMessageType type;
        ElectReason reason;
        ElectResult result;   /* REFUSED: why */
        uint32_t instance;    /* of the sender's electd */
        uint32_t to_instance; /* of the receiver's, as known to the sender; another is refused */
        uint64_t session; /* SESSION: the sender's nonce; else the session both agreed on, 0 without volume
                           */
        uint64_t nonce;   /* SESSION: the receiver's nonce as known; else names the request */
        uint64_t epoch;
        uint64_t generation;
        bool up_to_date;      /* HANDOVER: "you have UpToDate data" */
        bool in_session;      /* SESSION: the sender has no question left */
        ElectRole keep;       /* RESOLVE: configured role of the node whose data stay */
        ElectHistory history; /* HISTORY, in place of session, nonce and generation */
        uint8_t n_macs;       /* FACTS */
        uint8_t macs[ELECT_MACS_MAX][ELECT_MAC_SIZE];
} ElectMessage;

typedef enum ElectEventType {
        ELECT_EV_TIMER, /* the deadline of ELECT_ACT_TIMER passed */
        ELECT_EV_SETTINGS,
        ELECT_EV_PEER,     /* hbd: state, boot id and instance of the peer */
        ELECT_EV_HBD_GONE, /* connection to hbd lost: everything it said is unknown */
        ELECT_EV_RECORD,   /* of the peer: changed, or its age crossed the limit */
        ELECT_EV_MESSAGE,
        ELECT_EV_PATHS,
        ELECT_EV_ADDRESSES, /* vipd: (re)connected or changed: what it holds, our MACs */
        ELECT_EV_VIPD_GONE,
        ELECT_EV_LINK,     /* carrier of the primary LAN */
        ELECT_EV_ANSWERED, /* somebody else answers for a virtual IP (while probing) */
        ELECT_EV_REACHED,  /* whether the peer's kernel answers at the replication link (while probing) */
        ELECT_EV_CONFLICT, /* somebody else answers for a virtual IP we hold, or no longer */
        ELECT_EV_GATEWAY,
        ELECT_EV_HEALTH, /* services and disks of this node */
        ELECT_EV_VOLUME,
        ELECT_EV_FENCE_ASKED, /* the kernel's fence-peer handler waits for an answer */
        ELECT_EV_REQUEST,     /* operator */
        ELECT_EV_ORDER_DONE,
        ELECT_EV_SAVED,   /* every memory up to this number is durable */
        ELECT_EV_LATE,    /* own loop was late by so much; comes before whatever was queued meanwhile */
        ELECT_EV_STOP,    /* orderly stop of this node */
        ELECT_EV_PROBING, /* vipd has begun to ask who answers: the answer to ELECT_ACT_PROBE, on */
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
                        bool held;      /* vipd's last order, of this kernel boot, was to hold them */
                        uint64_t epoch; /* the highest under which it was told to acquire; 0: none */
                        uint8_t n_macs;
                        uint8_t macs[ELECT_MACS_MAX][ELECT_MAC_SIZE];
                        bool usable; /* every enabled address has its device here */
                } addresses;
                ElectVerdict link; /* BAD: no carrier */
                ElectVerdict gateway;
                struct {
                        uint8_t mac[ELECT_MAC_SIZE];
                        bool present; /* CONFLICT: it answers / it no longer does */
                } answer;
                struct {
                        bool answered; /* false: none of the last questions, though it used to */
                        uint64_t usec; /* as of when */
                } reached;
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
        bool echoed; /* the peer's record answers this electd */
        ElectVerdict link;
        bool peer_carrier_down;
        ElectVerdict gateway;
        bool probing;
        bool peer_answers; /* one of its MACs answers for a virtual IP */
        bool sole, elig;
        bool connected, primary;
        ElectDisk disk, peer_disk;
        ElectOrder order; /* ORDER_FAILED: which, and how */
        int error;
} ElectDecision;

typedef enum ElectActionType {
        ELECT_ACT_SAVE, /* make `memory` durable, then SAVED(number); later ones supersede earlier */
        ELECT_ACT_PUBLISH,
        ELECT_ACT_SEND,
        ELECT_ACT_ORDER,    /* ORDER_DONE with the same id within the limit, or -ETIMEDOUT */
        ELECT_ACT_PROBE,    /* on/off: who answers for the virtual IPs */
        ELECT_ACT_TIMER,    /* one timer: replaces the previous; USEC_INFINITY: none */
        ELECT_ACT_DECISION, /* log it and keep it for `why` */
        ELECT_ACT_REPLY,    /* to the operator */
        ELECT_ACT_FENCE_ANSWER,
        ELECT_ACT_REBOOT,  /* this node cannot be made safe otherwise */
        ELECT_ACT_STOPPED, /* left in order: say goodbye and exit */
        ELECT_ACT_MAX,
} ElectActionType;

/* An order as it is given: ORDER_DONE with the same id follows. */
typedef struct ElectCommand {
        ElectOrder order;
        bool force; /* PRIMARY: a disk that is not the newest, because an operator says so */
        bool alone; /* START: no peer is there that waits to run the slave's services */
        uint64_t id;
        uint64_t epoch;
        uint64_t limit_usec;
} ElectCommand;

typedef struct ElectAction {
        ElectActionType type;
        union {
                struct {
                        uint64_t number;
                        ElectMemory memory;
                } save;
                ElectRecord record;
                ElectMessage message;
                ElectCommand order;
                bool probe;
                uint64_t timer_usec;
                ElectDecision decision;
                struct {
                        uint64_t token;
                        ElectResult result;
                } reply;
                uint8_t fence_answer; /* ELECT_FENCE_* */
                ElectReason reboot;
        };
} ElectAction;

typedef struct ElectActions {
        size_t n;
        bool overflow; /* more than fit: a bug, an action was lost */
        ElectAction action[ELECT_ACTIONS_MAX];
} ElectActions;

/*
 * Fixed little-endian layouts of elect-codec.c, without the MAC, which the caller adds and checks. Decoding
 * returns -EBADMSG for what is not one, -EPROTONOSUPPORT for a version that is not spoken, and nothing else.
 */
#define ELECT_RECORD_SIZE      32
#define ELECT_MESSAGE_SIZE_MIN 48 /* FACTS carry their MACs behind it */
#define ELECT_MESSAGE_SIZE_MAX (ELECT_MESSAGE_SIZE_MIN + ELECT_MACS_MAX * ELECT_MAC_SIZE)
#define ELECT_MEMORY_SIZE      144
#define ELECT_MEMORY_SIZE_OLD  136 /* of version 1 */
void elect_record_encode(const ElectRecord *record, uint8_t ret_bytes[ELECT_RECORD_SIZE]);
int elect_record_decode(const uint8_t *bytes, size_t size, ElectRecord *ret_record);
size_t elect_message_encode(const ElectMessage *message, uint8_t ret_bytes[ELECT_MESSAGE_SIZE_MAX]);
int elect_message_decode(const uint8_t *bytes, size_t size, ElectMessage *ret_message);
void elect_memory_encode(const ElectMemory *memory, uint8_t ret_bytes[ELECT_MEMORY_SIZE]);
int elect_memory_decode(const uint8_t *bytes, size_t size, ElectMemory *ret_memory);

/* As the D-Bus interface and the journal spell them; NULL for no such value. */
const char *elect_role_to_string(ElectRole role);
const char *elect_state_to_string(ElectState state);
const char *elect_reason_to_string(ElectReason reason);
const char *elect_result_to_string(ElectResult result);
const char *elect_order_to_string(ElectOrder order);
const char *elect_disk_to_string(ElectDisk disk);
const char *elect_message_to_string(ElectMessageType type);
const char *elect_peer_state_to_string(ElectPeerState state);
