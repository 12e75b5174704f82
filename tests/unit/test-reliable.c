/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reliable messages over a wire that loses, repeats and reorders: whole, once, in order, bounded. */
#include <glib.h>
#include <string.h>

#include "services/hbd/reliable.h"

#define AGAIN  UINT64_C(20000)
#define WINDOW 8192u

typedef struct End {
        Reliable r;
        uint8_t *memory;
        GPtrArray *got[CHANNEL_MAX]; /* of GBytes */
        GArray *done;                /* of uint64_t */
} End;

static void end_init(End *e)
{
        e->memory = g_malloc(reliable_memory_size());
        reliable_init(&e->r, e->memory);
        for (unsigned c = 0; c < CHANNEL_MAX; c++)
                e->got[c] = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        e->done = g_array_new(FALSE, FALSE, sizeof(uint64_t));
}

static void end_clear(End *e)
{
        g_free(e->memory);
        for (unsigned c = 0; c < CHANNEL_MAX; c++)
                g_ptr_array_unref(e->got[c]);
        g_array_unref(e->done);
}

static void acknowledge(End *e, const Ack *ack, uint64_t now)
{
        uint64_t id = reliable_acknowledged(&e->r, ack, now);

        if (id > 0)
                g_array_append_val(e->done, id);
}

static void deliver(End *to, End *from, const Fragment *f, uint64_t now, bool lose_ack)
{
        Ack ack;
        int r = reliable_received(&to->r, f, &ack);

        if (r == 2)
                g_ptr_array_add(to->got[f->channel],
                                g_bytes_new(to->r.in[f->channel].bytes, to->r.in[f->channel].total));
        if (r > 0 && !lose_ack)
                acknowledge(from, &ack, now);
}

/* One fragment kept back, to come again much later: repetition and reordering at once. */
typedef struct Held {
        Fragment fragment;
        uint8_t bytes[2048];
} Held;

static void run_wire(End *a, End *b, GRand *rand, unsigned loss_percent, size_t room, unsigned messages)
{
        Held held = {};
        uint64_t now = 1000000;

        for (unsigned turn = 0; turn < 2000000 && a->done->len < messages; turn++) {
                Fragment f;

                now += 1000;
                while (reliable_next_fragment(&a->r, now, room, WINDOW, AGAIN, &f)) {
                        g_assert_cmpuint(f.size, <=, room);
                        if (g_rand_int_range(rand, 0, 100) < (gint32) loss_percent)
                                continue;
                        deliver(b, a, &f, now, g_rand_int_range(rand, 0, 100) < (gint32) loss_percent);
                        if (held.fragment.message > 0 && g_rand_int_range(rand, 0, 10) == 0)
                                deliver(b, a, &held.fragment, now, false);
                        if (g_rand_int_range(rand, 0, 10) == 0 && f.size > 0) {
                                held.fragment = f;
                                memcpy(held.bytes, f.bytes, f.size);
                                held.fragment.bytes = held.bytes;
                        }
                }
        }
        g_assert_cmpuint(a->done->len, ==, messages);
}

static GBytes *random_message(GRand *rand, size_t max)
{
        size_t size = (size_t) g_rand_int_range(rand, 0, (gint32) max + 1);
        uint8_t *bytes = g_malloc(size + 1);

        for (size_t i = 0; i < size; i++)
                bytes[i] = (uint8_t) g_rand_int(rand);
        return g_bytes_new_take(bytes, size);
}

static void messages_arrive_whole_once_and_in_order(void)
{
        GRand *rand = g_rand_new_with_seed(4);

        for (unsigned run = 0; run < 60; run++) {
                g_autoptr(GPtrArray) sent = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
                End a, b;

                end_init(&a);
                end_init(&b);
                for (unsigned i = 0; i < 6; i++) {
                        GBytes *message = random_message(rand, 9000);
                        uint64_t id;

                        g_ptr_array_add(sent, message);
                        g_assert_cmpint(reliable_send(&a.r, CHANNEL_CONFIG, g_bytes_get_data(message, NULL),
                                                      g_bytes_get_size(message), 0, &id),
                                        ==, 0);
                }
                run_wire(&a, &b, rand, run % 3 * 20, run % 2 ? 39 : 1100, 6);
                g_assert_cmpuint(b.got[CHANNEL_CONFIG]->len, ==, 6);
                for (unsigned i = 0; i < 6; i++)
                        g_assert_true(g_bytes_equal(sent->pdata[i], b.got[CHANNEL_CONFIG]->pdata[i]));
                end_clear(&a);
                end_clear(&b);
        }
        g_rand_free(rand);
}

static void largest_message_arrives_and_a_larger_one_is_refused(void)
{
        GRand *rand = g_rand_new_with_seed(5);
        uint8_t *bytes = g_malloc0(RELIABLE_CONFIG_BYTES + 1);
        uint64_t id;
        End a, b;

        end_init(&a);
        end_init(&b);
        g_assert_cmpint(reliable_send(&a.r, CHANNEL_CONFIG, bytes, RELIABLE_CONFIG_BYTES + 1, 0, &id), ==,
                        -EMSGSIZE);
        g_assert_cmpint(reliable_send(&a.r, CHANNEL_CONFIG, bytes, RELIABLE_CONFIG_BYTES, 0, &id), ==, 0);
        g_assert_cmpint(reliable_send(&a.r, CHANNEL_CONFIG, bytes, 1, 0, &id), ==, -ENOBUFS);
        run_wire(&a, &b, rand, 10, 1100, 1);
        g_assert_cmpuint(g_bytes_get_size(b.got[CHANNEL_CONFIG]->pdata[0]), ==, RELIABLE_CONFIG_BYTES);
        end_clear(&a);
        end_clear(&b);
        g_free(bytes);
        g_rand_free(rand);
}

