/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What leaves when, and the judgement of silence. What comes in is in heart-receive.c. */
#include "services/hbd/heart.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/macros.h"
#include "services/hbd/cobs.h"

#define INTERVAL_MIN_USEC  (3 * USEC_PER_MSEC)
#define SERIAL_MAX         0x3fffu /* of a word, not of a line: see wire.proto */
#define HELD_UNIT_USEC     10u
#define HELD_MAX           0x1fffffu
#define AGE_MAX_MSEC       0x1fffffu
#define FRAGMENT_OVERHEAD  26u /* of protobuf around the bytes, with echo and holding time */
#define FRAGMENTS_PER_TURN 8u
#define AGAIN_MIN_USEC     (10 * USEC_PER_MSEC)
#define AGAIN_MAX_USEC     USEC_PER_SEC
#define UDP_WINDOW_BYTES   8192u
#define STUCK_USEC         (10 * USEC_PER_SEC)

void heart_self_clear(HeartSelf *self)
{
        explicit_bzero(self, sizeof(*self));
}

int heart_new(const HeartSelf *self, const HeartOps *ops, void *userdata, Heart **ret_heart)
{
        Heart *h;

        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        h->reliable_memory = calloc(1, reliable_memory_size());
        if (!h->reliable_memory) {
                free(h);
                return -ENOMEM;
        }
        reliable_init(&h->reliable, h->reliable_memory);
        h->self = *self;
        h->ops = *ops;
        h->userdata = userdata;
        h->word.serial = 1;
        *ret_heart = h;
        return 0;
}

Heart *heart_free(Heart *h)
{
        if (!h)
                return NULL;
        heart_self_clear(&h->self);
        explicit_bzero(&h->peer, sizeof(h->peer));
        free(h->reliable_memory);
        free(h);
        return NULL;
}

/* Interval and limits of a path follow from the dead time; a serial line's from what it can carry, too. */
static void set_limits(Heart *h, unsigned path, uint64_t now_usec)
{
        HeartPath *p = &h->paths[path];
        uint64_t dead_usec = h->config.dead_usec;

        p->interval_usec = h->interval_usec;
        if (p->kind == PATH_SERIAL) {
                p->interval_usec = MAX_OF(h->interval_usec, 2 * p->frame_usec);
                dead_usec = MAX_OF(dead_usec, 3 * p->interval_usec);
        }
        p->next_usec = MIN_OF(p->next_usec, now_usec + p->interval_usec);
        liveness_set_path(&h->liveness, path, dead_usec / 2, dead_usec, now_usec);
}

void heart_configure(Heart *h, const HeartConfig *config, uint64_t now_usec)
{
        h->config = *config;
        h->cluster_tag = frame_tag(config->cluster);
        h->interval_usec = MAX_OF(config->dead_usec / 10, INTERVAL_MIN_USEC);
        for (unsigned i = 0; i < PATHS_MAX; i++)
                if (h->paths[i].used)
                        set_limits(h, i, now_usec);
}

int heart_add_path(Heart *h, const char *name, PathKind kind, unsigned baud, uint64_t now_usec,
                   unsigned *ret_path)
{
        for (unsigned i = 0; i < PATHS_MAX; i++) {
                HeartPath *p = &h->paths[i];

                if (p->used)
                        continue;
                memset(p, 0, sizeof(*p));
                p->used = true;
                strncpy(p->name, name, PATH_NAME_MAX);
                p->tag = frame_tag(p->name);
                p->kind = kind;
                p->frame_usec = kind == PATH_SERIAL ? SERIAL_FRAME_USEC(baud) : 0;
                p->sequence = h->base;
                p->next_usec = now_usec;
                p->down = true;
                set_limits(h, i, now_usec);
                *ret_path = i;
                return 0;
        }
        return -ENOBUFS;
}

void heart_drop_path(Heart *h, unsigned path)
{
        /* A path of the same name may come again: its numbers, so the nonces, must not. */
        h->base = MAX_OF(h->base, h->paths[path].sequence);
        h->paths[path].used = false;
        liveness_drop_path(&h->liveness, path);
}

void heart_path_down(Heart *h, unsigned path, bool down)
{
        h->paths[path].down = down;
        if (!down)
                h->paths[path].next_usec = 0;
}

