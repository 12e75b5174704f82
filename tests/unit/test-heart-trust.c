/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom a node's heartbeats believe: restarts, replays, forgeries, other keys. */
#include <sodium.h>

#include "tests/unit/heart-pair.h"

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

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
#define TEST(name, function) g_test_add_func("/heart-trust/" name, function)
        TEST("restarted-peer-is-known-within-two-intervals", restarted_peer_is_known_within_two_intervals);
        TEST("peer-that-lost-its-counter-is-believed-once-the-old-one-is-silent",
             peer_that_lost_its_counter_is_believed_once_the_old_one_is_silent);
        TEST("replayed-frames-prove-nothing", replayed_frames_prove_nothing);
        TEST("recording-of-an-earlier-start-brings-nobody-back",
             recording_of_an_earlier_start_brings_nobody_back);
        TEST("foreign-and-forged-frames-are-counted-by-kind", foreign_and_forged_frames_are_counted_by_kind);
        TEST("keys-rotate-without-a-gap", keys_rotate_without_a_gap);
        TEST("path-taken-out-and-put-back-never-repeats-a-number",
             path_taken_out_and_put_back_never_repeats_a_number);
        return g_test_run();
}
