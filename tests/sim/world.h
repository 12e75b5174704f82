/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A world for two nodes: one clock, one queue of what happens when, one seed. What decides in it is real
 * code: the election core, and hbd's judge of who lives. Everything around them is played here: links that
 * lose, delay, reorder and double, disks with fsync, addresses that answer ARP, processes that die, stop and
 * come back, nodes that lose power or freeze, and a replicated volume. The same seed and the same script
 * give the same run.
 *
 *   world.c     clock, queue, chance
 *   net.c       links
 *   node.c      power, freezing, daemons' lives
 *   heart.c     hbd: beats, the peer's record, reliable messages
 *   director.c  electd: feeds the core and does what it says; its memory on disk
 *   address.c   vipd and who answers for the virtual IP
 *   drbd.c      the kernel's replicated device; drbd-meet.c: two of them find each other
 *   volume.c    replicd, and the client that writes
 *   check.c     what must hold after every step
 *   script.c    scenario files: steps.c, steps-volume.c: steps; expect.c: expectations
 *   random.c    scripts made by chance
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macros.h"
#include "services/electd/elect.h"
#include "services/hbd/liveness.h"
#include "services/hbd/stamp.h"

#define NODES        2
#define MASTER_NODE  0 /* by configuration */
#define SLAVE_NODE   1
#define OTHER(node)  (1 - (node))
#define MESSAGES_MAX 16
#define ORDERS_MAX   16
#define TOKENS_MAX   64

typedef enum Link {
        LINK_LAN,
        LINK_REPLICATION,
        LINK_SERIAL,
        LINK_MAX,
} Link;

/* Who a piece of work belongs to: it waits while its owner is stopped and is void when its owner has died.
 */
typedef enum Daemon {
        DAEMON_HBD,
        DAEMON_ELECTD,
        DAEMON_VIPD,
        DAEMON_REPLICD, /* of pairs with a volume */
        DAEMON_KERNEL,
        DAEMON_MAX,
} Daemon;

typedef enum WorkType {
        WORK_BOOT,     /* kernel of a node that is off */
        WORK_START,    /* kernel: start the daemon `number` */
        WORK_WATCHDOG, /* kernel: kill the daemon `number` if it is still stopped */
        WORK_POWER_OFF,
        WORK_BEAT, /* hbd: send on the path `number` */
        WORK_JUDGE,
        WORK_FRAME,
        WORK_MESSAGE,
        WORK_ACK,
        WORK_RESEND,
        WORK_HEAR, /* electd: an event for the core */
        WORK_TIMER,
        WORK_SAVED,
        WORK_LIMIT, /* electd: the order `number` has taken too long */
        WORK_ORDER, /* vipd, replicd or kernel: do it */
        WORK_PROBE,
        WORK_LEDGER,
        WORK_WATCH,       /* vipd: look at its addresses and who else has them */
        WORK_REPLICATION, /* kernel: look at the connection */
        WORK_SYNCED,
        WORK_THAWED, /* kernel: the I/O that the `number`th freeze held up goes on */
        WORK_WRITE,
        WORK_ACKNOWLEDGE,
        WORK_MAX,
} WorkType;

typedef struct Frame {
        uint64_t instance; /* of the sending hbd: later ones are larger */
        uint64_t sequence;
        uint8_t boot_id[ELECT_BOOT_ID_SIZE];
        bool has_record;
        ElectRecord record;
        uint64_t age_usec;
        bool goodbye;
} Frame;

typedef struct Letter {
        uint64_t instance, to_instance; /* of the hbds */
        uint64_t id;
        ElectMessage message;
} Letter;

typedef struct Order {
        ElectOrder order;
        bool force;
        uint64_t id, epoch;
} Order;

typedef struct Work {
        uint64_t when_usec, sequence;
        unsigned node;
        Daemon daemon;
        uint32_t life; /* of its owner; 0: of whoever owns it then */
        WorkType type;
        uint64_t number;
        uint64_t arrived_usec; /* when the kernel had it … */
        uint64_t stamp_usec;   /* … by the node's wall clock */
        struct Work *next;     /* parked, or free */
        union {
                ElectEvent event;
                Frame frame;
                Letter letter;
                Order order;
        };
} Work;

