/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One node's end of all heartbeats: what leaves when on which path, what of the frames that come in is
 * believed, what is known of the peer. It does no I/O and reads no clock: the edges hand it bytes and times
 * and give it a way to send; the bus asks it and forwards its news. Nothing is allocated after heart_new.
 *
 * How two instances meet: hellos go out until the other side is known. One that is authentic but of an
 * instance we do not know is answered with a hello that names it. A hello that names our own instance and
 * echoes one of the last few frames we sent proves its sender alive, and makes it the peer. From then on
 * beats carry the record; on a path where the peer does not echo us yet, hellos go along with them.
 */
#pragma once

#include "services/hbd/frame.h"
#include "services/hbd/grade.h"
#include "services/hbd/liveness.h"
#include "services/hbd/reliable.h"
#include "services/hbd/window.h"

#define PATH_NAME_MAX 32u

/* A serial line's byte takes ten bits. */
#define SERIAL_FRAME_USEC(baud) (UINT64_C(10000000) * 96 / (baud))

typedef enum PathKind {
        PATH_UDP,
        PATH_SERIAL,
        PATH_KIND_MAX,
        PATH_KIND_INVALID = -EINVAL,
} PathKind;

typedef struct HeartPath {
        bool used;
        char name[PATH_NAME_MAX + 1];
        uint32_t tag;
        PathKind kind;
        uint64_t interval_usec;
        uint64_t frame_usec;  /* serial: what one frame takes on the line */
        uint64_t next_usec;   /* the next regular frame */
        uint64_t sequence;    /* of the last frame sent */
        bool down;            /* the edge cannot send */
        bool introduced;      /* a hello went out since the peer is known */
        bool confirmed;       /* the peer echoes what we send here */
        bool urgent;          /* the line was busy when something new was to be told */
        uint64_t answer_usec; /* no hello is answered before */
        struct {
                uint64_t instance;
                uint64_t sequence;
                uint64_t received_usec;
        } echo; /* what we heard last, to be echoed */
        Window window;
        Grade grade;
} HeartPath;

/* electd's word and the farewell, as one side publishes them and the other has received them. */
typedef struct Word {
        uint8_t record[RECORD_MAX];
        size_t size;
        uint32_t serial; /* 1 to 16383; 0: nothing received */
        bool goodbye;
        uint64_t at_usec;  /* published, or received in the newest frame that carried it */
        uint64_t age_usec; /* received: how long the peer's electd had been silent when that frame left */
        bool stale;        /* received: that age is past the dead time */
} Word;

typedef struct HeartPeer {
        uint64_t instance; /* 0: not known yet */
        uint64_t counter;
        bool has_boot_id;
        uint8_t boot_id[BOOT_ID_BYTES];
        uint8_t send_key[FRAME_KEY_BYTES];
        uint8_t receive_keys[FRAME_KEYS_MAX][FRAME_KEY_BYTES];
        Word word;
} HeartPeer;

typedef struct HeartSelf {
        uint64_t instance;
        uint64_t counter;
        uint8_t boot_id[BOOT_ID_BYTES];
        FrameKey keys[FRAME_KEYS_MAX]; /* the first one seals, all open */
        unsigned n_keys;
} HeartSelf;

void heart_self_clear(HeartSelf *self);

typedef struct HeartConfig {
        char cluster[65];
        uint8_t node; /* 1 master, 2 slave, as configured */
        uint64_t dead_usec;
} HeartConfig;

typedef struct HeartOps {
        /* Sends one frame. -EAGAIN: the line is still busy with the one before. Else 0 or the path is down.
         */
        int (*send)(void *userdata, unsigned path, const uint8_t *frame, size_t size);
        void (*message)(void *userdata, Channel channel, uint64_t instance, const uint8_t *bytes,
                        size_t size);
        void (*message_done)(void *userdata, uint64_t id, bool delivered);
} HeartOps;

