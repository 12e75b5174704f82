/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan: which addresses should be in the kernel, which are, and what to do about the difference. Pure:
 * no clock, no I/O, no allocation. Events tell it what is wanted, what the kernel has and what was heard on
 * the link; plan_step() returns the next batch of actions, and plan_result() tells it how they went.
 * Everything is derived from the difference between wanted and present, never from the history of events, so
 * that a lost event, a crash or a repeated order cannot leave anything behind.
 *
 * How an address is put into the kernel: as a host address (/32, /128) without a prefix route. So it can
 * never become the primary of the node's own network, it does not vanish when the own address is taken away
 * for a moment, and it leaves the node's own routes alone; its configured prefix length says only in which
 * network it lies, and that network's route belongs to the own address. IPv6 addresses are added without
 * duplicate address detection, which takes up to two seconds, and deprecated: or a /128 would win the source
 * address selection (RFC 6724, rule 8) and the node's own connections would break at the next takeover.
 */
#pragma once

#include "packet.h"

#include "common/base/address.h"
#include "common/base/macros.h"

enum {
        PLAN_NAME_MAX = 64,
        PLAN_DEVICE_MAX = 16, /* IFNAMSIZ */
        PLAN_VIPS_MAX = 64,
        PLAN_SLOTS_MAX = 4096, /* addresses of all virtual IPs together */
        PLAN_LINKS_MAX = 1024,
        PLAN_STRAYS_MAX = 64,
        PLAN_ANSWERS_MAX = 4, /* told after one question: two nodes of a pair, and whoever intrudes */
        PLAN_SILENT = 5,      /* questions in a row without an answer */
        PLAN_BATCH = 100,     /* actions a step; measured: 1000 addresses in 17 ms, one by one 30 ms */
};

/* How long another host must be silent before its claim to one of our addresses counts as over. */
#define PLAN_QUIET_USEC (3500 * USEC_PER_MSEC)

/* Where an address is, or was recorded to be: a device and the prefix length that it has there. */
typedef struct PlanPlace {
        int ifindex; /* 0: nowhere */
        uint8_t prefix;
} PlanPlace;

/* One of the node's own addresses: it tells which device is meant. */
typedef struct PlanOwn {
        IpAddress address; /* family 0: none configured */
        PlanPlace place;
        bool seen; /* by the dump that is going on */
} PlanOwn;

typedef struct PlanLink {
        int ifindex; /* 0: free entry */
        char name[PLAN_DEVICE_MAX];
        uint8_t mac[MAC_SIZE];
        bool ethernet; /* announcing is possible */
        bool carrier;  /* up, and with carrier */
        bool router;   /* forwards IPv6 */
        bool relevant; /* once held one of our own addresses, or is the primary device */
        bool seen;
} PlanLink;

typedef struct PlanVip {
        char name[PLAN_NAME_MAX]; /* empty: free entry */
        bool enabled;
        bool loaded;
        IpAddress address; /* the virtual IP itself; aliases are further slots */
        PlanOwn own;
        int ifindex; /* the device: that of the own address; kept while held when that goes away; 0: none */
        IpAddress network; /* the own address with its prefix, as last seen there */
        uint64_t restored;
        uint64_t announced_usec;
        bool conflict;
        uint8_t conflict_mac[MAC_SIZE];
        uint64_t conflict_heard_usec;
        uint8_t answers; /* since the last question, and by whom: a flood must not become one of signals */
        uint8_t answer_mac[PLAN_ANSWERS_MAX][MAC_SIZE];
} PlanVip;

/*
 * The other end of the replication link, which shares a network with this one. That it is silent is said
 * only of questions that were asked, each of which had the time until the next; of nothing else.
 */
typedef struct PlanPeer {
        PlanOwn own;            /* this node's end */
        IpAddress address;      /* the peer's; family 0: there is no volume */
        int ifindex;            /* of the own end; 0: none */
        bool asked, answered;   /* the last question */
        uint64_t answered_usec; /* when it answered last; 0: never */
        bool known;             /* it answered while probing, or not long before */
        unsigned unanswered;    /* in a row */
        uint64_t silent_usec;   /* PLAN_SILENT of them or more, of a peer that used to answer; 0: not */
} PlanPeer;

