/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fragments and acknowledgements of a peer that may send anything. The input is a row of 14-byte commands;
 * whatever they say, no inbox holds more than it may, no message is completed twice, and the sender's books
 * balance.
 */
#include <stdlib.h>
#include <string.h>

#include "services/hbd/reliable.h"

#define COMMAND 14u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t number(const uint8_t *at)
{
        return (uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 | (uint32_t) at[3] << 24;
}

static void check(const Reliable *r)
{
        for (unsigned c = 0; c < CHANNEL_MAX; c++) {
                const Inbox *i = &r->in[c];
                const Outbox *o = &r->out[c];
                size_t used = 0;

                if (i->total > i->capacity || i->received > i->total || i->completed > i->message)
                        abort();
                for (unsigned q = 0; q < o->queued; q++)
                        used += o->queue[q].size;
                if (o->queued > RELIABLE_QUEUE_MAX || used != o->used || o->used > o->capacity ||
                    o->acknowledged > o->sent || (o->queued > 0 && o->sent > o->queue[0].size))
                        abort();
        }
}

static void receive(Reliable *r, Channel channel, const uint8_t *at)
{
        static const uint8_t bytes[1200];
        Fragment f = { channel, number(at),        number(at + 4) & 0x1ffff, number(at + 8) & 0x1ffff,
                       bytes,   (size_t) at[3] * 4 };
        uint32_t completed = r->in[channel].completed;
        Ack ack;
        int result;

        result = reliable_received(r, &f, &ack);
        if (result == 2 && r->in[channel].completed <= completed)
                abort();
        if (result > 0 && ack.received > f.total)
                abort();
}

static void step(Reliable *r, const uint8_t *at, uint64_t now)
{
        Channel channel = (Channel) (at[0] >> 2 & 1);
        static const uint8_t bytes[4000];
        Fragment f;
        uint64_t id;
        Ack ack;

        switch (at[0] & 3) {
        case 0:
                receive(r, channel, at + 1);
                break;
        case 1:
                if (reliable_send(r, channel, bytes, number(at + 1) % (sizeof(bytes) + 1), now, &id) < 0)
                        (void) reliable_fail(r);
                break;
        case 2:
                if (reliable_next_fragment(r, now, at[1] + 1u, 8192, 20000, &f) &&
                    (f.size > at[1] + 1u || f.offset + f.size > f.total))
                        abort();
                break;
        case 3:
                ack = (Ack){ channel, r->out[channel].message + at[1] % 2, number(at + 2) & 0x1fff };
                (void) reliable_acknowledged(r, &ack, now);
                break;
        }
        if (at[0] == 0xff)
                reliable_forget(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static uint8_t memory[2 * (RELIABLE_ELECTION_BYTES + RELIABLE_CONFIG_BYTES)];
        uint64_t now = 1000;
        Reliable r;

        if (reliable_memory_size() != sizeof(memory))
                abort();
        reliable_init(&r, memory);
        for (; size >= COMMAND; data += COMMAND, size -= COMMAND) {
                now += (uint64_t) data[13] * 500;
                step(&r, data, now);
                check(&r);
        }
        return 0;
}
