/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two nodes' heartbeats against one another over simulated paths: no clock but the test's, no socket. */
#include <glib.h>
#include <sodium.h>
#include <string.h>

#include "services/hbd/cobs.h"
#include "services/hbd/heart.h"

#define DEAD   UINT64_C(300000)
#define DELAY  UINT64_C(200)
#define T0     UINT64_C(5000000)
#define FLIGHT 4096u

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

static int on_send(void *userdata, unsigned path, const uint8_t *frame, size_t size)
{
        Node *n = userdata;
        Packet *p;

        if (n->heart->paths[path].kind == PATH_SERIAL)
                g_assert_cmpuint(size, <=, SERIAL_PAYLOAD_MAX);
        n->last_sent = (Packet){ .at = n->net->now +
                                       DELAY * (1 + 40 * (unsigned) n->heart->paths[path].kind),
                                 .path = path,
                                 .size = size };
        memcpy(n->last_sent.bytes, frame, size);
        if (n->recording)
                g_queue_push_tail(&n->tape, g_memdup2(&n->last_sent, sizeof(Packet)));
        if (n->cut >> path & 1 || g_rand_int_range(n->net->rand, 0, 100) < (gint32) n->loss_percent)
                return 0;
        p = g_memdup2(&n->last_sent, sizeof(Packet));
        g_queue_push_tail(&n->peer->in, p);
        return 0;
}

static void on_message(void *userdata, Channel channel, uint64_t instance, const uint8_t *bytes, size_t size)
{
        Node *n = userdata;

        g_assert_cmpuint(instance, ==, n->peer->self.instance);
        g_byte_array_set_size(n->message, 0);
        g_byte_array_append(n->message, bytes, (guint) size);
        n->messages++;
}

static void on_done(void *userdata, uint64_t id, bool delivered)
{
        Node *n = userdata;

        if (delivered)
                n->done++;
        else
                n->failed++;
}

static const HeartOps test_ops = { on_send, on_message, on_done };

static void take_news(Node *n)
{
        HeartNews news = heart_take_news(n->heart);

        if (news.peer) {
                n->news.reason = news.reason;
                n->peer_news++;
        }
        n->record_news += news.record;
        n->news.judged |= news.judged;
}

static void node_start(Node *n, Net *net, Node *peer, uint8_t number, uint64_t instance,
                       unsigned serial_paths)
{
        const HeartConfig config = { "gw", number, DEAD };
        unsigned path;
        uint8_t key[FRAME_KEY_BYTES] = { 9, 9, 9 };

        n->net = net;
        n->peer = peer;
        n->self.instance = instance;
        n->self.counter++;
        n->self.boot_id[0] = number;
        frame_key_init(&n->self.keys[0], key);
        n->self.n_keys = 1;
        heart_free(n->heart);
        g_assert_cmpint(heart_new(&n->self, &test_ops, n, &n->heart), ==, 0);
        heart_configure(n->heart, &config, net->now);
        g_assert_cmpint(heart_add_path(n->heart, "lan", PATH_UDP, 0, net->now, &path), ==, 0);
        heart_path_down(n->heart, path, false);
        g_assert_cmpint(heart_add_path(n->heart, "replication", PATH_UDP, 0, net->now, &path), ==, 0);
        heart_path_down(n->heart, path, false);
        if (serial_paths > 0) {
                g_assert_cmpint(heart_add_path(n->heart, "serial", PATH_SERIAL, 115200, net->now, &path), ==,
                                0);
                heart_path_down(n->heart, path, false);
        }
        if (!n->message)
                n->message = g_byte_array_new();
        heart_publish(n->heart, (const uint8_t *) "none", 4, net->now);
}

static void net_start(Net *net, unsigned serial_paths)
{
        *net = (Net){ .now = T0, .rand = g_rand_new_with_seed(7) };
        node_start(&net->a, net, &net->b, 1, 0xaaaaaaaaaaaa0001, serial_paths);
        node_start(&net->b, net, &net->a, 2, 0xbbbbbbbbbbbb0001, serial_paths);
}