typedef enum PeerReason {
        PEER_REASON_SILENCE,
        PEER_REASON_HEARD,
        PEER_REASON_GOODBYE,
        PEER_REASON_RESTART,
        PEER_REASON_BOOT,
        PEER_REASON_MAX,
        PEER_REASON_INVALID = -EINVAL,
} PeerReason;

/* What happened since it was last asked for. */
typedef struct HeartNews {
        bool peer; /* the peer's state or instance changed, for this reason */
        PeerReason reason;
        bool record;     /* its record changed, or turned stale or fresh again */
        uint32_t judged; /* paths whose state changed, one bit each */
} HeartNews;

typedef struct Heart {
        HeartSelf self;
        HeartConfig config;
        uint32_t cluster_tag;
        HeartOps ops;
        void *userdata;
        uint64_t interval_usec;
        uint64_t base;      /* sequence numbers up to here were used by paths since dropped */
        uint64_t pump_usec; /* when a busy line may take the next fragment */
        HeartPath paths[PATHS_MAX];
        Liveness liveness;
        HeartPeer peer;
        Word word; /* ours */
        Reliable reliable;
        uint8_t *reliable_memory;
        FrameArena arena;
        uint64_t sent;
        uint64_t drops[FRAME_DROP_MAX]; /* FRAME_OK: received */
        HeartNews news;
} Heart;

int heart_new(const HeartSelf *self, const HeartOps *ops, void *userdata, Heart **ret_heart);
Heart *heart_free(Heart *h);

/* Cluster, node and dead time; other limits apply from now on, nothing that is known is forgotten. */
void heart_configure(Heart *h, const HeartConfig *config, uint64_t now_usec);

/* Adds a path (baud: 0 for UDP) in a free slot. -ENOBUFS: there is none. */
int heart_add_path(Heart *h, const char *name, PathKind kind, unsigned baud, uint64_t now_usec,
                   unsigned *ret_path);
void heart_drop_path(Heart *h, unsigned path);
void heart_path_down(Heart *h, unsigned path, bool down);

/* Sends what is due and judges; returns when to be called next. Sockets were drained if it could accuse. */
uint64_t heart_turn(Heart *h, uint64_t now_usec);
uint64_t heart_next_usec(const Heart *h);

/* Bytes from outside; `received_usec` is the kernel's time. Says what became of them, and counts it. */
FrameDrop heart_receive(Heart *h, unsigned path, const uint8_t *frame, size_t size, uint64_t received_usec,
                        uint64_t now_usec);

/* electd's record; a changed one leaves at once. -EINVAL: empty or too long. */
int heart_publish(Heart *h, const uint8_t *record, size_t size, uint64_t now_usec);

/* Says farewell on every path; once more at each call, for farewells get lost too. */
void heart_goodbye(Heart *h, uint64_t now_usec);

/* Queues a reliable message. -ENOTCONN: nobody there. Else as reliable_send(). */
int heart_send(Heart *h, Channel channel, const uint8_t *bytes, size_t size, uint64_t now_usec,
               uint64_t *ret_id);

/* We were late: drop nothing, accuse nobody, start the clocks again. Sockets are drained before. */
void heart_overslept(Heart *h, uint64_t now_usec);

/* True while the peer is heard here but has not echoed us for its dead time. */
bool heart_path_one_way(const Heart *h, unsigned path, uint64_t now_usec);

HeartNews heart_take_news(Heart *h);
const char *peer_reason_to_string(PeerReason reason);

/* Between heart.c and heart-receive.c. */
void heart_send_hello(Heart *h, unsigned path, uint64_t receiver, uint64_t echo, uint64_t echo_usec,
                      uint64_t now_usec);
void heart_send_regular(Heart *h, unsigned path, FrameKind kind, uint64_t now_usec);
void heart_send_ack(Heart *h, unsigned path, const Ack *ack, uint64_t now_usec);
void heart_fail_messages(Heart *h);