static int send_frame(Heart *h, unsigned path, FrameHead *head, const uint8_t *key, Wire__Body *body,
                      uint64_t now_usec)
{
        HeartPath *p = &h->paths[path];
        uint8_t frame[FRAME_MAX];
        size_t size;
        int r;

        if (p->down)
                return -ENETDOWN;

        head->key_id = h->self.keys[0].id;
        head->path = p->tag;
        head->sequence = ++p->sequence;
        size = frame_seal(head, key, body, p->kind == PATH_SERIAL ? SERIAL_PAYLOAD_MAX : FRAME_MAX, frame);
        if (size == 0)
                return -EMSGSIZE;
        grade_sent(&p->grade, head->sequence, now_usec);
        r = h->ops.send(h->userdata, path, frame, size);
        if (r >= 0)
                h->sent++;
        return r;
}

static uint32_t held(uint64_t received_usec, uint64_t now_usec)
{
        uint64_t units = now_usec > received_usec ? (now_usec - received_usec) / HELD_UNIT_USEC : 0;

        return (uint32_t) MIN_OF(units + 1, (uint64_t) HELD_MAX);
}

void heart_send_hello(Heart *h, unsigned path, uint64_t receiver, uint64_t echo, uint64_t echo_usec,
                      uint64_t now_usec)
{
        FrameHead head = {
                .kind = FRAME_HELLO,
                .node = h->config.node,
                .cluster = h->cluster_tag,
                .sender = h->self.instance,
                .receiver = receiver,
                .counter = h->self.counter,
        };
        Wire__Body body = WIRE__BODY__INIT;
        uint8_t key[FRAME_KEY_BYTES];

        body.boot_id = (ProtobufCBinaryData){ BOOT_ID_BYTES, h->self.boot_id };
        body.lowest_version = FRAME_LOWEST_VERSION;
        if (receiver != 0) {
                body.echo = echo;
                body.held = held(echo_usec, now_usec);
        }
        frame_derive(&h->self.keys[0], h->config.cluster, head.sender, head.counter, receiver, key);
        send_frame(h, path, &head, key, &body, now_usec);
        explicit_bzero(key, sizeof(key));
}

static int send_beat(Heart *h, unsigned path, FrameKind kind, Wire__Body *body, uint64_t now_usec)
{
        FrameHead head = { .kind = kind, .receiver = h->peer.instance };
        const HeartPath *p = &h->paths[path];

        if (p->echo.instance == h->peer.instance) {
                body->echo = p->echo.sequence & GRADE_ECHO_MASK;
                body->held = held(p->echo.received_usec, now_usec);
        }
        return send_frame(h, path, &head, h->peer.send_key, body, now_usec);
}

/* The word of electd with all that grades the path. */
static int send_word(Heart *h, unsigned path, FrameKind kind, uint64_t now_usec)
{
        Wire__Body body = WIRE__BODY__INIT;
        uint64_t age_usec = now_usec > h->word.at_usec ? now_usec - h->word.at_usec : 0;

        body.serial = h->word.serial;
        body.goodbye = h->word.goodbye;
        body.record = (ProtobufCBinaryData){ h->word.size, h->word.record };
        if (h->word.size > 0)
                body.record_age_ms = (uint32_t) MIN_OF(age_usec / USEC_PER_MSEC, (uint64_t) AGE_MAX_MSEC);
        body.loss_percent = window_loss_percent(&h->paths[path].window);
        return send_beat(h, path, kind, &body, now_usec);
}

void heart_send_regular(Heart *h, unsigned path, FrameKind kind, uint64_t now_usec)
{
        HeartPath *p = &h->paths[path];

        if (!p->confirmed)
                heart_send_hello(h, path, p->echo.instance, p->echo.sequence, p->echo.received_usec,
                                 now_usec);
        if (h->peer.instance == 0)
                return;
        /* A beat that came with the very first hello would be taken for one of our earlier instance's. */
        if (p->introduced || p->echo.instance == h->peer.instance)
                p->urgent = send_word(h, path, kind, now_usec) == -EAGAIN && kind == FRAME_URGENT;
        p->introduced = true;
}

static void send_at_once(Heart *h, uint64_t now_usec)
{
        for (unsigned i = 0; i < PATHS_MAX; i++)
                if (h->paths[i].used)
                        heart_send_regular(h, i, FRAME_URGENT, now_usec);
}

void heart_send_ack(Heart *h, unsigned path, const Ack *ack, uint64_t now_usec)
{
        Wire__Body body = WIRE__BODY__INIT;
        Wire__Ack wire = WIRE__ACK__INIT;

        wire.channel = ack->channel;
        wire.message = ack->message;
        wire.received = ack->received;
        body.ack = &wire;
        send_beat(h, path, FRAME_URGENT, &body, now_usec);
}

