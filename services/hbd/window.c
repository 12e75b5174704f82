/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replay window and loss count of one path. */
#include "services/hbd/window.h"

#include <string.h>

#define LOSS_FRAMES 100u

static bool bit_get(const Window *w, uint64_t sequence)
{
        unsigned i = sequence % WINDOW_BITS;

        return w->bits[i / 64] >> (i % 64) & 1;
}

static void bit_set(Window *w, uint64_t sequence, bool value)
{
        unsigned i = sequence % WINDOW_BITS;
        uint64_t mask = UINT64_C(1) << (i % 64);

        w->bits[i / 64] = value ? w->bits[i / 64] | mask : w->bits[i / 64] & ~mask;
}

void window_reset(Window *w)
{
        memset(w, 0, sizeof(*w));
}

bool window_is_fresh(const Window *w, uint64_t sequence)
{
        if (!w->open || sequence > w->top)
                return true;
        if (w->top - sequence >= WINDOW_BITS)
                return false;
        return !bit_get(w, sequence);
}

void window_accept(Window *w, uint64_t sequence)
{
        if (!w->open) {
                w->open = true;
                w->top = w->first = sequence;
        } else if (sequence > w->top) {
                if (sequence - w->top >= WINDOW_BITS)
                        memset(w->bits, 0, sizeof(w->bits));
                else
                        for (uint64_t s = w->top + 1; s <= sequence; s++)
                                bit_set(w, s, false);
                w->top = sequence;
        }

        bit_set(w, sequence, true);
}

void window_settle(Window *w, uint64_t sequence)
{
        if (sequence > w->settled)
                w->settled = sequence;
}

uint64_t window_expand(const Window *w, uint32_t low)
{
        uint64_t near = (w->top & ~(uint64_t) UINT32_MAX) | low;
        const uint64_t half = UINT64_C(1) << 31, whole = UINT64_C(1) << 32;

        if (near > w->top && near - w->top > half && near >= whole)
                return near - whole;
        if (near < w->top && w->top - near > half && near <= UINT64_MAX - whole)
                return near + whole;
        return near;
}

unsigned window_loss_percent(const Window *w)
{
        uint64_t span, missing = 0;

        /* What is out of the window's reach is not known any more. */
        if (!w->open || w->settled < w->first || w->top - w->settled >= WINDOW_BITS - LOSS_FRAMES)
                return 0;

        span = w->settled - w->first;
        if (span >= LOSS_FRAMES)
                span = LOSS_FRAMES - 1;
        for (uint64_t i = 0; i <= span; i++)
                missing += !bit_get(w, w->settled - i);

        return (unsigned) (missing * 100 / (span + 1));
}
