/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* COBS and CRC-32: frames on a serial line. */
#include "services/hbd/cobs.h"

#include <string.h>

#include "common/base/crc32.h"

/* Returns the size of the code; fewer than 254 bytes go in, so one code byte more comes out. */
static size_t cobs_encode(const uint8_t *bytes, size_t size, uint8_t *ret_code)
{
        size_t block = 0, used = 1;

        for (size_t i = 0; i < size; i++) {
                if (bytes[i] != 0) {
                        ret_code[used++] = bytes[i];
                        continue;
                }
                ret_code[block] = (uint8_t) (used - block);
                block = used++;
        }
        ret_code[block] = (uint8_t) (used - block);
        return used;
}

/* Returns the size of the payload, or 0 if a block reaches past the end. */
static size_t cobs_decode(const uint8_t *code, size_t size, uint8_t *ret_bytes)
{
        size_t used = 0;

        for (size_t i = 0; i < size;) {
                size_t block = code[i];

                if (block == 0 || block > size - i)
                        return 0;
                memcpy(ret_bytes + used, code + i + 1, block - 1);
                used += block - 1;
                i += block;
                if (i < size)
                        ret_bytes[used++] = 0;
        }
        return used;
}

size_t serial_enframe(const uint8_t *payload, size_t size, uint8_t ret_line[static SERIAL_LINE_MAX])
{
        uint8_t plain[SERIAL_PAYLOAD_MAX + SERIAL_CRC_BYTES];
        uint32_t crc;
        size_t used;

        if (size > SERIAL_PAYLOAD_MAX)
                return 0;

        memcpy(plain, payload, size);
        crc = crc32_update(0, payload, size);
        for (unsigned i = 0; i < SERIAL_CRC_BYTES; i++)
                plain[size + i] = (uint8_t) (crc >> 8 * i);

        ret_line[0] = 0;
        used = 1 + cobs_encode(plain, size + SERIAL_CRC_BYTES, ret_line + 1);
        ret_line[used++] = 0;
        return used;
}

static DeframeResult deframer_finish(Deframer *d)
{
        size_t size, excess = d->excess;
        uint32_t crc = 0;

        size = cobs_decode(d->line, d->used, d->payload);
        d->used = d->excess = 0;
        if (excess > 0 || size <= SERIAL_CRC_BYTES)
                return DEFRAME_NOISE;

        size -= SERIAL_CRC_BYTES;
        for (unsigned i = 0; i < SERIAL_CRC_BYTES; i++)
                crc |= (uint32_t) d->payload[size + i] << 8 * i;
        if (crc != crc32_update(0, d->payload, size))
                return DEFRAME_NOISE;
        d->size = size;
        return DEFRAME_FRAME;
}

DeframeResult deframer_push(Deframer *d, uint8_t byte)
{
        if (byte == 0)
                return d->used > 0 ? deframer_finish(d) : DEFRAME_MORE;

        if (d->used < sizeof(d->line))
                d->line[d->used++] = byte;
        else if (d->excess < SIZE_MAX)
                d->excess++;
        return DEFRAME_MORE;
}
