/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of the frames that come in is believed, and what follows from it. */
#include <string.h>

#include "common/base/macros.h"
#include "services/hbd/heart.h"

/* A hello proves its sender alive if it echoes one of so many of our last frames on that path. */
#define PROOF_FRAMES   16u
#define HELD_UNIT_USEC 10u
#define HELD_MAX       0x1fffffu
#define SERIAL_MAX     0x3fffu

static const FrameKey *find_key(const Heart *h, uint8_t id, unsigned *ret_index)
{
        for (unsigned i = 0; i < h->self.n_keys; i++)
                if (h->self.keys[i].id == id) {
                        *ret_index = i;
                        return &h->self.keys[i];
                }
        return NULL;
}

/* Is `serial` newer than the one we have, on a circle of 16383? */
static bool serial_is_newer(uint32_t serial, uint32_t than)
{
        uint32_t ahead = (serial + SERIAL_MAX - than) % SERIAL_MAX;

        return than == 0 || (ahead != 0 && ahead < SERIAL_MAX / 2);
}

static void take_word(Heart *h, const Wire__Body *body, uint64_t received_usec)
{
        Word *w = &h->peer.word;
        bool changed, stale;

        if (body->serial == 0 || body->serial > SERIAL_MAX ||
            (body->serial != w->serial && !serial_is_newer(body->serial, w->serial)))
                return;

        changed = body->record.len != w->size ||
                  (w->size > 0 && memcmp(body->record.data, w->record, w->size) != 0);
        if (changed && body->record.len > 0)
                memcpy(w->record, body->record.data, body->record.len);
        w->size = body->record.len;
        w->serial = body->serial;
        w->goodbye = body->goodbye;
        w->at_usec = received_usec;
        w->age_usec = body->record_age_ms * USEC_PER_MSEC;
        stale = w->age_usec > h->config.dead_usec;
        h->news.record |= changed || (w->size > 0 && stale != w->stale);
        w->stale = stale;
        liveness_goodbye(&h->liveness, w->goodbye);
}

static void take_echo(HeartPath *p, const Wire__Body *body, uint64_t received_usec)
{
        bool told = body->held > 0 && body->held < HELD_MAX;

        if (body->echo != 0)
                grade_echo(&p->grade, (uint32_t) (body->echo & GRADE_ECHO_MASK),
                           told ? (uint64_t) (body->held - 1) * HELD_UNIT_USEC : UINT64_MAX, received_usec);
}

static void take_messages(Heart *h, unsigned path, const Wire__Body *body, uint64_t now_usec)
{
        uint64_t id;
        int r;

        if (body->ack && body->ack->channel < CHANNEL_MAX) {
                Ack ack = { (Channel) body->ack->channel, body->ack->message, body->ack->received };

                id = reliable_acknowledged(&h->reliable, &ack, now_usec);
                if (id > 0)
                        h->ops.message_done(h->userdata, id, true);
                h->pump_usec = MIN_OF(h->pump_usec, now_usec);
        }
        if (body->fragment && body->fragment->channel < CHANNEL_MAX) {
                const Wire__Fragment *f = body->fragment;
                Fragment fragment = { (Channel) f->channel, f->message, f->offset, f->total,
                                      f->data.data,         f->data.len };
                const Inbox *inbox = &h->reliable.in[fragment.channel];
                Ack ack;

                r = reliable_received(&h->reliable, &fragment, &ack);
                if (r > 0)
                        heart_send_ack(h, path, &ack, now_usec);
                if (r == 2)
                        h->ops.message(h->userdata, fragment.channel, h->peer.instance, inbox->bytes,
                                       inbox->total);
        }
}

/*
 * What a round trip is measured by. The frames of a serial line are said to be received when they can have
 * come at the earliest, so that nobody seems to live on; the way there and back took as long as until they
 * were read.
 */
static uint64_t measured_usec(const HeartPath *p, uint64_t received_usec, uint64_t now_usec)
{
        return p->kind == PATH_SERIAL ? now_usec : received_usec;
}