/* An address that is wanted, present or recorded as ours. */
typedef struct PlanSlot {
        IpAddress address;  /* the prefix as configured, 0 when not given */
        int vip;            /* -1: no longer wanted */
        PlanPlace present;  /* in the kernel */
        PlanPlace recorded; /* in the ledger */
        bool seen;
        bool broken;       /* present but of no use: failed duplicate detection, or may still fail it */
        bool taken;        /* something else removed it while held */
        int error;         /* why it is not present, negative errno; 0 for no failure */
        uint64_t put_usec; /* when it was added last */
        uint64_t add_after_usec;
        uint64_t remove_after_usec;
        uint64_t announce_usec; /* when to announce next; USEC_INFINITY: not */
        uint8_t announced;      /* times since it came up */
        uint64_t disputed_usec; /* when another host claimed it last; 0: never */
} PlanSlot;

typedef struct PlanStray {
        int ifindex;
        IpAddress address;
} PlanStray;

typedef enum PlanHolding {
        PLAN_RELEASED, /* none of our addresses may be in the kernel */
        PLAN_KEPT,     /* after a restart: what the ledger lists stays until the first order or keep_until */
        PLAN_HELD,
        _PLAN_HOLDING_MAX,
        _PLAN_HOLDING_INVALID = -22, /* -EINVAL */
} PlanHolding;

typedef struct Plan {
        PlanHolding holding;
        uint64_t epoch; /* the highest of an order to acquire */
        uint64_t recorded_epoch;
        uint64_t keep_until_usec;
        bool probing;
        uint64_t question_usec; /* when to ask next who answers */
        bool loaded; /* settings have come; before that, what the ledger lists is all that is known */
        uint64_t dead_usec;
        char primary[PLAN_DEVICE_MAX];
        PlanOwn own;         /* the node's own address of the pair */
        int primary_ifindex; /* without a name: the device that has, or last had, the own address */
        bool listen;         /* a virtual IP moved to another device, or there are others: listen anew */
        PlanPeer peer;
        bool links_full; /* more links than the table takes: the rest can carry no virtual IP */
        bool resync;     /* the view of the kernel is incomplete: dump it again */

        PlanVip vips[PLAN_VIPS_MAX];
        PlanLink links[PLAN_LINKS_MAX];
        PlanStray strays[PLAN_STRAYS_MAX];
        size_t n_strays;
        PlanSlot slots[PLAN_SLOTS_MAX];
        size_t n_slots;
        uint16_t index[2 * PLAN_SLOTS_MAX]; /* hash of the address to slot + 1 */
} Plan;

typedef enum PlanActionType {
        PLAN_REMOVE,   /* delete the address from the kernel */
        PLAN_ADD,      /* put it there */
        PLAN_RECORD,   /* write the ledger from plan_entries(), then go on */
        PLAN_ANNOUNCE, /* tell the link; with `ask` also ask whether another host has it */
        PLAN_QUESTION, /* ask who has it */
        PLAN_QUIET,    /* the conflict over virtual IP `vip` is over */
        _PLAN_ACTION_MAX,
        _PLAN_ACTION_INVALID = -22,
} PlanActionType;

typedef struct PlanAction {
        PlanActionType type;
        int ifindex;
        IpAddress address; /* with the prefix it has, or is to have, in the kernel */
        IpAddress sender;  /* of a question */
        int slot;          /* -1: a stray */
        int vip;           /* -1: none */
        bool ask;
        bool restore; /* add: something else had removed it */
} PlanAction;

/* An entry of the ledger: an address that we put, or are about to put, into the kernel. */
typedef struct PlanEntry {
        int32_t ifindex;
        IpAddress address;
} PlanEntry;

/* What an event of the kernel means, for the log. */
typedef enum PlanNews {
        PLAN_NOTHING,
        PLAN_TAKEN,      /* something else removed an address that we hold */
        PLAN_FOREIGN,    /* an address of ours is where it must not be; it will be removed */
        PLAN_FAILED_DAD, /* the kernel gave up an address of ours as a duplicate; it will be added again */
        PLAN_OWN,        /* one of the node's own addresses came, went or moved */
} PlanNews;

enum { PLAN_ANSWERED = 1, PLAN_CONFLICT = 2, PLAN_REACHED = 4 };

/* `p` is all zero: memory from calloc(3), of which only what the tables come to use costs anything. */
void plan_init(Plan *p);

