/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The replay window, held against a model that simply remembers everything. */
#include <glib.h>

#include "services/hbd/window.h"

#define SPAN 100000u

typedef struct Model {
        GHashTable *seen;
        uint64_t top;
} Model;

static bool model_is_fresh(const Model *m, uint64_t sequence)
{
        if (g_hash_table_size(m->seen) == 0)
                return true;
        return !g_hash_table_contains(m->seen, &sequence) &&
               (sequence > m->top || m->top - sequence < WINDOW_BITS);
}

static void model_accept(Model *m, uint64_t sequence)
{
        g_hash_table_add(m->seen, g_memdup2(&sequence, sizeof(sequence)));
        m->top = MAX(m->top, sequence);
}

static void window_agrees_with_a_model_that_remembers_everything(void)
{
        GRand *rand = g_rand_new_with_seed(20261123);

        for (unsigned run = 0; run < 50; run++) {
                Model m = { g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL), 0 };
                uint64_t base = run % 2 ? UINT64_C(0xfffffff0)
                                        : (uint64_t) g_rand_int_range(rand, 400, 1000);
                Window w;

                window_reset(&w);
                for (unsigned i = 0; i < 2000; i++) {
                        int jump = g_rand_int_range(rand, 0, 100) == 0 ? 900 : 20;
                        uint64_t sequence = base + 300 - (uint64_t) g_rand_int_range(rand, 300 - jump, 600);

                        g_assert_cmpint(window_is_fresh(&w, sequence), ==, model_is_fresh(&m, sequence));
                        if (model_is_fresh(&m, sequence)) {
                                window_accept(&w, sequence);
                                model_accept(&m, sequence);
                        }
                        base = MAX(base, sequence);
                        base += g_rand_boolean(rand);
                }
                g_hash_table_unref(m.seen);
        }
        g_rand_free(rand);
}

static void window_accepts_no_number_twice(void)
{
        Window w;

        window_reset(&w);
        for (uint64_t s = 1; s < 1000; s++) {
                g_assert_true(window_is_fresh(&w, s));
                window_accept(&w, s);
                g_assert_false(window_is_fresh(&w, s));
        }
        for (uint64_t s = 1; s < 1000; s++)
                g_assert_false(window_is_fresh(&w, s));
}

static void short_number_is_completed_to_the_nearest_one(void)
{
        Window w;

        window_reset(&w);
        window_accept(&w, UINT64_C(0x1ffffffff));
        g_assert_cmphex(window_expand(&w, 0), ==, UINT64_C(0x200000000));
        g_assert_cmphex(window_expand(&w, 0xfffffff0), ==, UINT64_C(0x1fffffff0));
        window_accept(&w, UINT64_C(0x200000005));
        g_assert_cmphex(window_expand(&w, 0xfffffffe), ==, UINT64_C(0x1fffffffe));
        g_assert_cmphex(window_expand(&w, 6), ==, UINT64_C(0x200000006));

        window_reset(&w);
        window_accept(&w, 3);
        g_assert_cmphex(window_expand(&w, 0xffffffff), ==, 0xffffffff);
}

static void accept_settled(Window *w, uint64_t sequence)
{
        window_accept(w, sequence);
        window_settle(w, sequence);
}

static void loss_is_the_share_missing_of_the_last_hundred(void)
{
        Window w;

        window_reset(&w);
        g_assert_cmpuint(window_loss_percent(&w), ==, 0);
        accept_settled(&w, 1000);
        g_assert_cmpuint(window_loss_percent(&w), ==, 0);
        accept_settled(&w, 1003);
        g_assert_cmpuint(window_loss_percent(&w), ==, 50);
        for (uint64_t s = 1004; s < 1500; s++)
                if (s % 10 < 7)
                        accept_settled(&w, s);
        g_assert_cmpuint(window_loss_percent(&w), >=, 28);
        g_assert_cmpuint(window_loss_percent(&w), <=, 31);
        accept_settled(&w, 99999);
        g_assert_cmpuint(window_loss_percent(&w), ==, 99);
}

static void what_is_still_on_its_way_is_not_lost(void)
{
        Window w;

        window_reset(&w);
        accept_settled(&w, 10);
        window_accept(&w, 15); /* an urgent one overtook 11 to 14 */
        g_assert_cmpuint(window_loss_percent(&w), ==, 0);
        for (uint64_t s = 11; s < 15; s++)
                accept_settled(&w, s);
        accept_settled(&w, 16);
        g_assert_cmpuint(window_loss_percent(&w), ==, 0);
}

static void frame_older_than_the_first_does_not_upset_the_loss(void)
{
        Window w;

        window_reset(&w);
        accept_settled(&w, 5);
        accept_settled(&w, 4);
        g_assert_cmpuint(window_loss_percent(&w), ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/window/agrees-with-a-model-that-remembers-everything",
                        window_agrees_with_a_model_that_remembers_everything);
        g_test_add_func("/window/accepts-no-number-twice", window_accepts_no_number_twice);
        g_test_add_func("/window/short-number-is-completed-to-the-nearest-one",
                        short_number_is_completed_to_the_nearest_one);
        g_test_add_func("/window/loss-is-the-share-missing-of-the-last-hundred",
                        loss_is_the_share_missing_of_the_last_hundred);
        g_test_add_func("/window/what-is-still-on-its-way-is-not-lost",
                        what_is_still_on_its_way_is_not_lost);
        g_test_add_func("/window/frame-older-than-the-first-does-not-upset-the-loss",
                        frame_older_than_the_first_does_not_upset_the_loss);
        return g_test_run();
}