static void net_stop(Net *net)
{
        for (Node *n = &net->a; n; n = n == &net->a ? &net->b : NULL) {
                heart_free(n->heart);
                g_queue_clear_full(&n->in, g_free);
                g_queue_clear_full(&n->tape, g_free);
                g_byte_array_unref(n->message);
        }
        g_rand_free(net->rand);
}

static uint64_t next_arrival(const Node *n)
{
        uint64_t next = UINT64_MAX;

        for (const GList *l = n->in.head; l; l = l->next)
                next = MIN(next, ((const Packet *) l->data)->at);
        return next;
}

static void node_run(Node *n)
{
        Net *net = n->net;

        for (GList *l = n->in.head, *next; l; l = next) {
                Packet *p = l->data;

                next = l->next;
                if (p->at > net->now)
                        continue;
                g_queue_delete_link(&n->in, l);
                heart_receive(n->heart, p->path, p->bytes, p->size, p->at, net->now);
                g_free(p);
        }
        if (n->pulse_usec > 0 && net->now >= n->published_usec + n->pulse_usec) {
                n->published_usec = net->now;
                heart_publish(n->heart, n->record, RECORD_MAX, net->now);
        }
        heart_turn(n->heart, net->now);
        take_news(n);
}

/* Runs both nodes; one that is frozen gets no turn. */
static void net_run_frozen(Net *net, uint64_t usec, const Node *frozen)
{
        uint64_t until = net->now + usec;

        while (net->now < until) {
                uint64_t next = until;

                for (Node *n = &net->a; n; n = n == &net->a ? &net->b : NULL) {
                        if (n == frozen)
                                continue;
                        node_run(n);
                        next = MIN(next, heart_next_usec(n->heart));
                        if (n->pulse_usec > 0)
                                next = MIN(next, n->published_usec + n->pulse_usec);
                }
                for (Node *n = &net->a; n; n = n == &net->a ? &net->b : NULL)
                        if (n != frozen)
                                next = MIN(next, next_arrival(n));
                net->now = MAX(next, net->now + 1);
        }
}

static void net_run(Net *net, uint64_t usec)
{
        net_run_frozen(net, usec, NULL);
}

static void assert_online(const Node *n)
{
        g_assert_cmpint(n->heart->liveness.state, ==, PEER_ONLINE);
        g_assert_cmphex(n->heart->peer.instance, ==, n->peer->self.instance);
        g_assert_true(n->heart->peer.has_boot_id);
        g_assert_cmpmem(n->heart->peer.boot_id, BOOT_ID_BYTES, n->peer->self.boot_id, BOOT_ID_BYTES);
}

static void two_nodes_meet_and_grade_every_path(void)
{
        Net net;

        net_start(&net, 1);
        net_run(&net, DEAD);
        assert_online(&net.a);
        assert_online(&net.b);
        g_assert_cmpuint(net.a.peer_news, ==, 1);
        g_assert_cmpint(net.a.news.reason, ==, PEER_REASON_HEARD);
        net_run(&net, 10 * DEAD);
        for (unsigned i = 0; i < 3; i++) {
                const HeartPath *p = &net.a.heart->paths[i];

                g_assert_true(p->confirmed);
                g_assert_cmpint(net.a.heart->liveness.paths[i].state, ==, PEER_ONLINE);
                g_assert_cmpuint(p->grade.round_trip_usec, >=, 2 * DELAY);
                g_assert_cmpuint(p->grade.round_trip_usec, <=, 85 * DELAY);
                g_assert_cmpuint(window_loss_percent(&p->window), ==, 0);
                g_assert_false(heart_path_one_way(net.a.heart, i, net.now));
        }
        g_assert_cmpuint(net.a.peer_news, ==, 1);
        net_stop(&net);
}

