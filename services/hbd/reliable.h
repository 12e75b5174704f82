/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small messages that arrive whole, once and in order, or are reported as not delivered: cut into fragments,
 * acknowledged by the count of bytes received, sent again after a while. One message of a channel is under
 * way at a time, the others wait in a bounded ring. Message numbers grow for the life of an instance, so a
 * repeated fragment is known and only acknowledged again. Pure; the memory is the creator's.
 *
 * A message goes to the instance of the peer that is there now. When that is gone (lost, restarted), all
 * fail at once (reliable_fail), and what it had sent in part is forgotten (reliable_forget).
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of urgency. */
typedef enum Channel {
        CHANNEL_ELECTION,
        CHANNEL_CONFIG,
        CHANNEL_MAX,
        CHANNEL_INVALID = -EINVAL,
} Channel;

#define RELIABLE_ELECTION_BYTES 4096u
#define RELIABLE_CONFIG_BYTES   65536u
#define RELIABLE_QUEUE_MAX      16u

typedef struct Fragment {
        Channel channel;
        uint32_t message;
        uint32_t offset;
        uint32_t total;
        const uint8_t *bytes;
        size_t size;
} Fragment;

typedef struct Ack {
        Channel channel;
        uint32_t message;
        uint32_t received; /* bytes of it, without a gap */
} Ack;

typedef struct Outbox {
        uint8_t *ring; /* messages behind one another, the one under way first */
        size_t capacity;
        size_t head, used;
        struct {
                uint64_t id;
                uint32_t size;
        } queue[RELIABLE_QUEUE_MAX];
        unsigned queued;
        uint32_t message;            /* number of the one under way */
        uint32_t sent, acknowledged; /* bytes of it */
        uint64_t progress_usec;      /* it last moved on */
        uint64_t again_usec;         /* unless it moves on until then, send from `acknowledged` again */
} Outbox;

typedef struct Inbox {
        uint8_t *bytes;
        size_t capacity;
        uint32_t message; /* being received */
        uint32_t total;
        uint32_t received;
        uint32_t completed; /* highest number received whole */
} Inbox;

typedef struct Reliable {
        Outbox out[CHANNEL_MAX];
        Inbox in[CHANNEL_MAX];
        uint64_t last_id;
} Reliable;

/* What it needs: reliable_memory_size() bytes that outlive it. */
size_t reliable_memory_size(void);
void reliable_init(Reliable *r, uint8_t *memory);

/* Queues a message. -EMSGSIZE: larger than the channel takes. -ENOBUFS: too much is waiting already. */
int reliable_send(Reliable *r, Channel channel, const uint8_t *bytes, size_t size, uint64_t now_usec,
                  uint64_t *ret_id);

/*
 * The next fragment to send, at most `room` bytes of message, with no more than `window` bytes under way.
 * Returns false if there is none now. `again_usec` is how long to wait for an acknowledgement. The bytes
 * stay valid until the next call.
 */
bool reliable_next_fragment(Reliable *r, uint64_t now_usec, size_t room, size_t window, uint64_t again_usec,
                            Fragment *ret_fragment);

/* When something has to be sent again; UINT64_MAX: nothing is under way. */
uint64_t reliable_next_usec(const Reliable *r);

/* An acknowledgement came. Returns the id of the message if this completes one, else 0. */
uint64_t reliable_acknowledged(Reliable *r, const Ack *ack, uint64_t now_usec);

/*
 * A fragment came. 0: it fits nothing, drop it. 1: send ret_ack. 2: send ret_ack, and the channel's inbox
 * holds a whole message in bytes[0..total).
 */
int reliable_received(Reliable *r, const Fragment *fragment, Ack *ret_ack);

/* Takes one message that cannot be delivered any more out; returns its id, 0 when none is left. */
uint64_t reliable_fail(Reliable *r);

/* The same, but only for one that has not moved on since `since_usec`. */
uint64_t reliable_fail_stuck(Reliable *r, uint64_t since_usec);

/* The peer's instance is another one: its message numbers begin anew. */
void reliable_forget(Reliable *r);

const char *channel_to_string(Channel channel);
Channel channel_from_string(const char *name);
