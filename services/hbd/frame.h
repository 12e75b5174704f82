/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A heartbeat on the wire: a clear header, then a wire.Body (common/wire.proto) in XChaCha20-Poly1305 with
 * the header as associated data. Three kinds, all numbers big endian:
 *
 *   hello  version/kind 1 · key id 1 · node 1 · cluster tag 4 · path tag 2 · sender's instance 8 ·
 * receiver's instance 8 (0: not known yet) · sender's boot counter 8 · sequence 8 beat   version/kind 1 ·
 * key id 1 · low bits of the receiver's instance 2 · low bits of the sequence 4
 *
 * Hellos introduce two instances to each other; a hello that names our instance and echoes a frame we sent
 * just now proves that its sender lives now, without any clock. Beats then are as short as a serial line
 * needs. The key is BLAKE2b of the shared heartbeat key over cluster, sender's instance and boot counter,
 * receiver's instance: other in each direction and after each start. The nonce is kind, path and sequence,
 * which never repeat under such a key. No allocation, no I/O.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.pb-c.h"

#define FRAME_VERSION        1u
#define FRAME_LOWEST_VERSION 1u
#define FRAME_MAX            1200u
#define FRAME_KEY_BYTES      32u
#define FRAME_KEYS_MAX       2u
#define FRAME_MAC_BYTES      16u
#define FRAME_HELLO_BYTES    41u
#define FRAME_BEAT_BYTES     8u
#define RECORD_MAX           48u
#define BOOT_ID_BYTES        16u

typedef enum FrameKind {
        FRAME_HELLO = 1,
        FRAME_BEAT = 2,
        FRAME_URGENT = 3,
        FRAME_KIND_MAX,
        FRAME_KIND_INVALID = -EINVAL,
} FrameKind;

/* Why a frame is dropped; the first one is none. */
typedef enum FrameDrop {
        FRAME_OK,
        FRAME_TRUNCATED, /* too short, or its body cannot be read */
        FRAME_VERSION_UNKNOWN,
        FRAME_FOREIGN,     /* another cluster's */
        FRAME_WRONG_PATH,  /* meant for another path: crossed cables */
        FRAME_KEY_UNKNOWN, /* under a key that we do not have */
        FRAME_STALE,       /* meant for an earlier instance of ours */
        FRAME_OWN,         /* our own, or of a node that claims to be this one */
        FRAME_FORGED,      /* not authentic */
        FRAME_REPLAYED,    /* seen before, or too old to tell */
        FRAME_UNPROVEN,    /* authentic, but not yet proof of a living sender */
        FRAME_DROP_MAX,
        FRAME_DROP_INVALID = -EINVAL,
} FrameDrop;

typedef struct FrameKey {
        uint8_t id; /* from the key itself */
        uint8_t bytes[FRAME_KEY_BYTES];
} FrameKey;

typedef struct FrameHead {
        FrameKind kind;
        uint8_t key_id;
        uint8_t node;      /* hello: 1 the configured master, 2 the slave */
        uint32_t cluster;  /* hello */
        uint32_t path;     /* tag of the path's name; a hello shows its low half */
        uint64_t sender;   /* hello */
        uint64_t receiver; /* beat: the low 16 bits */
        uint64_t counter;  /* hello */
        uint64_t sequence; /* beat: the low 32 bits until completed by the caller */
} FrameHead;

/* Memory for one unpacked body; protobuf-c takes all it needs from here and fails when it is used up. */
typedef struct FrameArena {
        _Alignas(16) uint8_t bytes[4096];
        size_t used;
} FrameArena;

void frame_key_init(FrameKey *key, const uint8_t bytes[static FRAME_KEY_BYTES]);

/* The key from one instance to another; receiver 0: a first hello. */
void frame_derive(const FrameKey *shared, const char *cluster, uint64_t sender, uint64_t counter,
                  uint64_t receiver, uint8_t ret_key[static FRAME_KEY_BYTES]);

/* Short stand-in for a name. */
uint32_t frame_tag(const char *name);

/*
 * Builds a frame of at most `room` bytes. Leaves out what is a luxury when it would not fit (the loss, then
 * the time of holding); returns 0 when it cannot fit at all.
 */
size_t frame_seal(const FrameHead *head, const uint8_t key[static FRAME_KEY_BYTES], Wire__Body *body,
                  size_t room, uint8_t *ret_frame);

/* Reads the header, believing nothing. */
FrameDrop frame_parse(const uint8_t *frame, size_t size, FrameHead *ret_head);

/*
 * Authenticates and unpacks; `head` with the full sequence and the path it came in on. The body lives in the
 * arena until its next use.
 */
FrameDrop frame_open(const FrameHead *head, const uint8_t key[static FRAME_KEY_BYTES], const uint8_t *frame,
                     size_t size, FrameArena *arena, Wire__Body **ret_body);

const char *frame_drop_to_string(FrameDrop drop);