static void changed_record_arrives_at_once_and_an_unchanged_one_is_no_news(void)
{
        uint8_t record[RECORD_MAX];
        unsigned before;
        Net net;

        net_start(&net, 1);
        net_run(&net, DEAD);
        before = net.b.record_news;
        memset(record, 3, sizeof(record));
        g_assert_cmpint(heart_publish(net.a.heart, record, RECORD_MAX, net.now), ==, 0);
        net_run(&net, 2 * DELAY);
        g_assert_cmpmem(net.b.heart->peer.word.record, net.b.heart->peer.word.size, record, RECORD_MAX);
        for (unsigned i = 0; i < 10; i++) {
                heart_publish(net.a.heart, record, RECORD_MAX, net.now);
                net_run(&net, DEAD / 3);
        }
        g_assert_cmpuint(net.b.record_news, ==, before + 1);
        g_assert_cmpint(heart_publish(net.a.heart, record, RECORD_MAX + 1, net.now), ==, -EINVAL);
        g_assert_cmpint(heart_publish(net.a.heart, record, 0, net.now), ==, -EINVAL);
        net_stop(&net);
}

static void older_record_from_a_slower_path_is_ignored(void)
{
        Net net;

        net_start(&net, 1);
        net_run(&net, DEAD);
        for (unsigned i = 0; i < 40000; i++) { /* twice round the circle of serials */
                uint8_t record[RECORD_MAX] = { (uint8_t) i, (uint8_t) (i >> 8) };

                heart_publish(net.a.heart, record, RECORD_MAX, net.now);
                net_run(&net, DELAY + 1);
                g_assert_cmpmem(net.b.heart->peer.word.record, net.b.heart->peer.word.size, record,
                                RECORD_MAX);
        }
        net_stop(&net);
}

static void hung_electd_makes_its_record_stale_not_the_peer_lost(void)
{
        Net net;

        net_start(&net, 0);
        net.a.pulse_usec = DEAD / 3;
        net_run(&net, 3 * DEAD);
        g_assert_false(net.b.heart->peer.word.stale);
        net.a.pulse_usec = 0;
        net_run(&net, 2 * DEAD);
        g_assert_true(net.b.heart->peer.word.stale);
        assert_online(&net.b);
        net.a.pulse_usec = DEAD / 3;
        net_run(&net, DEAD);
        g_assert_false(net.b.heart->peer.word.stale);
        net_stop(&net);
}

static void silent_peer_is_late_then_lost_and_heard_again(void)
{
        Net net;

        net_start(&net, 1);
        net_run(&net, 2 * DEAD);
        net.a.cut = 7;
        net_run(&net, DEAD - 40000);
        g_assert_cmpint(net.b.heart->liveness.state, ==, PEER_LATE);
        net_run(&net, 80000);
        g_assert_cmpint(net.b.heart->liveness.state, ==, PEER_LOST);
        g_assert_cmpint(net.b.news.reason, ==, PEER_REASON_SILENCE);
        assert_online(&net.a); /* it still hears the other */
        net.a.cut = 0;
        net_run(&net, DEAD / 5);
        assert_online(&net.b);
        net_stop(&net);
}

static void one_way_path_is_told_by_the_side_that_hears(void)
{
        Net net;

        net_start(&net, 0);
        net_run(&net, 2 * DEAD);
        net.a.cut = 1;
        net_run(&net, 2 * DEAD);
        g_assert_true(heart_path_one_way(net.a.heart, 0, net.now));
        g_assert_false(heart_path_one_way(net.a.heart, 1, net.now));
        assert_online(&net.a);
        assert_online(&net.b);
        net_stop(&net);
}

static void path_has_the_dead_time_to_answer_before_it_is_called_one_way(void)
{
        Net net;

        net_start(&net, 0);
        net.a.cut = net.b.cut = 3;
        net_run(&net, 5 * DEAD);
        net.a.cut = 2; /* replication is mended in one direction only */
        net.b.cut = 0;
        for (unsigned i = 0; i < 9; i++) {
                net_run(&net, DEAD / 10);
                g_assert_false(heart_path_one_way(net.a.heart, 1, net.now));
        }
        net_run(&net, DEAD);
        g_assert_true(heart_path_one_way(net.a.heart, 1, net.now));
        g_assert_false(heart_path_one_way(net.a.heart, 0, net.now));
        net_stop(&net);
}

