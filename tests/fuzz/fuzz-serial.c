/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes from a serial line. Whatever comes out as a frame must come out again when it is framed; and however
 * the line was left, the next whole frame is found.
 */
#include <stdlib.h>
#include <string.h>

#include "services/hbd/cobs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static DeframeResult push_all(Deframer *d, const uint8_t *line, size_t size)
{
        DeframeResult result = DEFRAME_MORE;

        for (size_t i = 0; i < size; i++)
                result = deframer_push(d, line[i]);
        return result;
}

static void check_frame(const Deframer *d)
{
        uint8_t line[SERIAL_LINE_MAX];
        Deframer again = {};
        size_t used;

        if (d->size == 0 || d->size > SERIAL_LINE_MAX)
                abort();
        used = serial_enframe(d->payload, d->size, line);
        if (d->size > SERIAL_PAYLOAD_MAX)
                return;
        if (used == 0 || push_all(&again, line, used) != DEFRAME_FRAME || again.size != d->size ||
            memcmp(again.payload, d->payload, d->size) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t payload[] = { 0, 1, 0, 2 };
        uint8_t line[SERIAL_LINE_MAX];
        Deframer d = {};

        for (size_t i = 0; i < size; i++)
                if (deframer_push(&d, data[i]) == DEFRAME_FRAME)
                        check_frame(&d);
        if (push_all(&d, line, serial_enframe(payload, sizeof(payload), line)) != DEFRAME_FRAME ||
            d.size != sizeof(payload) || memcmp(d.payload, payload, sizeof(payload)) != 0)
                abort();
        return 0;
}
