/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames: what was sealed opens, nothing else does, and a full one fits a serial line. */
#include <glib.h>
#include <sodium.h>
#include <string.h>

#include "services/hbd/cobs.h"
#include "services/hbd/frame.h"

static FrameKey test_key(uint8_t seed)
{
        uint8_t bytes[FRAME_KEY_BYTES];
        FrameKey key;

        memset(bytes, seed, sizeof(bytes));
        frame_key_init(&key, bytes);
        return key;
}

static FrameHead hello_head(void)
{
        return (FrameHead){
                .kind = FRAME_HELLO,
                .key_id = 7,
                .node = 1,
                .cluster = 0x01020304,
                .path = 0xaabbccdd,
                .sender = UINT64_C(0x1122334455667788),
                .receiver = UINT64_C(0x99aabbccddeeff00),
                .counter = 42,
                .sequence = UINT64_C(1) << 41,
        };
}

/* A beat with every field as large as it may be. */
static void fill_body(Wire__Body *body, uint8_t record[static RECORD_MAX])
{
        wire__body__init(body);
        memset(record, 0xee, RECORD_MAX);
        body->record = (ProtobufCBinaryData){ RECORD_MAX, record };
        body->record_age_ms = 0x1fffff;
        body->serial = 0x3fff;
        body->echo = 0x3fff;
        body->held = 0x1fffff;
        body->loss_percent = 100;
}

static void sealed_beat_with_a_full_record_fits_a_serial_frame(void)
{
        uint8_t record[RECORD_MAX], frame[FRAME_MAX], line[SERIAL_LINE_MAX];
        FrameHead head = { .kind = FRAME_BEAT, .receiver = 0x1234, .sequence = UINT32_MAX, .path = 5 }, seen;
        FrameKey key = test_key(1);
        FrameArena arena;
        Wire__Body body, *out;
        size_t size;

        fill_body(&body, record);
        size = frame_seal(&head, key.bytes, &body, SERIAL_PAYLOAD_MAX, frame);
        g_assert_cmpuint(size, >, 0);
        g_assert_cmpuint(serial_enframe(frame, size, line), <=, 96);

        g_assert_cmpint(frame_parse(frame, size, &seen), ==, FRAME_OK);
        seen.path = head.path;
        g_assert_cmpint(frame_open(&seen, key.bytes, frame, size, &arena, &out), ==, FRAME_OK);
        g_assert_cmpmem(out->record.data, out->record.len, record, RECORD_MAX);
        g_assert_cmpuint(out->serial, ==, 0x3fff);
        g_assert_cmpuint(out->echo, ==, 0x3fff);
        g_assert_cmpuint(out->held, ==, 0x1fffff);
}

static void sealed_hello_fits_a_serial_frame(void)
{
        uint8_t boot_id[BOOT_ID_BYTES] = { 1 }, frame[FRAME_MAX], line[SERIAL_LINE_MAX];
        FrameHead head = hello_head(), seen;
        FrameKey key = test_key(1);
        Wire__Body body = WIRE__BODY__INIT, *out;
        FrameArena arena;
        size_t size;

        body.boot_id = (ProtobufCBinaryData){ BOOT_ID_BYTES, boot_id };
        body.lowest_version = FRAME_LOWEST_VERSION;
        body.echo = (UINT64_C(1) << 42) - 1;
        body.held = 0x1fffff;
        size = frame_seal(&head, key.bytes, &body, SERIAL_PAYLOAD_MAX, frame);
        g_assert_cmpuint(size, >, 0);
        g_assert_cmpuint(serial_enframe(frame, size, line), <=, 96);

        g_assert_cmpint(frame_parse(frame, size, &seen), ==, FRAME_OK);
        g_assert_cmphex(seen.sender, ==, head.sender);
        g_assert_cmphex(seen.receiver, ==, head.receiver);
        g_assert_cmpuint(seen.counter, ==, head.counter);
        g_assert_cmpuint(seen.sequence, ==, head.sequence);
        g_assert_cmphex(seen.cluster, ==, head.cluster);
        g_assert_cmphex(seen.path, ==, head.path & 0xffff);
        seen.path = head.path;
        g_assert_cmpint(frame_open(&seen, key.bytes, frame, size, &arena, &out), ==, FRAME_OK);
        g_assert_cmpuint(out->echo, ==, (UINT64_C(1) << 42) - 1);
        g_assert_cmpuint(out->boot_id.len, ==, BOOT_ID_BYTES);
}

static void every_flipped_bit_is_found(void)
{
        uint8_t record[RECORD_MAX], frame[FRAME_MAX];
        const FrameHead heads[] = { hello_head(), { .kind = FRAME_BEAT, .sequence = 9, .path = 3 } };
        FrameKey key = test_key(1);
        FrameArena arena;

        for (unsigned i = 0; i < G_N_ELEMENTS(heads); i++) {
                Wire__Body body, *out;
                size_t size;

                fill_body(&body, record);
                size = frame_seal(&heads[i], key.bytes, &body, FRAME_MAX, frame);
                for (size_t bit = 0; bit < 8 * size; bit++) {
                        FrameHead seen;

                        frame[bit / 8] ^= (uint8_t) (1u << bit % 8);
                        if (frame_parse(frame, size, &seen) == FRAME_OK && seen.kind == heads[i].kind) {
                                seen.path = heads[i].path;
                                g_assert_cmpint(frame_open(&seen, key.bytes, frame, size, &arena, &out), ==,
                                                FRAME_FORGED);
                        }
                        frame[bit / 8] ^= (uint8_t) (1u << bit % 8);
                }
        }
}