typedef struct Hbd {
        uint64_t instance;
        uint64_t sequence, heard_sequence;
        Liveness liveness;
        Stamper stamper;
        PeerState told; /* electd */
        uint64_t judge_usec;
        uint64_t peer_instance;
        uint8_t peer_boot_id[ELECT_BOOT_ID_SIZE];
        bool has_peer_record, stale;
        ElectRecord peer_record;
        bool has_record, goodbye;
        ElectRecord record; /* published by our electd */
        struct {
                bool used;
                Letter letter;
                uint64_t until_usec;
        } outbox[MESSAGES_MAX];
        uint64_t message_ids;
        uint64_t received[MESSAGES_MAX]; /* ids of this peer instance, to deliver each once */
        unsigned received_at;
} Hbd;

/* Two slots, written in turn; the one under way is unreadable until it is whole. */
typedef struct Disk {
        struct {
                bool valid;
                uint64_t generation;
                ElectMemory memory;
        } slot[2];
        int writing; /* slot, or -1 */
        ElectMemory flying;
        uint64_t flying_number;
        bool waiting;
        ElectMemory next;
        uint64_t next_number;
} Disk;

typedef struct Director {
        ElectCore core;
        uint64_t timer_usec;
        uint64_t silent_since_usec; /* not running since; USEC_INFINITY: it runs */
        struct {
                bool used;
                Order order;
                Daemon by;
        } orders[ORDERS_MAX];
        uint64_t decided[ELECT_REASON_MAX];
        uint64_t inbox_usec[DAEMON_MAX]; /* what one helper says stays in order */
} Director;

typedef struct Vipd {
        uint64_t epoch;
        bool held; /* the ledger: electd's last order in this boot */
        bool ordered;
        bool probing, conflict, carrier_told;
        bool asked, answered;  /* the peer's kernel, at the replication link: the last question */
        unsigned unanswered;   /* in a row */
        uint64_t reached_usec; /* it answered last */
        uint64_t probing_usec; /* since */
} Vipd;

typedef enum DrbdNet {
        DRBD_DOWN, /* not configured */
        DRBD_STANDALONE,
        DRBD_CONNECTING,
        DRBD_CONNECTED,
} DrbdNet;

typedef enum Platter {
        PLATTER_GOOD,
        PLATTER_FAILED,  /* every access is an error */
        PLATTER_STALLED, /* nothing is answered */
} Platter;

/* Beside the data, on the same disk. */
typedef struct DrbdMeta {
        uint64_t current, bitmap, history[2]; /* generations; 0: none */
        ElectDisk disk;
        bool peer_older, crashed; /* as primary */
} DrbdMeta;

/* A node's half of the replicated device. */
typedef struct Drbd {
        DrbdNet net;
        bool primary, frozen;
        bool new_generation; /* begins when frozen I/O goes on */
        uint64_t freezes;
        bool discard;   /* connects with discard-my-data */
        bool attaching; /* as soon as disk and peer answer */
        ElectDisk disk;
        ElectDisk peer_disk; /* as last known */
        uint64_t connection;
        uint64_t exposed;           /* generation that a primary without a disk has shown to its users */
        uint64_t silent_since_usec; /* the peer does not answer on the link since */
        uint64_t backlog_usec;      /* a resync from here takes so much longer */
        Platter platter;
        uint64_t stalled_usec; /* a write waits for the disk since; 0: none */
        DrbdMeta meta;
        uint64_t data; /* one bit a write */
} Drbd;

/* replicd, the file system, and the client's writes. */
typedef struct Volume {
        bool mounted, split_brain, left;
        bool snapshot; /* of what was discarded */
        uint64_t in_flight;
        uint64_t rest_usec, connect_usec; /* the keeper's */
        Order promotion;                  /* waits for the fence handler's answer; id 0: none */
        unsigned fence_asked;
} Volume;

/* Power is lost around the moment at which the right to be master alone is on the disk. */
typedef enum Strike {
        STRIKE_NOT,
        STRIKE_BEFORE_RIGHT,
        STRIKE_AFTER_RIGHT,
} Strike;