static void record_passes_a_path_that_was_one_way_from_the_start(void)
{
        uint8_t record[RECORD_MAX] = { 77 };
        Net net;

        net_start(&net, 0);
        net.b.cut = 2; /* replication: b does not get through */
        net_run(&net, 2 * DEAD);
        net.a.cut = 1; /* now a speaks over replication only */
        net_run(&net, 2 * DEAD);
        heart_publish(net.a.heart, record, RECORD_MAX, net.now);
        net_run(&net, DEAD);
        assert_online(&net.b);
        g_assert_cmpmem(net.b.heart->peer.word.record, net.b.heart->peer.word.size, record, RECORD_MAX);
        net_stop(&net);
}

static void loss_is_seen_on_both_sides(void)
{
        const HeartPath *a, *b;
        Net net;

        net_start(&net, 0);
        net_run(&net, 2 * DEAD);
        net.a.loss_percent = 30;
        net_run(&net, 60 * DEAD);
        a = &net.a.heart->paths[0];
        b = &net.b.heart->paths[0];
        g_assert_cmpuint(window_loss_percent(&b->window), >=, 15);
        g_assert_cmpuint(window_loss_percent(&b->window), <=, 45);
        g_assert_cmpuint(window_loss_percent(&a->window), ==, 0);
        g_assert_cmpuint(a->grade.loss_out, >=, 15);
        g_assert_cmpuint(b->grade.loss_out, ==, 0);
        assert_online(&net.b);
        net_stop(&net);
}

static void goodbye_is_lost_at_once_and_publishing_takes_it_back(void)
{
        Net net;

        net_start(&net, 1);
        net_run(&net, 2 * DEAD);
        heart_goodbye(net.a.heart, net.now);
        net_run(&net, 2 * DELAY);
        g_assert_cmpint(net.b.heart->liveness.state, ==, PEER_LOST);
        g_assert_cmpint(net.b.news.reason, ==, PEER_REASON_GOODBYE);
        net_run(&net, 2 * DEAD);
        g_assert_cmpint(net.b.heart->liveness.state, ==, PEER_LOST);
        heart_publish(net.a.heart, (const uint8_t *) "none", 4, net.now);
        net_run(&net, 2 * DELAY);
        assert_online(&net.b);
        net_stop(&net);
}

static void restarted_peer_is_known_within_two_intervals(void)
{
        Net net;

        net_start(&net, 1);
        net_run(&net, 2 * DEAD);
        node_start(&net.a, &net, &net.b, 1, 0xaaaaaaaaaaaa0002, 1);
        net_run(&net, DEAD / 5);
        assert_online(&net.a);
        assert_online(&net.b);
        g_assert_cmpint(net.b.news.reason, ==, PEER_REASON_RESTART);
        g_assert_cmpuint(net.b.peer_news, ==, 2);
        g_assert_cmpuint(net.b.heart->drops[FRAME_FORGED] + net.b.heart->drops[FRAME_REPLAYED], ==, 0);

        net.a.self.boot_id[5] = 1;
        net.a.self.boot_id[0] = 0;
        node_start(&net.a, &net, &net.b, 1, 0xaaaaaaaaaaaa0003, 1);
        net.a.heart->self.boot_id[5] = 1;
        net_run(&net, DEAD / 5);
        g_assert_cmpint(net.b.news.reason, ==, PEER_REASON_BOOT);
        net_stop(&net);
}

static void peer_that_lost_its_counter_is_believed_once_the_old_one_is_silent(void)
{
        Net net;

        net_start(&net, 0);
        net.a.self.counter = 50;
        node_start(&net.a, &net, &net.b, 1, 0xaaaaaaaaaaaa0002, 0);
        net_run(&net, 2 * DEAD);
        assert_online(&net.b);
        net.a.self.counter = 0;
        node_start(&net.a, &net, &net.b, 1, 0xaaaaaaaaaaaa0003, 0);
        net_run(&net, DEAD / 2);
        g_assert_cmphex(net.b.heart->peer.instance, ==, 0xaaaaaaaaaaaa0002);
        net_run(&net, DEAD);
        assert_online(&net.b);
        net_stop(&net);
}