/* A frame of the peer's that is authentic, fresh and of its present instance. */
static FrameDrop believe(Heart *h, unsigned path, const FrameHead *head, uint64_t received_usec,
                         uint64_t now_usec)
{
        HeartPath *p = &h->paths[path];
        bool newest = !p->window.open || head->sequence > p->window.top;

        if (!window_is_fresh(&p->window, head->sequence))
                return FRAME_REPLAYED;
        window_accept(&p->window, head->sequence);
        /* Plain beats are read in their order and after what is urgent. */
        if (head->kind == FRAME_BEAT)
                window_settle(&p->window, head->sequence);
        /* One that a newer frame has overtaken says nothing of now: it may have been held back on purpose.
         */
        if (newest)
                liveness_heard(&h->liveness, path, received_usec);
        if (p->echo.instance != h->peer.instance || head->sequence > p->echo.sequence) {
                p->echo.instance = h->peer.instance;
                p->echo.sequence = head->sequence;
                p->echo.received_usec = measured_usec(p, received_usec, now_usec);
        }
        return FRAME_OK;
}

static FrameDrop receive_beat(Heart *h, unsigned path, FrameHead *head, const uint8_t *frame, size_t size,
                              uint64_t received_usec, uint64_t now_usec)
{
        HeartPath *p = &h->paths[path];
        Wire__Body *body = NULL;
        unsigned key = 0;
        FrameDrop drop;

        if (!find_key(h, head->key_id, &key))
                return FRAME_KEY_UNKNOWN;
        if (head->receiver != (h->self.instance & 0xffff))
                return FRAME_STALE;
        /* Without a hello on this path the upper half of its numbers is not known. */
        if (h->peer.instance == 0 || !p->window.open)
                return FRAME_UNPROVEN;

        head->sequence = window_expand(&p->window, (uint32_t) head->sequence);
        head->path = p->tag;
        if (!window_is_fresh(&p->window, head->sequence))
                return FRAME_REPLAYED;
        drop = frame_open(head, h->peer.receive_keys[key], frame, size, &h->arena, &body);
        if (drop != FRAME_OK)
                return drop;
        drop = believe(h, path, head, received_usec, now_usec);
        if (drop != FRAME_OK)
                return drop;

        take_word(h, body, received_usec);
        take_echo(p, body, measured_usec(p, received_usec, now_usec));
        p->confirmed = body->echo != 0;
        if (body->serial != 0)
                p->grade.loss_out = MIN_OF(body->loss_percent, 100u);
        take_messages(h, path, body, now_usec);
        return FRAME_OK;
}

/* Another instance has proved alive: it is the peer from now on. */
static void adopt(Heart *h, unsigned path, const FrameHead *head, const Wire__Body *body)
{
        HeartPeer *peer = &h->peer;
        bool again = peer->instance != 0, booted;

        booted = peer->has_boot_id && body->boot_id.len == BOOT_ID_BYTES &&
                 memcmp(peer->boot_id, body->boot_id.data, BOOT_ID_BYTES) != 0;
        heart_fail_messages(h);
        reliable_forget(&h->reliable);
        liveness_new_instance(&h->liveness);

        memset(&peer->word, 0, sizeof(peer->word));
        peer->instance = head->sender;
        peer->counter = head->counter;
        peer->has_boot_id = body->boot_id.len == BOOT_ID_BYTES;
        if (peer->has_boot_id)
                memcpy(peer->boot_id, body->boot_id.data, BOOT_ID_BYTES);
        frame_derive(&h->self.keys[0], h->config.cluster, h->self.instance, h->self.counter, peer->instance,
                     peer->send_key);
        for (unsigned i = 0; i < h->self.n_keys; i++)
                frame_derive(&h->self.keys[i], h->config.cluster, peer->instance, peer->counter,
                             h->self.instance, peer->receive_keys[i]);

        for (unsigned i = 0; i < PATHS_MAX; i++) {
                HeartPath *p = &h->paths[i];

                if (!p->used)
                        continue;
                window_reset(&p->window);
                memset(&p->echo, 0, sizeof(p->echo));
                p->introduced = p->confirmed = false;
                p->next_usec = 0;
        }
        h->news.peer = h->news.record = true;
        h->news.reason = booted ? PEER_REASON_BOOT : again ? PEER_REASON_RESTART : PEER_REASON_HEARD;
}