typedef struct Node {
        bool power, frozen, leaving, reboots, busy;
        uint32_t life;
        uint64_t boot_usec;  /* world time of BOOTTIME zero */
        uint64_t pause_usec; /* frozen since */
        uint64_t wall_usec;  /* what the wall clock shows at BOOTTIME zero */
        uint8_t boot_id[ELECT_BOOT_ID_SIZE];
        bool carrier;
        bool address; /* the virtual IP is in this kernel */
        bool healthy;
        Strike strike;
        ElectVerdict gateway;
        uint32_t spoilt; /* orders that fail here, one bit each */
        struct {
                bool running, stopped;
                uint32_t life;
                uint64_t stopped_usec;
                uint64_t busy_usec; /* until then with the orders it has: one after the other */
                Work *parked, **tail;
                unsigned n_parked;
        } daemon[DAEMON_MAX];
        Hbd hbd;
        Director director;
        Vipd vipd;
        Drbd drbd;
        Volume volume;
        Disk disk;
        bool was_master; /* as last seen by the checks */
        unsigned said;   /* messages to the peer since said_usec */
        uint64_t said_usec;
} Node;

typedef struct Wire {
        bool cut[NODES]; /* what this node sends is lost */
        bool filtered;   /* heartbeats alone are lost, as by a firewall */
        unsigned loss_percent;
} Wire;

typedef struct Check {
        uint64_t both_since_usec;
        bool parted; /* something once came between the two nodes: they may meet as two masters */
        uint64_t calm_since_usec; /* no fault is present since; USEC_INFINITY: one is */
        uint64_t alone_since_usec[NODES];
        uint64_t unserved_since_usec;
        unsigned role_changes;
        int server; /* who served last, or -1 */
        unsigned moves;
        uint64_t acked; /* writes */
        bool forced;    /* an operator took what is lost upon themself */
        bool reverted;  /* and who puts back old disks, that a right of before is on them */
} Check;

/* Where the world itself lies, to prove that the checks see it. */
typedef enum Lie {
        LIE_NONE,
        LIE_FSYNC,    /* says durable, and is not */
        LIE_FREEZE,   /* a primary that lost its peer goes on acknowledging */
        LIE_PROBE,    /* nobody ever answers for the virtual IP */
        LIE_RECORD,   /* the peer's record never says master */
        LIE_WITHDRAW, /* done, and the address stays */
        LIE_MAX,
} Lie;

typedef struct World {
        uint64_t now_usec;
        uint64_t chance; /* state of the generator */
        uint64_t steps, sequence, instances;
        Work **queue;
        size_t n_queue, queue_size;
        Work *free;
        ElectSettings settings;
        bool split_risk; /* the operator has accepted what `paths` cannot rule out */
        Lie lie;
        Node node[NODES];
        Wire wire[LINK_MAX];
        bool stranger;
        bool full; /* the volume's file system */
        Check check;
        struct {
                Disk disk;
                DrbdMeta meta;
                uint64_t data;
        } copy[NODES]; /* of a node's disks; no generation: none was made */
        uint64_t connections;
        ElectResult result[TOKENS_MAX]; /* of operators' requests; ELECT_RESULT_MAX: none yet */
        uint64_t tokens;
        bool trace;
        char violation[256];
} World;

/* world.c */
World *world_new(const ElectSettings *settings, uint64_t seed);
World *world_free(World *w);
uint64_t world_chance(World *w, uint64_t below);
uint64_t world_between(World *w, uint64_t least, uint64_t most);
Work *world_plan(World *w, unsigned node, Daemon daemon, uint64_t delay_usec, WorkType type);
void world_unpark(World *w, Work *work);
void world_run(World *w, uint64_t until_usec);
bool world_step(World *w, uint64_t until_usec);
void world_violate(World *w, const char *format, ...) _printf_(2, 3);
void world_trace(World *w, const char *format, ...) _printf_(2, 3);
uint64_t node_usec(const World *w, unsigned node);
uint64_t node_wall_usec(const World *w, unsigned node);