/* Everything ever sent is sent again, on every path: it is counted, and changes nothing. */
static void replay(Node *to, const GQueue *tape, unsigned paths)
{
        for (const GList *l = tape->head; l; l = l->next)
                for (unsigned path = 0; path < paths; path++) {
                        const Packet *p = l->data;

                        heart_receive(to->heart, path, p->bytes, p->size, to->net->now, to->net->now);
                }
}

static void replayed_frames_prove_nothing(void)
{
        uint64_t last;
        Net net;

        net_start(&net, 1);
        net.a.recording = net.b.recording = true;
        net_run(&net, 10 * DEAD);
        net.a.recording = net.b.recording = false;
        net.a.cut = 7;
        net_run(&net, DEAD / 2);
        last = liveness_last_heard(&net.b.heart->liveness);

        replay(&net.b, &net.a.tape, 3);
        replay(&net.b, &net.b.tape, 3); /* reflected */
        g_assert_cmpuint(net.b.heart->drops[FRAME_REPLAYED], >, 100);
        g_assert_cmpuint(net.b.heart->drops[FRAME_OWN], >, 0);
        net_run(&net, DEAD);
        g_assert_cmpint(net.b.heart->liveness.state, ==, PEER_LOST);

        replay(&net.b, &net.a.tape, 3);
        net_run(&net, DEAD);
        g_assert_cmpint(net.b.heart->liveness.state, ==, PEER_LOST);
        g_assert_cmpuint(liveness_last_heard(&net.b.heart->liveness), ==, last);
        net_stop(&net);
}

static void recording_of_an_earlier_start_brings_nobody_back(void)
{
        Net net;

        net_start(&net, 0);
        net.a.recording = true;
        net_run(&net, 10 * DEAD);
        net.a.recording = false;

        /* Both restart: nothing recorded names what is there now. */
        node_start(&net.a, &net, &net.b, 1, 0xaaaaaaaaaaaa0002, 0);
        node_start(&net.b, &net, &net.a, 2, 0xbbbbbbbbbbbb0002, 0);
        net.a.cut = net.b.cut = 3;
        net_run(&net, DEAD);
        replay(&net.b, &net.a.tape, 2);
        net_run(&net, DEAD);
        replay(&net.b, &net.a.tape, 2);
        g_assert_cmphex(net.b.heart->peer.instance, ==, 0);
        g_assert_cmpuint(liveness_last_heard(&net.b.heart->liveness), ==, 0);

        net.a.cut = net.b.cut = 0;
        net_run(&net, DEAD);
        replay(&net.b, &net.a.tape, 2);
        net_run(&net, DEAD);
        assert_online(&net.b);
        net_stop(&net);
}

