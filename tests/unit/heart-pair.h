/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two nodes' heartbeats against one another over simulated paths: no clock but the test's, no socket. */
#pragma once

#include <glib.h>

#include "services/hbd/heart.h"

#define DEAD  UINT64_C(300000)
#define DELAY UINT64_C(200)
#define T0    UINT64_C(5000000)

typedef struct Node Node;
typedef struct Net Net;

typedef struct Packet {
        uint64_t at;
        unsigned path;
        size_t size;
        uint8_t bytes[FRAME_MAX];
} Packet;

struct Node {
        Net *net;
        Node *peer;
        Heart *heart;
        HeartSelf self;
        GQueue in;    /* of Packet */
        unsigned cut; /* paths on which nothing that we send arrives */
        unsigned loss_percent;
        uint64_t pulse_usec; /* electd publishes again that often, 0: never */
        uint64_t published_usec;
        uint8_t record[RECORD_MAX];
        GByteArray *message; /* the last one received */
        unsigned messages, done, failed;
        HeartNews news; /* everything since cleared */
        unsigned peer_news, record_news;
        Packet last_sent;
        GQueue tape; /* of Packet: all that we sent, for the attacker */
        bool recording;
};

struct Net {
        uint64_t now;
        GRand *rand;
        Node a, b;
};

/* Makes and, again, restarts a node; the paths are `lan`, `replication` and, if asked for, `serial`. */
void node_start(Node *n, Net *net, Node *peer, uint8_t number, uint64_t instance, unsigned serial_paths);
void net_start(Net *net, unsigned serial_paths);
void net_stop(Net *net);

void net_run(Net *net, uint64_t usec);
/* Runs both nodes; one that is frozen gets no turn. */
void net_run_frozen(Net *net, uint64_t usec, const Node *frozen);

void assert_online(const Node *n);