static void too_many_messages_are_refused(void)
{
        uint64_t id;
        End a;

        end_init(&a);
        for (unsigned i = 0; i < RELIABLE_QUEUE_MAX; i++)
                g_assert_cmpint(reliable_send(&a.r, CHANNEL_ELECTION, (const uint8_t *) "x", 1, 0, &id), ==,
                                0);
        g_assert_cmpint(reliable_send(&a.r, CHANNEL_ELECTION, (const uint8_t *) "x", 1, 0, &id), ==,
                        -ENOBUFS);
        end_clear(&a);
}

static void urgent_channel_overtakes(void)
{
        uint8_t *bytes = g_malloc0(60000);
        Fragment f;
        uint64_t id;
        End a;

        end_init(&a);
        g_assert_cmpint(reliable_send(&a.r, CHANNEL_CONFIG, bytes, 60000, 0, &id), ==, 0);
        g_assert_true(reliable_next_fragment(&a.r, 1, 1000, WINDOW, AGAIN, &f));
        g_assert_cmpint(reliable_send(&a.r, CHANNEL_ELECTION, bytes, 10, 0, &id), ==, 0);
        g_assert_true(reliable_next_fragment(&a.r, 1, 1000, WINDOW, AGAIN, &f));
        g_assert_cmpint(f.channel, ==, CHANNEL_ELECTION);
        end_clear(&a);
        g_free(bytes);
}

static void failed_message_is_told_and_the_next_one_starts_clean(void)
{
        uint8_t bytes[3000];
        Fragment f;
        uint64_t first, second;
        Ack ack;
        End a, b;

        end_init(&a);
        end_init(&b);
        memset(bytes, 7, sizeof(bytes));
        g_assert_cmpint(reliable_send(&a.r, CHANNEL_CONFIG, bytes, sizeof(bytes), 100, &first), ==, 0);
        g_assert_true(reliable_next_fragment(&a.r, 100, 1000, WINDOW, AGAIN, &f));
        g_assert_cmpint(reliable_received(&b.r, &f, &ack), ==, 1);

        g_assert_cmpuint(reliable_fail_stuck(&a.r, 99), ==, 0);
        g_assert_cmpuint(reliable_fail_stuck(&a.r, 100), ==, first);
        g_assert_cmpuint(reliable_next_usec(&a.r), ==, UINT64_MAX);
        acknowledge(&a, &ack, 101); /* for what was given up: nothing happens */
        g_assert_cmpuint(a.done->len, ==, 0);

        g_assert_cmpint(reliable_send(&a.r, CHANNEL_CONFIG, bytes, 10, 200, &second), ==, 0);
        g_assert_true(reliable_next_fragment(&a.r, 200, 1000, WINDOW, AGAIN, &f));
        g_assert_cmpint(reliable_received(&b.r, &f, &ack), ==, 2);
        g_assert_cmpuint(b.r.in[CHANNEL_CONFIG].total, ==, 10);
        acknowledge(&a, &ack, 201);
        g_assert_cmpuint(a.done->len, ==, 1);
        end_clear(&a);
        end_clear(&b);
}

static void impossible_fragments_are_dropped(void)
{
        const uint8_t bytes[64] = {};
        const Fragment bad[] = {
                { CHANNEL_CONFIG, 0, 0, 10, bytes, 10 },
                { CHANNEL_CONFIG, 1, 0, RELIABLE_CONFIG_BYTES + 1, bytes, 10 },
                { CHANNEL_CONFIG, 1, 11, 10, bytes, 0 },
                { CHANNEL_CONFIG, 1, 5, 10, bytes, 6 },
                { CHANNEL_CONFIG, 1, UINT32_MAX, 10, bytes, 20 },
                { CHANNEL_ELECTION, 1, 0, RELIABLE_ELECTION_BYTES + 1, bytes, 1 },
        };
        Ack ack;
        End b;

        end_init(&b);
        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_cmpint(reliable_received(&b.r, &bad[i], &ack), ==, 0);
        end_clear(&b);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/reliable/messages-arrive-whole-once-and-in-order",
                        messages_arrive_whole_once_and_in_order);
        g_test_add_func("/reliable/largest-message-arrives-and-a-larger-one-is-refused",
                        largest_message_arrives_and_a_larger_one_is_refused);
        g_test_add_func("/reliable/too-many-messages-are-refused", too_many_messages_are_refused);
        g_test_add_func("/reliable/urgent-channel-overtakes", urgent_channel_overtakes);
        g_test_add_func("/reliable/failed-message-is-told-and-the-next-one-starts-clean",
                        failed_message_is_told_and_the_next_one_starts_clean);
        g_test_add_func("/reliable/impossible-fragments-are-dropped", impossible_fragments_are_dropped);
        return g_test_run();
}