static void foreign_and_forged_frames_are_counted_by_kind(void)
{
        const HeartConfig foreign = { "other", 1, DEAD };
        uint8_t key[FRAME_KEY_BYTES] = { 1 };
        Packet p;
        Net net;

        net_start(&net, 0);
        net_run(&net, 2 * DEAD);

        p = net.a.last_sent;
        p.bytes[p.size - 1] ^= 1;
        p.bytes[7]++; /* a number not seen yet */
        g_assert_cmpint(heart_receive(net.b.heart, p.path, p.bytes, p.size, net.now, net.now), ==,
                        FRAME_FORGED);
        g_assert_cmpint(heart_receive(net.b.heart, p.path, p.bytes, 12, net.now, net.now), ==,
                        FRAME_TRUNCATED);
        p.bytes[2] ^= 0xff;
        g_assert_cmpint(heart_receive(net.b.heart, p.path, p.bytes, p.size, net.now, net.now), ==,
                        FRAME_STALE);
        p.bytes[1] ^= 0xff;
        g_assert_cmpint(heart_receive(net.b.heart, p.path, p.bytes, p.size, net.now, net.now), ==,
                        FRAME_KEY_UNKNOWN);
        p.bytes[0] ^= 0xf0;
        g_assert_cmpint(heart_receive(net.b.heart, p.path, p.bytes, p.size, net.now, net.now), ==,
                        FRAME_VERSION_UNKNOWN);

        node_start(&net.a, &net, &net.b, 1, 0xcccc, 0);
        heart_configure(net.a.heart, &foreign, net.now);
        heart_turn(net.a.heart, net.now);
        p = net.a.last_sent;
        g_assert_cmpint(heart_receive(net.b.heart, p.path, p.bytes, p.size, net.now, net.now), ==,
                        FRAME_FOREIGN);
        g_assert_cmpint(heart_receive(net.b.heart, 0, p.bytes, p.size, net.now, net.now), ==, FRAME_FOREIGN);

        node_start(&net.a, &net, &net.b, 1, 0xdddd, 0);
        heart_turn(net.a.heart, net.now);
        p = net.a.last_sent;
        g_assert_cmpint(heart_receive(net.b.heart, !p.path, p.bytes, p.size, net.now, net.now), ==,
                        FRAME_WRONG_PATH);

        node_start(&net.a, &net, &net.b, 1, 0xeeee, 0);
        frame_key_init(&net.a.heart->self.keys[0], key);
        net.a.heart->self.keys[0].id = net.b.heart->self.keys[0].id;
        heart_turn(net.a.heart, net.now);
        p = net.a.last_sent;
        g_assert_cmpint(heart_receive(net.b.heart, p.path, p.bytes, p.size, net.now, net.now), ==,
                        FRAME_FORGED);
        net_stop(&net);
}

static void keys_rotate_without_a_gap(void)
{
        uint8_t bytes[FRAME_KEY_BYTES] = { 5, 5 };
        FrameKey old, fresh;
        Net net;

        net_start(&net, 0);
        old = net.a.self.keys[0];
        frame_key_init(&fresh, bytes);

        /* Each step restarts one node; two keys are accepted meanwhile, the first one seals. */
        const struct {
                Node *node;
                FrameKey first, second;
                unsigned n;
        } steps[] = {
                { &net.a, old, fresh, 2 }, { &net.b, old, fresh, 2 },   { &net.a, fresh, old, 2 },
                { &net.b, fresh, old, 2 }, { &net.a, fresh, fresh, 1 }, { &net.b, fresh, fresh, 1 },
        };
        for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
                Node *n = steps[i].node;

                net_run(&net, DEAD);
                node_start(n, &net, n->peer, n == &net.a ? 1 : 2, 0x1000 + i, 0);
                n->heart->self.keys[0] = steps[i].first;
                n->heart->self.keys[1] = steps[i].second;
                n->heart->self.n_keys = steps[i].n;
                net_run(&net, DEAD);
                assert_online(&net.a);
                assert_online(&net.b);
        }
        net_stop(&net);
}

static void large_message_arrives_over_udp_and_over_serial_alone(void)
{
        uint8_t message[20000];
        uint64_t id;

        for (unsigned serial = 0; serial < 2; serial++) {
                Net net;

                net_start(&net, 1);
                net_run(&net, 2 * DEAD);
                net.a.loss_percent = net.b.loss_percent = serial ? 0 : 30;
                net.a.cut = net.b.cut = serial ? 3 : 0;
                net_run(&net, 2 * DEAD);
                for (unsigned i = 0; i < sizeof(message); i++)
                        message[i] = (uint8_t) g_rand_int(net.rand);
                g_assert_cmpint(heart_send(net.a.heart, CHANNEL_CONFIG, message, sizeof(message), net.now,
                                           &id),
                                ==, 0);
                net_run(&net, serial ? 60000000 : 10000000);
                g_assert_cmpuint(net.b.messages, ==, 1);
                g_assert_cmpuint(net.a.done, ==, 1);
                g_assert_cmpmem(net.b.message->data, net.b.message->len, message, sizeof(message));
                assert_online(&net.b);
                net_stop(&net);
        }
}

