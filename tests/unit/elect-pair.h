/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two election cores on a table: heartbeats, messages, disk and virtual IPs of a VIP-only pair, with a clock
 * that the test turns. Everything takes one millisecond; whatever can fail is a switch a test throws.
 */
#pragma once

#include "services/electd/elect.h"

#define PAIR_DEAD_USEC (300 * (uint64_t) 1000)
#define PAIR_QUEUE_MAX 256

typedef struct PairEvent {
        uint64_t when_usec;
        uint64_t order; /* of events at one moment: first in, first out */
        uint32_t life;  /* of the electd it is for: a dead one gets nothing */
        int node;
        ElectEvent event;
} PairEvent;

typedef struct PairNode {
        bool running;   /* its electd */
        bool booted;    /* its kernel: answers for the addresses it holds */
        bool disk_slow; /* saves never become durable */
        bool vipd;
        int order_error; /* of the next ACQUIRE or WITHDRAW */
        uint32_t life;
        uint32_t boots;
        ElectCore core;
        ElectMemory disk;
        ElectMemoryStatus disk_status;
        bool holds;
        uint64_t vipd_epoch;
        bool probing;
        bool aged;     /* the peer is told that this node's record is aged */
        bool hears;    /* frames of the peer arrive here */
        bool hbd_dead; /* its hbd reports nothing */
        uint64_t last_heard_usec;
        ElectPeerState told;
        ElectRecord record; /* as its hbd sends it */
        bool has_record;
        uint64_t timer_usec;
        ElectSettings settings;
        uint64_t promotions, demotions, announcements, stopped;
        ElectResult reply;
        uint64_t replied;
        ElectReason last_reason;
        bool heard_boot_changed;
} PairNode;

typedef struct Pair {
        uint64_t now_usec;
        uint64_t orders;
        PairNode node[2]; /* 0: the configured master */
        bool lan;         /* ARP passes between the nodes */
        bool both_held;   /* ever, at once, while lan was whole */
        uint64_t both_since_usec, both_longest_usec;
        PairEvent queue[PAIR_QUEUE_MAX];
        size_t n_queue;
} Pair;

void pair_init(Pair *pair);
void pair_boot(Pair *pair, int node);
void pair_crash(Pair *pair, int node); /* power off */
void pair_kill(Pair *pair, int node);  /* electd: SIGKILL */
void pair_start(Pair *pair, int node); /* electd again, in the same kernel boot */
void pair_give(Pair *pair, int node, const ElectEvent *event);
void pair_run(Pair *pair, uint64_t usec);
void pair_request(Pair *pair, int node, ElectRequest request);
void pair_link(Pair *pair, int node, ElectVerdict link);
/* -1: none, 0, 1, or 2 for both */
int pair_master(const Pair *pair);
