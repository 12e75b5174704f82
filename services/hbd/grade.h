/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How good one path is: round trip and its jitter, measured on the peer's echoes, and how much of what we
 * send the peer reports as lost. What we miss ourselves is counted by the replay window. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GRADE_SENT_MAX 64u

/* An echo names a frame of ours by these low bits of its sequence number (two bytes of a varint). */
#define GRADE_ECHO_MASK UINT64_C(0x3fff)

typedef struct Grade {
        struct {
                uint64_t sequence;
                uint64_t sent_usec;
        } sent[GRADE_SENT_MAX];
        uint64_t echoed;          /* our highest sequence number that the peer has echoed */
        uint64_t echoed_usec;     /* and when that came in */
        uint64_t round_trip_usec; /* smoothed as in RFC 6298; 0 = not measured yet */
        uint64_t last_usec;       /* the last single measurement */
        uint64_t jitter_usec;     /* smoothed difference of successive measurements */
        unsigned loss_out;        /* percent of our frames that the peer did not get, as it says */
} Grade;

void grade_reset(Grade *g);

/* A frame with this sequence number leaves now. */
void grade_sent(Grade *g, uint64_t sequence, uint64_t now_usec);

/*
 * The peer's frame, received at received_usec, echoes the frame of ours whose number ends in these bits, and
 * says how long it held the echo back (UINT64_MAX: it does not say). An echo of something too old to be
 * remembered, or one older than an earlier echo (reordering), is ignored. Returns true if it was new.
 */
bool grade_echo(Grade *g, uint32_t echo_low, uint64_t held_usec, uint64_t received_usec);