static void word_of_electd_needs_no_repetition_when_the_fastest_path_was_just_cut(void)
{
        uint64_t id;
        Net net;

        for (unsigned cut = 0; cut < 2; cut++) {
                net_start(&net, 1);
                net_run(&net, 4 * DEAD);
                net.a.cut = net.b.cut = 1u << cut;
                g_assert_cmpint(heart_send(net.a.heart, CHANNEL_ELECTION, (const uint8_t *) "x", 1, net.now,
                                           &id),
                                ==, 0);
                net_run(&net, 3 * DELAY);
                g_assert_cmpuint(net.b.messages, ==, 1);
                g_assert_cmpuint(net.a.done, ==, 1);
                net_stop(&net);
        }
}

static void messages_fail_when_the_peer_goes(void)
{
        uint64_t id;
        Net net;

        net_start(&net, 0);
        g_assert_cmpint(heart_send(net.a.heart, CHANNEL_ELECTION, (const uint8_t *) "x", 1, net.now, &id),
                        ==, -ENOTCONN);
        net_run(&net, 2 * DEAD);
        net.a.cut = net.b.cut = 3;
        g_assert_cmpint(heart_send(net.a.heart, CHANNEL_ELECTION, (const uint8_t *) "x", 1, net.now, &id),
                        ==, 0);
        net_run(&net, 2 * DEAD);
        g_assert_cmpuint(net.a.failed, ==, 1);

        net.a.cut = net.b.cut = 0;
        net_run(&net, DEAD);
        net.a.cut = 3;
        g_assert_cmpint(heart_send(net.a.heart, CHANNEL_ELECTION, (const uint8_t *) "y", 1, net.now, &id),
                        ==, 0);
        net_run(&net, DEAD / 10);
        net.a.cut = 0;
        node_start(&net.b, &net, &net.a, 2, 0xbbbbbbbbbbbb0002, 0);
        net_run(&net, DEAD);
        g_assert_cmpuint(net.a.failed + net.a.done, ==, 2);
        net_stop(&net);
}

static void frozen_node_accuses_nobody_when_it_wakes(void)
{
        Net net;

        net_start(&net, 0);
        net_run(&net, 2 * DEAD);
        net_run_frozen(&net, 3 * DEAD, &net.a);
        g_assert_cmpint(net.b.heart->liveness.state, ==, PEER_LOST);

        /* What main.c does when its turn comes late: the sockets first, then the clocks, then the turn. */
        g_queue_clear_full(&net.a.in, g_free);
        heart_overslept(net.a.heart, net.now);
        net_run(&net, DEAD / 2);
        assert_online(&net.a);
        assert_online(&net.b);
        g_assert_cmpuint(net.a.peer_news, ==, 1);
        net_stop(&net);
}

static void path_taken_out_and_put_back_never_repeats_a_number(void)
{
        uint64_t before;
        unsigned path;
        Net net;

        net_start(&net, 0);
        net_run(&net, 5 * DEAD);
        before = net.a.heart->paths[1].sequence;
        heart_drop_path(net.a.heart, 1);
        net_run(&net, DEAD / 3);
        g_assert_cmpint(heart_add_path(net.a.heart, "replication", PATH_UDP, 0, net.now, &path), ==, 0);
        heart_path_down(net.a.heart, path, false);
        g_assert_cmpuint(path, ==, 1);
        g_assert_cmpuint(net.a.heart->paths[1].sequence, >=, before);
        net_run(&net, DEAD);
        g_assert_cmpint(net.a.heart->liveness.paths[1].state, ==, PEER_ONLINE);
        g_assert_cmpint(net.b.heart->liveness.paths[1].state, ==, PEER_ONLINE);
        g_assert_true(net.a.heart->paths[1].confirmed);
        net_stop(&net);
}

