/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames on a serial line: every payload comes back, noise never looks like one. */
#include <glib.h>
#include <string.h>

#include "common/base/crc32.h"
#include "services/hbd/cobs.h"

static void crc_is_that_of_ieee_802_3(void)
{
        g_assert_cmphex(crc32_update(0, "123456789", 9), ==, 0xcbf43926);
}

/* Feeds bytes, counts results; keeps the last frame in the deframer. */
static void feed(Deframer *d, const uint8_t *bytes, size_t size, unsigned count[static DEFRAME_RESULT_MAX])
{
        for (size_t i = 0; i < size; i++)
                count[deframer_push(d, bytes[i])]++;
}

static void random_payload(GRand *rand, uint8_t *payload, size_t size)
{
        for (size_t i = 0; i < size; i++)
                payload[i] = g_rand_int_range(rand, 0, 3) == 0 ? 0 : (uint8_t) g_rand_int(rand);
}

static void every_payload_comes_back_and_fits_the_line(void)
{
        GRand *rand = g_rand_new_with_seed(1);
        Deframer d = {};

        for (unsigned run = 0; run < 20000; run++) {
                uint8_t payload[SERIAL_PAYLOAD_MAX], line[SERIAL_LINE_MAX];
                size_t size = (size_t) g_rand_int_range(rand, 1, SERIAL_PAYLOAD_MAX + 1);
                unsigned count[DEFRAME_RESULT_MAX] = {};
                size_t used;

                random_payload(rand, payload, size);
                used = serial_enframe(payload, size, line);
                g_assert_cmpuint(used, <=, SERIAL_LINE_MAX);
                g_assert_null(memchr(line + 1, 0, used - 2));
                feed(&d, line, used, count);
                g_assert_cmpuint(count[DEFRAME_FRAME], ==, 1);
                g_assert_cmpuint(count[DEFRAME_NOISE], ==, 0);
                g_assert_cmpmem(d.payload, d.size, payload, size);
        }
        g_rand_free(rand);
}

static void too_large_a_payload_is_refused(void)
{
        uint8_t payload[SERIAL_PAYLOAD_MAX + 1] = {}, line[SERIAL_LINE_MAX];

        g_assert_cmpuint(serial_enframe(payload, sizeof(payload), line), ==, 0);
}

static void damaged_frame_costs_no_other_frame(void)
{
        GRand *rand = g_rand_new_with_seed(2);
        Deframer d = {};

        for (unsigned run = 0; run < 5000; run++) {
                uint8_t payload[60], line[SERIAL_LINE_MAX];
                unsigned damaged[DEFRAME_RESULT_MAX] = {}, whole[DEFRAME_RESULT_MAX] = {};
                size_t used;

                random_payload(rand, payload, sizeof(payload));
                used = serial_enframe(payload, sizeof(payload), line);
                line[g_rand_int_range(rand, 1, (gint32) used - 1)] ^=
                                (uint8_t) g_rand_int_range(rand, 1, 256);
                feed(&d, line, (size_t) g_rand_int_range(rand, 2, (gint32) used), damaged);
                g_assert_cmpuint(damaged[DEFRAME_FRAME], ==, 0);

                used = serial_enframe(payload, sizeof(payload), line);
                feed(&d, line, used, whole);
                g_assert_cmpuint(whole[DEFRAME_FRAME], ==, 1);
                g_assert_cmpmem(d.payload, d.size, payload, sizeof(payload));
        }
        g_rand_free(rand);
}

static void endless_noise_is_bounded_and_forgotten(void)
{
        const uint8_t payload[] = { 1, 0, 2 };
        uint8_t line[SERIAL_LINE_MAX];
        unsigned count[DEFRAME_RESULT_MAX] = {};
        Deframer d = {};

        for (unsigned i = 0; i < 100000; i++)
                g_assert_cmpint(deframer_push(&d, 0x55), ==, DEFRAME_MORE);
        feed(&d, line, serial_enframe(payload, sizeof(payload), line), count);
        g_assert_cmpuint(count[DEFRAME_NOISE], ==, 1);
        g_assert_cmpuint(count[DEFRAME_FRAME], ==, 1);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cobs/crc-is-that-of-ieee-802-3", crc_is_that_of_ieee_802_3);
        g_test_add_func("/cobs/every-payload-comes-back-and-fits-the-line",
                        every_payload_comes_back_and_fits_the_line);
        g_test_add_func("/cobs/too-large-a-payload-is-refused", too_large_a_payload_is_refused);
        g_test_add_func("/cobs/damaged-frame-costs-no-other-frame", damaged_frame_costs_no_other_frame);
        g_test_add_func("/cobs/endless-noise-is-bounded-and-forgotten",
                        endless_noise_is_bounded_and_forgotten);
        return g_test_run();
}