/* Does this hello of an instance we do not know prove that it lives now, and may it replace the one we know?
 */
static FrameDrop prove(const Heart *h, const HeartPath *p, const FrameHead *head, const Wire__Body *body)
{
        bool alive = h->liveness.state == PEER_ONLINE || h->liveness.state == PEER_LATE;

        /* Of an earlier start than the one that is there: a recording. */
        if (h->peer.instance != 0 && alive && head->counter < h->peer.counter)
                return FRAME_REPLAYED;
        if (head->receiver != h->self.instance || body->echo == 0 || body->echo > p->sequence ||
            p->sequence - body->echo >= PROOF_FRAMES)
                return FRAME_UNPROVEN;
        return FRAME_OK;
}

static FrameDrop check_hello(const Heart *h, const HeartPath *p, const FrameHead *head)
{
        if (head->cluster != h->cluster_tag)
                return FRAME_FOREIGN;
        if (head->path != (p->tag & 0xffff))
                return FRAME_WRONG_PATH;
        if (head->sender == h->self.instance || head->node == h->config.node || head->sender == 0)
                return FRAME_OWN;
        return FRAME_OK;
}

static FrameDrop receive_hello(Heart *h, unsigned path, FrameHead *head, const uint8_t *frame, size_t size,
                               uint64_t received_usec, uint64_t now_usec)
{
        HeartPath *p = &h->paths[path];
        uint8_t key[FRAME_KEY_BYTES];
        const FrameKey *shared;
        Wire__Body *body = NULL;
        unsigned index = 0;
        FrameDrop drop;

        drop = check_hello(h, p, head);
        if (drop != FRAME_OK)
                return drop;
        shared = find_key(h, head->key_id, &index);
        if (!shared)
                return FRAME_KEY_UNKNOWN;

        head->path = p->tag;
        frame_derive(shared, h->config.cluster, head->sender, head->counter, head->receiver, key);
        drop = frame_open(head, key, frame, size, &h->arena, &body);
        explicit_bzero(key, sizeof(key));
        if (drop != FRAME_OK)
                return drop;

        if (head->sender != h->peer.instance) {
                drop = prove(h, p, head, body);
                if (drop == FRAME_UNPROVEN && now_usec >= p->answer_usec) {
                        p->answer_usec = now_usec + p->interval_usec / 2;
                        heart_send_hello(h, path, head->sender, head->sequence, received_usec, now_usec);
                }
                if (drop != FRAME_OK)
                        return drop;
                adopt(h, path, head, body);
        }

        drop = believe(h, path, head, received_usec, now_usec);
        if (drop != FRAME_OK)
                return drop;
        /* A beat confirms that we are known; a hello may be a mere answer, one without echo has to be told.
         */
        if (head->receiver == h->self.instance)
                take_echo(p, body, measured_usec(p, received_usec, now_usec));
        else
                p->confirmed = false;
        return drop;
}

FrameDrop heart_receive(Heart *h, unsigned path, const uint8_t *frame, size_t size, uint64_t received_usec,
                        uint64_t now_usec)
{
        FrameHead head;
        FrameDrop drop;

        drop = frame_parse(frame, size, &head);
        if (drop == FRAME_OK && head.kind == FRAME_HELLO)
                drop = receive_hello(h, path, &head, frame, size, received_usec, now_usec);
        else if (drop == FRAME_OK)
                drop = receive_beat(h, path, &head, frame, size, received_usec, now_usec);
        h->drops[drop]++;
        return drop;
}
