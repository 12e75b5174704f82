/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Receive times that do not depend on when we got to read: turns the kernel's stamp (CLOCK_REALTIME) into
 * CLOCK_BOOTTIME. One for each socket. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct Stamper {
        uint64_t drain_nsec;    /* CLOCK_BOOTTIME when we began to empty the socket this time */
        uint64_t offset_nsec;   /* CLOCK_REALTIME - CLOCK_BOOTTIME then */
        uint64_t previous_nsec; /* the same of the time before */
        uint64_t previous_offset_nsec;
} Stamper;

/*
 * The socket is about to be read; both clocks were read right after one another. `emptied`: the time before
 * left nothing in it, so what is there now came in since then.
 */
void stamper_drain(Stamper *s, bool emptied, uint64_t boot_nsec, uint64_t real_nsec);

/*
 * When a frame with this kernel stamp came in, in microseconds of CLOCK_BOOTTIME. A stamp that cannot be
 * true (older than the time before, or of the future) or any while somebody sets the clock gives the time of
 * reading, which is never earlier than the truth: it cannot make a living peer look silent.
 */
uint64_t stamper_received(const Stamper *s, uint64_t stamp_real_nsec);