/* The ledger of the process before: kept until the first order, at most until `keep_until_usec`. */
void plan_restore(Plan *p, const PlanEntry *entries, size_t n, uint64_t epoch, uint64_t keep_until_usec);

/* Settings: begin, each virtual IP and its addresses, end. Dump the kernel afterwards (p->resync). */
void plan_load_begin(Plan *p, uint64_t dead_usec, const char *primary, const IpAddress *own);
void plan_load_peer(Plan *p, const IpAddress *own, const IpAddress *peer);
/* All of them before the first address. Returns its number; -E2BIG: too many, -ENAMETOOLONG, -EEXIST. */
_must_check_ int plan_load_vip(Plan *p, const char *name, bool enabled, const IpAddress *own);
/* The virtual IP's own address first, then aliases. -E2BIG: too many addresses; -EEXIST: another virtual IP
 * has it, or it is one of the node's own. */
_must_check_ int plan_load_address(Plan *p, int vip, const IpAddress *address);
void plan_load_end(Plan *p);

/* The question to the peer was not sent. */
void plan_unasked(Plan *p);

/* Orders. -ESTALE: a lower epoch than before; -ERANGE: one that jumps by more than 2^32. */
_must_check_ int plan_acquire(Plan *p, uint64_t epoch);
void plan_withdraw(Plan *p);
void plan_announce(Plan *p, uint64_t now_usec);
void plan_probe(Plan *p, bool on, uint64_t now_usec);

/* What the kernel says. Between begin and end everything must be told once; what was not told is gone. */
void plan_resync_begin(Plan *p);
void plan_resync_end(Plan *p);
/* Copies all but `relevant` and `seen` of `link`. */
void plan_link(Plan *p, const PlanLink *link, uint64_t now_usec);
void plan_link_gone(Plan *p, int ifindex);
void plan_forwarding(Plan *p, int ifindex, bool router);
/* `flags` as IFA_FLAGS of linux/if_addr.h. */
PlanNews plan_address(Plan *p, int ifindex, const IpAddress *address, uint32_t flags);
PlanNews plan_address_gone(Plan *p, int ifindex, const IpAddress *address);

/*
 * A host said on `ifindex` that it has `address`. Returns PLAN_ANSWERED (we asked) and PLAN_CONFLICT (we
 * hold it; only when that is new) as bits, and the virtual IP; PLAN_REACHED if it is the peer's end of the
 * replication link, and we asked; 0 when it does not matter.
 */
unsigned int plan_claim(Plan *p, int ifindex, const IpAddress *address, const uint8_t mac[MAC_SIZE],
                        uint64_t now_usec, int *ret_vip);

/* The next actions, all due now; 0: nothing to do before plan_next_usec(). */
size_t plan_step(Plan *p, uint64_t now_usec, PlanAction ret_actions[PLAN_BATCH]);
/* How a PLAN_ADD or PLAN_REMOVE went: 0 or negative errno. */
void plan_result(Plan *p, const PlanAction *action, int error, uint64_t now_usec);
/* The first moment at which plan_step() may have something to do; USEC_INFINITY: only after an event. */
uint64_t plan_next_usec(const Plan *p);
/* What the ledger must list after PLAN_RECORD. */
size_t plan_entries(const Plan *p, PlanEntry ret_entries[PLAN_SLOTS_MAX]);

/* How a virtual IP stands. */
typedef enum PlanState {
        PLAN_STATE_ABSENT,
        PLAN_STATE_HELD,
        PLAN_STATE_PARTIAL,
        PLAN_STATE_CONFLICT,
        PLAN_STATE_NO_DEVICE,
        PLAN_STATE_FAILED,
        PLAN_STATE_DISABLED,
        _PLAN_STATE_MAX,
        _PLAN_STATE_INVALID = -22,
} PlanState;

typedef struct PlanStatus {
        PlanState state;
        size_t wanted; /* addresses it should have, were it held */
        size_t present;
        int error;        /* of an address that the kernel refused, negative errno */
        int first_failed; /* its slot, -1: none */
} PlanStatus;

void plan_status(const Plan *p, PlanStatus ret_status[PLAN_VIPS_MAX]);
const PlanLink *plan_find_link(const Plan *p, int ifindex);
bool plan_link_is_primary(const Plan *p, const PlanLink *link);
/* Whether the node's own address of the pair, or its own address of a virtual IP, is on the device. */
bool plan_link_has_own(const Plan *p, const PlanLink *link);