static void interval_is_a_tenth_of_the_dead_time_but_a_serial_line_keeps_its_pace(void)
{
        const HeartConfig fast = { "gw", 1, 30000 }, fastest = { "gw", 1, 10000 };
        Net net;

        net_start(&net, 1);
        g_assert_cmpuint(net.a.heart->paths[0].interval_usec, ==, DEAD / 10);
        heart_configure(net.a.heart, &fast, net.now);
        g_assert_cmpuint(net.a.heart->paths[0].interval_usec, ==, 3000);
        g_assert_cmpuint(net.a.heart->paths[2].interval_usec, ==, 2 * SERIAL_FRAME_USEC(115200));
        g_assert_cmpuint(net.a.heart->liveness.paths[2].dead_usec, ==, 6 * SERIAL_FRAME_USEC(115200));
        heart_configure(net.a.heart, &fastest, net.now);
        g_assert_cmpuint(net.a.heart->paths[0].interval_usec, ==, 3000);
        net_stop(&net);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
#define TEST(name, function) g_test_add_func("/heart/" name, function)
        TEST("two-nodes-meet-and-grade-every-path", two_nodes_meet_and_grade_every_path);
        TEST("changed-record-arrives-at-once-and-an-unchanged-one-is-no-news",
             changed_record_arrives_at_once_and_an_unchanged_one_is_no_news);
        TEST("older-record-from-a-slower-path-is-ignored", older_record_from_a_slower_path_is_ignored);
        TEST("hung-electd-makes-its-record-stale-not-the-peer-lost",
             hung_electd_makes_its_record_stale_not_the_peer_lost);
        TEST("silent-peer-is-late-then-lost-and-heard-again", silent_peer_is_late_then_lost_and_heard_again);
        TEST("one-way-path-is-told-by-the-side-that-hears", one_way_path_is_told_by_the_side_that_hears);
        TEST("path-has-the-dead-time-to-answer-before-it-is-called-one-way",
             path_has_the_dead_time_to_answer_before_it_is_called_one_way);
        TEST("record-passes-a-path-that-was-one-way-from-the-start",
             record_passes_a_path_that_was_one_way_from_the_start);
        TEST("loss-is-seen-on-both-sides", loss_is_seen_on_both_sides);
        TEST("goodbye-is-lost-at-once-and-publishing-takes-it-back",
             goodbye_is_lost_at_once_and_publishing_takes_it_back);
        TEST("restarted-peer-is-known-within-two-intervals", restarted_peer_is_known_within_two_intervals);
        TEST("peer-that-lost-its-counter-is-believed-once-the-old-one-is-silent",
             peer_that_lost_its_counter_is_believed_once_the_old_one_is_silent);
        TEST("replayed-frames-prove-nothing", replayed_frames_prove_nothing);
        TEST("recording-of-an-earlier-start-brings-nobody-back",
             recording_of_an_earlier_start_brings_nobody_back);
        TEST("foreign-and-forged-frames-are-counted-by-kind", foreign_and_forged_frames_are_counted_by_kind);
        TEST("keys-rotate-without-a-gap", keys_rotate_without_a_gap);
        TEST("large-message-arrives-over-udp-and-over-serial-alone",
             large_message_arrives_over_udp_and_over_serial_alone);
        TEST("word-of-electd-needs-no-repetition-when-the-fastest-path-was-just-cut",
             word_of_electd_needs_no_repetition_when_the_fastest_path_was_just_cut);
        TEST("messages-fail-when-the-peer-goes", messages_fail_when_the_peer_goes);
        TEST("frozen-node-accuses-nobody-when-it-wakes", frozen_node_accuses_nobody_when_it_wakes);
        TEST("path-taken-out-and-put-back-never-repeats-a-number",
             path_taken_out_and_put_back_never_repeats_a_number);
        TEST("interval-is-a-tenth-of-the-dead-time-but-a-serial-line-keeps-its-pace",
             interval_is_a_tenth_of_the_dead_time_but_a_serial_line_keeps_its_pace);
        return g_test_run();
}