static int send_fragment(Heart *h, unsigned path, const Fragment *fragment, uint64_t now_usec)
{
        Wire__Body body = WIRE__BODY__INIT;
        Wire__Fragment wire = WIRE__FRAGMENT__INIT;

        wire.channel = fragment->channel;
        wire.message = fragment->message;
        wire.offset = fragment->offset;
        wire.total = fragment->total;
        wire.data = (ProtobufCBinaryData){ fragment->size, (uint8_t *) fragment->bytes };
        body.fragment = &wire;
        return send_beat(h, path, FRAME_URGENT, &body, now_usec);
}

bool heart_path_one_way(const Heart *h, unsigned path, uint64_t now_usec)
{
        const PathLife *life = &h->liveness.paths[path];
        uint64_t echoed_usec = MAX_OF(h->paths[path].grade.echoed_usec, h->liveness.restart_usec);

        /* Who is heard again only now had no time for an answer yet. */
        echoed_usec = MAX_OF(echoed_usec, life->online_usec);
        return life->state == PEER_ONLINE && now_usec > echoed_usec + life->dead_usec;
}

static bool path_works(const Heart *h, unsigned path, uint64_t now_usec)
{
        const HeartPath *p = &h->paths[path];

        return p->used && !p->down && p->confirmed && h->liveness.paths[path].state == PEER_ONLINE &&
               !heart_path_one_way(h, path, now_usec);
}

/* Where fragments travel: the fastest path that works both ways; a serial line only when nothing else does.
 */
static bool best_path(const Heart *h, uint64_t now_usec, unsigned *ret_path)
{
        bool found = false;

        for (unsigned i = 0; i < PATHS_MAX; i++) {
                const HeartPath *p = &h->paths[i], *best = &h->paths[*ret_path];

                if (!path_works(h, i, now_usec))
                        continue;
                if (found &&
                    (p->kind > best->kind ||
                     (p->kind == best->kind && p->grade.round_trip_usec >= best->grade.round_trip_usec)))
                        continue;
                *ret_path = i;
                found = true;
        }
        return found;
}

/*
 * What electd says moves the service, often because a cable was just cut: it travels by every UDP path at
 * once, for the fastest may be the one that is dead and not yet silent for long enough to be known so.
 */
static void send_by_others(Heart *h, unsigned path, const Fragment *fragment, uint64_t now_usec)
{
        if (fragment->channel != CHANNEL_ELECTION)
                return;
        for (unsigned i = 0; i < PATHS_MAX; i++)
                if (i != path && h->paths[i].kind == PATH_UDP && path_works(h, i, now_usec))
                        send_fragment(h, i, fragment, now_usec);
}

/* Sends what of the reliable messages may leave now. */
static void pump(Heart *h, uint64_t now_usec)
{
        const HeartPath *p;
        uint64_t again_usec, id;
        Fragment fragment;
        unsigned path = 0;
        bool serial;

        while ((id = reliable_fail_stuck(&h->reliable, now_usec > STUCK_USEC ? now_usec - STUCK_USEC : 0)) >
               0)
                h->ops.message_done(h->userdata, id, false);

        h->pump_usec = UINT64_MAX;
        if (reliable_next_usec(&h->reliable) == UINT64_MAX)
                return;
        if (!best_path(h, now_usec, &path)) {
                h->pump_usec = now_usec + h->interval_usec;
                return;
        }

        p = &h->paths[path];
        serial = p->kind == PATH_SERIAL;
        again_usec = 2 * p->grade.round_trip_usec + 4 * p->grade.jitter_usec;
        again_usec = MAX_OF(again_usec, AGAIN_MIN_USEC);
        again_usec = MIN_OF(again_usec, AGAIN_MAX_USEC);
        if (serial)
                again_usec = MAX_OF(again_usec, 12 * p->frame_usec);

        for (unsigned i = 0; i < (serial ? 1 : FRAGMENTS_PER_TURN); i++) {
                size_t room = (serial ? SERIAL_PAYLOAD_MAX : FRAME_MAX) - FRAME_BEAT_BYTES -
                              FRAME_MAC_BYTES - FRAGMENT_OVERHEAD;

                if (!reliable_next_fragment(&h->reliable, now_usec, room,
                                            serial ? 3 * room : UDP_WINDOW_BYTES, again_usec, &fragment))
                        break;
                send_by_others(h, path, &fragment, now_usec);
                if (send_fragment(h, path, &fragment, now_usec) < 0)
                        break;
                /* The next one waits until this one and a heartbeat have had the line. */
                if (serial)
                        h->pump_usec = now_usec + 2 * p->frame_usec;
        }
}

