/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames: header, sealing, opening. */
#include "services/hbd/frame.h"

#include <sodium.h>
#include <string.h>

_Static_assert(FRAME_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");
_Static_assert(FRAME_MAC_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "MAC size");

static uint8_t *put(uint8_t *at, uint64_t value, unsigned bytes)
{
        for (unsigned i = bytes; i-- > 0;)
                *at++ = (uint8_t) (value >> 8 * i);
        return at;
}

static uint64_t take(const uint8_t **at, unsigned bytes)
{
        uint64_t value = 0;

        while (bytes-- > 0)
                value = value << 8 | *(*at)++;
        return value;
}

void frame_key_init(FrameKey *key, const uint8_t bytes[static FRAME_KEY_BYTES])
{
        uint8_t hash[crypto_generichash_BYTES_MIN];

        memcpy(key->bytes, bytes, FRAME_KEY_BYTES);
        crypto_generichash(hash, sizeof(hash), bytes, FRAME_KEY_BYTES, (const uint8_t *) "hapair key id",
                           13);
        key->id = hash[0];
}

void frame_derive(const FrameKey *shared, const char *cluster, uint64_t sender, uint64_t counter,
                  uint64_t receiver, uint8_t ret_key[static FRAME_KEY_BYTES])
{
        uint8_t numbers[24];
        crypto_generichash_state state;

        put(put(put(numbers, sender, 8), counter, 8), receiver, 8);
        crypto_generichash_init(&state, shared->bytes, FRAME_KEY_BYTES, FRAME_KEY_BYTES);
        crypto_generichash_update(&state, (const uint8_t *) "hapair heartbeat", 16);
        crypto_generichash_update(&state, numbers, sizeof(numbers));
        crypto_generichash_update(&state, (const uint8_t *) cluster, strlen(cluster));
        crypto_generichash_final(&state, ret_key, FRAME_KEY_BYTES);
        sodium_memzero(&state, sizeof(state));
}

uint32_t frame_tag(const char *name)
{
        uint8_t hash[crypto_generichash_BYTES_MIN];
        const uint8_t *at = hash;

        crypto_generichash(hash, sizeof(hash), (const uint8_t *) name, strlen(name), NULL, 0);
        return (uint32_t) take(&at, 4);
}

static size_t head_size(FrameKind kind)
{
        return kind == FRAME_HELLO ? FRAME_HELLO_BYTES : FRAME_BEAT_BYTES;
}

static void write_head(const FrameHead *head, uint8_t *frame)
{
        frame = put(frame, FRAME_VERSION << 4 | head->kind, 1);
        frame = put(frame, head->key_id, 1);
        if (head->kind != FRAME_HELLO) {
                frame = put(frame, head->receiver, 2);
                put(frame, head->sequence, 4);
                return;
        }
        frame = put(frame, head->node, 1);
        frame = put(frame, head->cluster, 4);
        frame = put(frame, head->path, 2);
        frame = put(frame, head->sender, 8);
        frame = put(frame, head->receiver, 8);
        frame = put(frame, head->counter, 8);
        put(frame, head->sequence, 8);
}

FrameDrop frame_parse(const uint8_t *frame, size_t size, FrameHead *ret_head)
{
        FrameHead head = {};
        unsigned first;

        if (size < 1)
                return FRAME_TRUNCATED;
        first = (unsigned) take(&frame, 1);
        if (first >> 4 != FRAME_VERSION)
                return FRAME_VERSION_UNKNOWN;
        head.kind = (FrameKind) (first & 15);
        if (head.kind < FRAME_HELLO || head.kind >= FRAME_KIND_MAX)
                return FRAME_VERSION_UNKNOWN;
        if (size > FRAME_MAX || size < head_size(head.kind) + FRAME_MAC_BYTES)
                return FRAME_TRUNCATED;

        head.key_id = (uint8_t) take(&frame, 1);
        if (head.kind != FRAME_HELLO) {
                head.receiver = take(&frame, 2);
                head.sequence = take(&frame, 4);
        } else {
                head.node = (uint8_t) take(&frame, 1);
                head.cluster = (uint32_t) take(&frame, 4);
                head.path = (uint32_t) take(&frame, 2);
                head.sender = take(&frame, 8);
                head.receiver = take(&frame, 8);
                head.counter = take(&frame, 8);
                head.sequence = take(&frame, 8);
        }
        *ret_head = head;
        return FRAME_OK;
}

static void make_nonce(const FrameHead *head,
                       uint8_t ret_nonce[static crypto_aead_xchacha20poly1305_ietf_NPUBBYTES])
{
        memset(ret_nonce, 0, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
        put(put(put(ret_nonce, head->kind, 1), head->path, 4), head->sequence, 8);
}

/* The size of the packed body, made to fit by leaving out what the peer can do without for once. */
static size_t fit(Wire__Body *body, size_t room)
{
        if (wire__body__get_packed_size(body) > room)
                body->loss_percent = 0;
        if (wire__body__get_packed_size(body) > room)
                body->held = 0;
        return wire__body__get_packed_size(body);
}

size_t frame_seal(const FrameHead *head, const uint8_t key[static FRAME_KEY_BYTES], Wire__Body *body,
                  size_t room, uint8_t *ret_frame)
{
        uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
        size_t start = head_size(head->kind), size;

        if (room > FRAME_MAX)
                room = FRAME_MAX;
        if (room < start + FRAME_MAC_BYTES)
                return 0;
        size = fit(body, room - start - FRAME_MAC_BYTES);
        if (size > room - start - FRAME_MAC_BYTES)
                return 0;

        write_head(head, ret_frame);
        wire__body__pack(body, ret_frame + start);
        make_nonce(head, nonce);
        crypto_aead_xchacha20poly1305_ietf_encrypt(ret_frame + start, NULL, ret_frame + start, size,
                                                   ret_frame, start, NULL, nonce, key);
        return start + size + FRAME_MAC_BYTES;
}

static void *arena_alloc(void *allocator_data, size_t size)
{
        FrameArena *arena = allocator_data;
        uint8_t *at;

        if (size > sizeof(arena->bytes) - arena->used)
                return NULL;
        at = arena->bytes + arena->used;
        arena->used += (size + 15) & ~(size_t) 15;
        if (arena->used > sizeof(arena->bytes))
                arena->used = sizeof(arena->bytes);
        return at;
}

/* The whole arena is given back at its next use. */
static void arena_free(void *allocator_data, void *pointer)
{
}

FrameDrop frame_open(const FrameHead *head, const uint8_t key[static FRAME_KEY_BYTES], const uint8_t *frame,
                     size_t size, FrameArena *arena, Wire__Body **ret_body)
{
        ProtobufCAllocator allocator = { arena_alloc, arena_free, arena };
        uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES], plain[FRAME_MAX];
        size_t start = head_size(head->kind);
        unsigned long long plain_size;
        Wire__Body *body;

        make_nonce(head, nonce);
        if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &plain_size, NULL, frame + start, size - start,
                                                       frame, start, nonce, key) != 0)
                return FRAME_FORGED;

        arena->used = 0;
        body = wire__body__unpack(&allocator, (size_t) plain_size, plain);
        if (!body || body->record.len > RECORD_MAX)
                return FRAME_TRUNCATED;
        *ret_body = body;
        return FRAME_OK;
}

const char *frame_drop_to_string(FrameDrop drop)
{
        static const char *const names[FRAME_DROP_MAX] = {
                [FRAME_OK] = "received",
                [FRAME_TRUNCATED] = "truncated",
                [FRAME_VERSION_UNKNOWN] = "version",
                [FRAME_FOREIGN] = "foreign",
                [FRAME_WRONG_PATH] = "wrong-path",
                [FRAME_KEY_UNKNOWN] = "unknown-key",
                [FRAME_STALE] = "stale",
                [FRAME_OWN] = "own",
                [FRAME_FORGED] = "forged",
                [FRAME_REPLAYED] = "replayed",
                [FRAME_UNPROVEN] = "unproven",
        };

        return drop >= 0 && drop < FRAME_DROP_MAX ? names[drop] : "unknown";
}