static void every_truncation_is_found(void)
{
        uint8_t record[RECORD_MAX], frame[FRAME_MAX];
        FrameHead head = hello_head(), seen;
        FrameKey key = test_key(1);
        Wire__Body body, *out;
        FrameArena arena;
        size_t size;

        fill_body(&body, record);
        size = frame_seal(&head, key.bytes, &body, FRAME_MAX, frame);
        for (size_t n = 0; n < size; n++) {
                FrameDrop drop = frame_parse(frame, n, &seen);

                seen.path = head.path;
                if (drop == FRAME_OK)
                        drop = frame_open(&seen, key.bytes, frame, n, &arena, &out);
                g_assert_true(drop == FRAME_TRUNCATED || drop == FRAME_FORGED);
        }
}

static void frame_for_another_path_or_number_does_not_open(void)
{
        uint8_t record[RECORD_MAX], frame[FRAME_MAX];
        FrameHead head = { .kind = FRAME_BEAT, .sequence = UINT64_C(0x100000009), .path = 3 }, seen;
        FrameKey key = test_key(1);
        Wire__Body body, *out;
        FrameArena arena;
        size_t size;

        fill_body(&body, record);
        size = frame_seal(&head, key.bytes, &body, FRAME_MAX, frame);
        g_assert_cmpint(frame_parse(frame, size, &seen), ==, FRAME_OK);
        seen.path = 4;
        seen.sequence = head.sequence;
        g_assert_cmpint(frame_open(&seen, key.bytes, frame, size, &arena, &out), ==, FRAME_FORGED);
        seen.path = 3;
        seen.sequence = 9;
        g_assert_cmpint(frame_open(&seen, key.bytes, frame, size, &arena, &out), ==, FRAME_FORGED);
        seen.sequence = head.sequence;
        g_assert_cmpint(frame_open(&seen, key.bytes, frame, size, &arena, &out), ==, FRAME_OK);
}

static void other_versions_are_told_apart(void)
{
        uint8_t frame[FRAME_MAX] = { 2 << 4 | FRAME_HELLO };
        FrameHead seen;

        g_assert_cmpint(frame_parse(frame, 100, &seen), ==, FRAME_VERSION_UNKNOWN);
        frame[0] = FRAME_VERSION << 4 | 9;
        g_assert_cmpint(frame_parse(frame, 100, &seen), ==, FRAME_VERSION_UNKNOWN);
}

static void derived_keys_differ_by_direction_start_and_cluster(void)
{
        FrameKey key = test_key(1), other = test_key(2);
        uint8_t keys[6][FRAME_KEY_BYTES];

        frame_derive(&key, "gw", 1, 5, 2, keys[0]);
        frame_derive(&key, "gw", 2, 5, 1, keys[1]);
        frame_derive(&key, "gw", 1, 6, 2, keys[2]);
        frame_derive(&key, "gw", 1, 5, 0, keys[3]);
        frame_derive(&key, "fw", 1, 5, 2, keys[4]);
        frame_derive(&other, "gw", 1, 5, 2, keys[5]);
        for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++)
                for (unsigned j = 0; j < i; j++)
                        g_assert_cmpint(memcmp(keys[i], keys[j], FRAME_KEY_BYTES), !=, 0);
        g_assert_cmpuint(key.id, !=, other.id);
}

static void what_does_not_fit_is_not_sent(void)
{
        uint8_t bytes[FRAME_MAX] = {}, frame[FRAME_MAX];
        FrameHead head = { .kind = FRAME_BEAT };
        FrameKey key = test_key(1);
        Wire__Body body = WIRE__BODY__INIT;

        body.record = (ProtobufCBinaryData){ sizeof(bytes), bytes };
        g_assert_cmpuint(frame_seal(&head, key.bytes, &body, FRAME_MAX, frame), ==, 0);
        g_assert_cmpuint(frame_seal(&head, key.bytes, &body, 10, frame), ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        g_test_add_func("/frame/sealed-beat-with-a-full-record-fits-a-serial-frame",
                        sealed_beat_with_a_full_record_fits_a_serial_frame);
        g_test_add_func("/frame/sealed-hello-fits-a-serial-frame", sealed_hello_fits_a_serial_frame);
        g_test_add_func("/frame/every-flipped-bit-is-found", every_flipped_bit_is_found);
        g_test_add_func("/frame/every-truncation-is-found", every_truncation_is_found);
        g_test_add_func("/frame/frame-for-another-path-or-number-does-not-open",
                        frame_for_another_path_or_number_does_not_open);
        g_test_add_func("/frame/other-versions-are-told-apart", other_versions_are_told_apart);
        g_test_add_func("/frame/derived-keys-differ-by-direction-start-and-cluster",
                        derived_keys_differ_by_direction_start_and_cluster);
        g_test_add_func("/frame/what-does-not-fit-is-not-sent", what_does_not_fit_is_not_sent);
        return g_test_run();
}
