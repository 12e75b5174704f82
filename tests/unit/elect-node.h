/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One election core of a pair with a volume, whose disk, replication and peer the test plays by hand. Orders
 * are done at once; a disk that works saves at once.
 */
#pragma once

#include "common/base/macros.h"
#include "services/electd/elect.h"

#define NODE_DEAD_USEC (300 * USEC_PER_MSEC)
#define NODE_INSTANCE  7u
#define NODE_PEER      8u

typedef struct Node {
        ElectCore core;
        uint64_t now_usec;
        bool disk_works;
        bool holds_orders; /* none is done by itself */
        bool thaws_late;   /* the kernel goes on by node_thawed() only */
        ElectMemory disk;
        ElectMessage sent[ELECT_MSG_MAX]; /* the last of each type */
        uint64_t counts[ELECT_MSG_MAX];
        uint64_t orders[ELECT_ORDER_MAX];
        bool forced;                  /* the last PRIMARY was to be forced */
        int failing[ELECT_ORDER_MAX]; /* what the order comes to: 0 or a negative errno */
        ElectResult result;           /* of the last request */
        uint8_t fence_answer;
        bool rebooted, stopped;
        ElectVolume volume;
        ElectRecord peer;
} Node;

void node_give(Node *node, const ElectEvent *event);
void node_wait(Node *node, uint64_t usec);
void node_volume(Node *node);
void node_peer(Node *node, ElectPeerState state);
void node_record(Node *node);
void node_message(Node *node, ElectMessageType type, uint64_t nonce, uint64_t session);
/* Listening, with everything known and the peer heard as a standby; not connected. */
void node_started(Node *node, ElectRole configured, bool sole);
uint64_t node_session(const Node *node);
void node_connected(Node *node);
void node_dropped(Node *node);
void node_thawed(Node *node);
/* A slave of a whole pair: connected, in sync, eligible. */
void node_eligible_slave(Node *node, ElectRole configured);
/* The master of a whole pair. */
void node_whole_master(Node *node);
/* Replication drops, the peer is late, then lost. */
void node_silent_peer(Node *node);
