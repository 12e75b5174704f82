/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "heart-pair.h"

#include <string.h>

#include "services/hbd/cobs.h"

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

void node_start(Node *n, Net *net, Node *peer, uint8_t number, uint64_t instance, unsigned serial_paths)
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

void net_start(Net *net, unsigned serial_paths)
{
        *net = (Net){ .now = T0, .rand = g_rand_new_with_seed(7) };
        node_start(&net->a, net, &net->b, 1, 0xaaaaaaaaaaaa0001, serial_paths);
        node_start(&net->b, net, &net->a, 2, 0xbbbbbbbbbbbb0001, serial_paths);
}

static void node_stop(Node *n)
{
        heart_free(n->heart);
        g_queue_clear_full(&n->in, g_free);
        g_queue_clear_full(&n->tape, g_free);
        g_byte_array_unref(n->message);
}

void net_stop(Net *net)
{
        node_stop(&net->a);
        node_stop(&net->b);
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

void net_run_frozen(Net *net, uint64_t usec, const Node *frozen)
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

void net_run(Net *net, uint64_t usec)
{
        net_run_frozen(net, usec, NULL);
}

void assert_online(const Node *n)
{
        g_assert_cmpint(n->heart->liveness.state, ==, PEER_ONLINE);
        g_assert_cmphex(n->heart->peer.instance, ==, n->peer->self.instance);
        g_assert_true(n->heart->peer.has_boot_id);
        g_assert_cmpmem(n->heart->peer.boot_id, BOOT_ID_BYTES, n->peer->self.boot_id, BOOT_ID_BYTES);
}
