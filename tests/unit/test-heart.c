/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What two nodes' heartbeats tell them of each other, and what they carry. */
#include <sodium.h>
#include <string.h>

#include "tests/unit/heart-pair.h"

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

        /* What turn.c does when its turn comes late: the sockets first, then the clocks, then the turn. */
        g_queue_clear_full(&net.a.in, g_free);
        heart_overslept(net.a.heart, net.now);
        net_run(&net, DEAD / 2);
        assert_online(&net.a);
        assert_online(&net.b);
        g_assert_cmpuint(net.a.peer_news, ==, 1);
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
        TEST("large-message-arrives-over-udp-and-over-serial-alone",
             large_message_arrives_over_udp_and_over_serial_alone);
        TEST("word-of-electd-needs-no-repetition-when-the-fastest-path-was-just-cut",
             word_of_electd_needs_no_repetition_when_the_fastest_path_was_just_cut);
        TEST("messages-fail-when-the-peer-goes", messages_fail_when_the_peer_goes);
        TEST("frozen-node-accuses-nobody-when-it-wakes", frozen_node_accuses_nobody_when_it_wakes);
        TEST("interval-is-a-tenth-of-the-dead-time-but-a-serial-line-keeps-its-pace",
             interval_is_a_tenth_of_the_dead_time_but_a_serial_line_keeps_its_pace);
        return g_test_run();
}
