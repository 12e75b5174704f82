/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reliable messages: fragments, acknowledgements, repetition. */
#include "services/hbd/reliable.h"

#include <string.h>

static const struct {
        const char *name;
        size_t bytes;
} channels[CHANNEL_MAX] = {
        [CHANNEL_ELECTION] = { "election", RELIABLE_ELECTION_BYTES },
        [CHANNEL_CONFIG] = { "config", RELIABLE_CONFIG_BYTES },
};

const char *channel_to_string(Channel channel)
{
        return channel >= 0 && channel < CHANNEL_MAX ? channels[channel].name : "unknown";
}

Channel channel_from_string(const char *name)
{
        for (unsigned c = 0; c < CHANNEL_MAX; c++)
                if (strcmp(channels[c].name, name) == 0)
                        return (Channel) c;
        return CHANNEL_INVALID;
}

size_t reliable_memory_size(void)
{
        size_t size = 0;

        for (unsigned c = 0; c < CHANNEL_MAX; c++)
                size += 2 * channels[c].bytes;
        return size;
}

void reliable_init(Reliable *r, uint8_t *memory)
{
        memset(r, 0, sizeof(*r));
        for (unsigned c = 0; c < CHANNEL_MAX; c++) {
                r->out[c].ring = memory;
                r->in[c].bytes = memory + channels[c].bytes;
                r->out[c].capacity = r->in[c].capacity = channels[c].bytes;
                r->out[c].message = 1;
                memory += 2 * channels[c].bytes;
        }
}

int reliable_send(Reliable *r, Channel channel, const uint8_t *bytes, size_t size, uint64_t now_usec,
                  uint64_t *ret_id)
{
        Outbox *o = &r->out[channel];
        size_t tail, first;

        if (size > o->capacity)
                return -EMSGSIZE;
        if (o->queued == RELIABLE_QUEUE_MAX || size > o->capacity - o->used)
                return -ENOBUFS;

        tail = (o->head + o->used) % o->capacity;
        first = size < o->capacity - tail ? size : o->capacity - tail;
        if (size > 0) {
                memcpy(o->ring + tail, bytes, first);
                memcpy(o->ring, bytes + first, size - first);
        }

        if (o->queued == 0) {
                o->progress_usec = now_usec;
                o->again_usec = 0;
        }
        o->used += size;
        o->queue[o->queued].size = (uint32_t) size;
        o->queue[o->queued++].id = *ret_id = ++r->last_id;
        return 0;
}

/* An empty message has a fragment too: one without bytes. */
static bool has_unsent(const Outbox *o)
{
        return o->sent < o->queue[0].size || (o->queue[0].size == 0 && o->again_usec == 0);
}

bool reliable_next_fragment(Reliable *r, uint64_t now_usec, size_t room, size_t window, uint64_t again_usec,
                            Fragment *ret_fragment)
{
        for (unsigned c = 0; c < CHANNEL_MAX; c++) {
                Outbox *o = &r->out[c];
                size_t at, size;

                if (o->queued == 0)
                        continue;
                if (o->again_usec > 0 && now_usec >= o->again_usec) {
                        o->sent = o->acknowledged;
                        o->again_usec = 0;
                }
                if (!has_unsent(o) || (o->sent > o->acknowledged && o->sent - o->acknowledged >= window))
                        continue;

                /* A fragment ends where the ring wraps, so that its bytes lie in one piece. */
                at = (o->head + o->sent) % o->capacity;
                size = o->queue[0].size - o->sent;
                if (size > room)
                        size = room;
                if (size > o->capacity - at)
                        size = o->capacity - at;

                *ret_fragment = (Fragment){ (Channel) c,      o->message,   o->sent,
                                            o->queue[0].size, o->ring + at, size };
                o->sent += (uint32_t) size;
                o->again_usec = now_usec + again_usec;
                return true;
        }
        return false;
}

uint64_t reliable_next_usec(const Reliable *r)
{
        uint64_t next = UINT64_MAX;

        for (unsigned c = 0; c < CHANNEL_MAX; c++)
                if (r->out[c].queued > 0 && r->out[c].again_usec < next)
                        next = r->out[c].again_usec;
        return next;
}

/* Takes the message under way out of the queue; the next one starts with a number of its own. */
static uint64_t pop(Outbox *o, uint64_t now_usec)
{
        uint64_t id = o->queue[0].id;

        o->head = (o->head + o->queue[0].size) % o->capacity;
        o->used -= o->queue[0].size;
        o->queued--;
        memmove(o->queue, o->queue + 1, o->queued * sizeof(o->queue[0]));
        o->message++;
        o->sent = o->acknowledged = 0;
        o->progress_usec = now_usec;
        o->again_usec = 0;
        return id;
}

uint64_t reliable_acknowledged(Reliable *r, const Ack *ack, uint64_t now_usec)
{
        Outbox *o = &r->out[ack->channel];

        if (o->queued == 0 || ack->message != o->message || ack->received > o->queue[0].size)
                return 0;
        if (ack->received == o->queue[0].size)
                return pop(o, now_usec);

        if (ack->received > o->acknowledged) {
                o->acknowledged = ack->received;
                o->progress_usec = now_usec;
                if (o->sent < o->acknowledged)
                        o->sent = o->acknowledged;
        }
        return 0;
}

int reliable_received(Reliable *r, const Fragment *fragment, Ack *ret_ack)
{
        Inbox *i = &r->in[fragment->channel];
        size_t skip;

        if (fragment->message == 0 || fragment->total > i->capacity || fragment->offset > fragment->total ||
            fragment->size > fragment->total - fragment->offset)
                return 0;

        *ret_ack = (Ack){ fragment->channel, fragment->message, fragment->total };
        if (fragment->message <= i->completed)
                return 1;
        if (fragment->message < i->message)
                return 0;
        if (fragment->message > i->message) {
                i->message = fragment->message;
                i->total = fragment->total;
                i->received = 0;
        } else if (fragment->total != i->total) {
                return 0;
        }

        /* Only what continues the beginning is kept; the rest comes again. */
        if (fragment->offset <= i->received && fragment->offset + fragment->size > i->received) {
                skip = i->received - fragment->offset;
                memcpy(i->bytes + i->received, fragment->bytes + skip, fragment->size - skip);
                i->received += (uint32_t) (fragment->size - skip);
        }

        ret_ack->received = i->received;
        if (i->received < i->total)
                return 1;
        i->completed = i->message;
        return 2;
}

uint64_t reliable_fail(Reliable *r)
{
        return reliable_fail_stuck(r, UINT64_MAX);
}

uint64_t reliable_fail_stuck(Reliable *r, uint64_t since_usec)
{
        for (unsigned c = 0; c < CHANNEL_MAX; c++)
                if (r->out[c].queued > 0 && r->out[c].progress_usec <= since_usec)
                        return pop(&r->out[c], r->out[c].progress_usec);
        return 0;
}

void reliable_forget(Reliable *r)
{
        for (unsigned c = 0; c < CHANNEL_MAX; c++)
                r->in[c].message = r->in[c].total = r->in[c].received = r->in[c].completed = 0;
}
