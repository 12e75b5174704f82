/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which frames of one path have been seen: refuses replayed ones, completes a shortened sequence number and
 * tells how many frames were lost. A ring bitmap as in RFC 6479: the bit of a sequence number is its value
 * modulo the size, so that nothing is ever shifted. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_BITS 256u

typedef struct Window {
        uint64_t top;     /* highest number accepted */
        uint64_t first;   /* lowest number that counts as expected: the first one accepted */
        uint64_t settled; /* up to here nothing is on its way any more: what is missing is lost */
        uint64_t bits[WINDOW_BITS / 64];
        bool open; /* something was accepted */
} Window;

void window_reset(Window *w);

/* True for a number never accepted before and not older than the window. */
bool window_is_fresh(const Window *w, uint64_t sequence);

/* Marks a fresh number as seen. Call it only once the frame has proved authentic. */
void window_accept(Window *w, uint64_t sequence);

/* What has a lower number than this one, which was accepted, has arrived or never will. */
void window_settle(Window *w, uint64_t sequence);

/* The full number nearest to the highest one seen that ends in these 32 bits. */
uint64_t window_expand(const Window *w, uint32_t low);

/* How many percent of the last 100 settled frames (fewer, shortly after the first) never arrived. */
unsigned window_loss_percent(const Window *w);