/* net.c */
bool net_reaches(const World *w, Link link, unsigned from);
bool net_whole(const World *w, Link link);
Work *net_send(World *w, Link link, unsigned from, WorkType type, const Work *like);

/* node.c */
void node_boot(World *w, unsigned node);
void node_kill(World *w, unsigned node);
void node_halt(World *w, unsigned node, bool reboot);
void node_left(World *w, unsigned node);
void node_freeze(World *w, unsigned node);
void node_thaw(World *w, unsigned node);
void node_reset(World *w, unsigned node);
bool daemon_wanted(const World *w, Daemon daemon);
bool daemon_runs(const World *w, unsigned node, Daemon daemon);
bool daemon_acts(const World *w, unsigned node, Daemon daemon);
void daemon_kill(World *w, unsigned node, Daemon daemon);
void daemon_stop(World *w, unsigned node, Daemon daemon);
void daemon_continue(World *w, unsigned node, Daemon daemon);
void node_work(World *w, const Work *work);

/* heart.c */
void hbd_start(World *w, unsigned node);
void hbd_died(World *w, unsigned node);
void hbd_late(World *w, unsigned node, uint64_t late_usec);
void hbd_work(World *w, const Work *work);
void hbd_publish(World *w, unsigned node, const ElectRecord *record);
void hbd_goodbye(World *w, unsigned node);
void hbd_send(World *w, unsigned node, const ElectMessage *message);
void hbd_tell_all(World *w, unsigned node);

/* director.c */
void director_start(World *w, unsigned node);
void director_died(World *w, unsigned node);
void director_late(World *w, unsigned node, uint64_t late_usec);
void director_work(World *w, const Work *work);
void director_tell(World *w, unsigned node, const ElectEvent *event, uint64_t delay_usec);
void director_done(World *w, unsigned node, const Order *order, int error);
int director_spoilt(const World *w, unsigned node, ElectOrder order);
void director_helper_died(World *w, unsigned node, Daemon daemon);
uint64_t director_ask(World *w, unsigned node, ElectRequest request);
void disk_format(World *w, unsigned node);
void disk_crash(World *w, unsigned node);
void disk_flush(World *w, unsigned node);

/* address.c */
void vipd_start(World *w, unsigned node);
void vipd_died(World *w, unsigned node);
void vipd_work(World *w, const Work *work);
void vipd_link_changed(World *w, unsigned node);
void vipd_probe(World *w, unsigned node, bool on);
void vipd_strip(World *w, unsigned node);
void vipd_tell_all(World *w, unsigned node);
bool address_answers(const World *w, unsigned node);

/* drbd.c */
void drbd_begin(World *w);
void drbd_crash(World *w, unsigned node);
void drbd_look(World *w, unsigned node);
void drbd_synced(World *w, const Work *work);
void drbd_skip_first_sync(World *w);
void drbd_attach(World *w, unsigned node);
int drbd_promote(World *w, unsigned node, bool force);
void drbd_demote(World *w, unsigned node);
void drbd_thaw(World *w, unsigned node);
void drbd_thawed(World *w, const Work *work);
void drbd_fenced(World *w, unsigned node);
void drbd_disconnect(World *w, unsigned node);
int drbd_leave(World *w, unsigned node);
void drbd_connect(World *w, unsigned node, bool discard);
bool drbd_joined(const World *w);
bool drbd_carries(const World *w);
uint64_t drbd_data(const World *w, unsigned node);

/* volume.c */
void volume_boot(World *w, unsigned node);
void volume_crash(World *w, unsigned node);
void replicd_start(World *w, unsigned node);
void replicd_died(World *w, unsigned node);
void volume_tell(World *w, unsigned node);
void volume_work(World *w, const Work *work);
bool volume_writes(const World *w, unsigned node);
void volume_answer(World *w, unsigned node, uint8_t answer);
void volume_ask_fence(World *w, unsigned node);
void volume_joined(World *w, unsigned node);
void volume_refused(World *w, unsigned node, bool split_brain);

/* check.c */
void check_step(World *w);
void check_disturbed(World *w);
void check_parted(World *w);
bool check_exempt(const World *w);
void check_message(World *w, unsigned node);
bool check_calm(const World *w);