void heart_fail_messages(Heart *h)
{
        uint64_t id;

        while ((id = reliable_fail(&h->reliable)) > 0)
                h->ops.message_done(h->userdata, id, false);
}

static void judge(Heart *h, uint64_t now_usec)
{
        LivenessChange change = liveness_step(&h->liveness, now_usec);

        h->news.judged |= change.paths;
        if (!change.peer)
                return;
        /* That it is another instance tells more than that it is heard. */
        if (h->liveness.state != PEER_ONLINE)
                h->news.reason = h->liveness.goodbye ? PEER_REASON_GOODBYE : PEER_REASON_SILENCE;
        else if (!h->news.peer)
                h->news.reason = PEER_REASON_HEARD;
        h->news.peer = true;
        if (h->liveness.state == PEER_LOST)
                heart_fail_messages(h);
}

uint64_t heart_turn(Heart *h, uint64_t now_usec)
{
        for (unsigned i = 0; i < PATHS_MAX; i++) {
                HeartPath *p = &h->paths[i];

                if (!p->used || (now_usec < p->next_usec && !p->urgent))
                        continue;
                heart_send_regular(h, i, p->urgent ? FRAME_URGENT : FRAME_BEAT, now_usec);
                /* On one grid, so that all paths of an interval cost one wake-up. */
                p->next_usec = (now_usec / p->interval_usec + 1) * p->interval_usec;
        }
        judge(h, now_usec);
        pump(h, now_usec);
        return heart_next_usec(h);
}

uint64_t heart_next_usec(const Heart *h)
{
        uint64_t next = liveness_next(&h->liveness);

        for (unsigned i = 0; i < PATHS_MAX; i++)
                if (h->paths[i].used)
                        next = MIN_OF(next, h->paths[i].next_usec);
        /* A message waits for a line to be free, or else for its acknowledgement. */
        return MIN_OF(next, h->pump_usec == UINT64_MAX ? reliable_next_usec(&h->reliable) : h->pump_usec);
}

/* Both sides count on: whatever is newer has the larger number, modulo the wrap. */
static void next_word(Heart *h, uint64_t now_usec)
{
        h->word.serial = h->word.serial % SERIAL_MAX + 1;
        send_at_once(h, now_usec);
}

int heart_publish(Heart *h, const uint8_t *record, size_t size, uint64_t now_usec)
{
        bool same;

        if (size < 1 || size > RECORD_MAX)
                return -EINVAL;

        same = !h->word.goodbye && size == h->word.size && memcmp(record, h->word.record, size) == 0;
        h->word.at_usec = now_usec;
        if (same)
                return 0;
        memcpy(h->word.record, record, size);
        h->word.size = size;
        h->word.goodbye = false;
        next_word(h, now_usec);
        return 0;
}

void heart_goodbye(Heart *h, uint64_t now_usec)
{
        if (h->word.goodbye) {
                send_at_once(h, now_usec);
                return;
        }
        h->word.goodbye = true;
        next_word(h, now_usec);
}

int heart_send(Heart *h, Channel channel, const uint8_t *bytes, size_t size, uint64_t now_usec,
               uint64_t *ret_id)
{
        int r;

        if (h->peer.instance == 0 || h->liveness.state == PEER_LOST || h->liveness.state == PEER_UNKNOWN)
                return -ENOTCONN;
        r = reliable_send(&h->reliable, channel, bytes, size, now_usec, ret_id);
        if (r >= 0)
                pump(h, now_usec);
        return r;
}

void heart_overslept(Heart *h, uint64_t now_usec)
{
        liveness_restart(&h->liveness, now_usec);
}

HeartNews heart_take_news(Heart *h)
{
        HeartNews news = h->news;

        h->news = (HeartNews){};
        return news;
}

const char *peer_reason_to_string(PeerReason reason)
{
        static const char *const names[PEER_REASON_MAX] = {
                [PEER_REASON_SILENCE] = "silence", [PEER_REASON_HEARD] = "heard",
                [PEER_REASON_GOODBYE] = "goodbye", [PEER_REASON_RESTART] = "restart",
                [PEER_REASON_BOOT] = "boot",
        };

        return reason >= 0 && reason < PEER_REASON_MAX ? names[reason] : "unknown";
}
