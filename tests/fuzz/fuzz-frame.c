/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames from a UDP socket, against a heart that has met its peer. The input is a row of records: a byte
 * that says what the record is, a byte with its length, then that many bytes. Raw ones arrive as they are;
 * the others stand for what an attacker cannot make but a broken peer can: they are sealed with the
 * session's key, so that everything behind the authentication is reached too.
 */
#include <sodium.h>
#include <string.h>

#include "common/base/macros.h"
#include "services/hbd/heart.h"

#define NOW UINT64_C(1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Ends {
        Heart *here, *there;
        uint64_t now;
} Ends;

static int send_here(void *userdata, unsigned path, const uint8_t *frame, size_t size)
{
        Ends *e = userdata;

        (void) heart_receive(e->there, path, frame, size, e->now, e->now);
        return 0;
}

static int send_there(void *userdata, unsigned path, const uint8_t *frame, size_t size)
{
        Ends *e = userdata;

        (void) heart_receive(e->here, path, frame, size, e->now, e->now);
        return 0;
}

static void take_message(void *userdata, Channel channel, uint64_t instance, const uint8_t *bytes,
                         size_t size)
{
        if (size > (channel == CHANNEL_CONFIG ? RELIABLE_CONFIG_BYTES : RELIABLE_ELECTION_BYTES))
                abort();
}

static void message_done(void *userdata, uint64_t id, bool delivered)
{
}

static Heart *make_heart(Ends *e, uint8_t node, const HeartOps *ops)
{
        const HeartConfig config = { "gw", node, 300000 };
        HeartSelf self = { .instance = 0x1000u + node, .counter = 1, .n_keys = 1 };
        uint8_t key[FRAME_KEY_BYTES] = { 1 };
        unsigned path;
        Heart *h;

        frame_key_init(&self.keys[0], key);
        if (heart_new(&self, ops, e, &h) < 0)
                abort();
        heart_configure(h, &config, NOW);
        if (heart_add_path(h, "lan", PATH_UDP, 0, NOW, &path) < 0)
                abort();
        heart_path_down(h, path, false);
        return h;
}

/* A sealed frame with these bytes as its body: what frame_seal() does, for a body that is not valid. */
static size_t seal_bytes(const Heart *there, FrameHead *head, const uint8_t *body, size_t size,
                         uint8_t *ret_frame)
{
        uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES] = { FRAME_BEAT };
        uint32_t tag = frame_tag("lan");

        ret_frame[0] = FRAME_VERSION << 4 | FRAME_BEAT;
        ret_frame[1] = there->self.keys[0].id;
        ret_frame[2] = (uint8_t) (there->peer.instance >> 8);
        ret_frame[3] = (uint8_t) there->peer.instance;
        for (unsigned i = 0; i < 4; i++) {
                nonce[1 + i] = (uint8_t) (tag >> 8 * (3 - i));
                ret_frame[4 + i] = (uint8_t) (head->sequence >> 8 * (3 - i));
        }
        for (unsigned i = 0; i < 8; i++)
                nonce[5 + i] = (uint8_t) (head->sequence >> 8 * (7 - i));
        crypto_aead_xchacha20poly1305_ietf_encrypt(ret_frame + FRAME_BEAT_BYTES, NULL, body, size, ret_frame,
                                                   FRAME_BEAT_BYTES, NULL, nonce, there->peer.send_key);
        return FRAME_BEAT_BYTES + size + FRAME_MAC_BYTES;
}

static void play(Ends *e, const uint8_t *data, size_t size)
{
        uint64_t sequence = 1000;

        while (size >= 2) {
                bool raw = data[0] & 1;
                size_t n = MIN_OF((size_t) data[1] * (data[0] & 2 ? 4u : 1u), size - 2);
                uint8_t frame[FRAME_MAX];

                e->now += (uint64_t) data[0] * 100;
                if (raw) {
                        (void) heart_receive(e->here, 0, data + 2, n, e->now, e->now);
                } else if (n + FRAME_BEAT_BYTES + FRAME_MAC_BYTES <= sizeof(frame)) {
                        FrameHead head = { .sequence = ++sequence };
                        size_t whole = seal_bytes(e->there, &head, data + 2, n, frame);

                        if (heart_receive(e->here, 0, frame, whole, e->now, e->now) == FRAME_FORGED)
                                abort(); /* then this fuzzer reaches nothing */
                }
                (void) heart_turn(e->here, e->now);
                data += 2 + n;
                size -= 2 + n;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const HeartOps here = { send_here, take_message, message_done },
                              there = { send_there, take_message, message_done };
        Ends e = { .now = NOW };

        if (sodium_init() < 0)
                abort();
        e.here = make_heart(&e, 1, &here);
        e.there = make_heart(&e, 2, &there);
        for (unsigned i = 0; i < 3; i++, e.now += 30000) {
                (void) heart_turn(e.here, e.now);
                (void) heart_turn(e.there, e.now);
        }
        if (e.here->peer.instance == 0 || e.there->peer.instance == 0)
                abort();
        play(&e, data, size);
        heart_free(e.here);
        heart_free(e.there);
        return 0;
}
