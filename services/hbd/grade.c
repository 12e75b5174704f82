/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Round trip, jitter and outward loss of one path. */
#include "services/hbd/grade.h"

#include <string.h>

void grade_reset(Grade *g)
{
        memset(g, 0, sizeof(*g));
}

void grade_sent(Grade *g, uint64_t sequence, uint64_t now_usec)
{
        g->sent[sequence % GRADE_SENT_MAX].sequence = sequence;
        g->sent[sequence % GRADE_SENT_MAX].sent_usec = now_usec;
}

static uint64_t difference(uint64_t a, uint64_t b)
{
        return a > b ? a - b : b - a;
}

/* Moves the average an eighth towards the value, and never gets stuck below it by rounding. */
static uint64_t smooth(uint64_t average, uint64_t value)
{
        return (average * 7 + value + 4) / 8;
}

bool grade_echo(Grade *g, uint32_t echo_low, uint64_t held_usec, uint64_t received_usec)
{
        uint64_t sequence, sent, elapsed, round_trip;

        sequence = g->sent[echo_low % GRADE_SENT_MAX].sequence;
        sent = g->sent[echo_low % GRADE_SENT_MAX].sent_usec;
        if (sequence == 0 || (sequence & GRADE_ECHO_MASK) != echo_low || sequence <= g->echoed)
                return false;
        g->echoed = sequence;
        g->echoed_usec = received_usec;
        if (held_usec == UINT64_MAX)
                return true;

        elapsed = received_usec > sent ? received_usec - sent : 0;
        round_trip = elapsed > held_usec ? elapsed - held_usec : 0;
        if (round_trip == 0)
                round_trip = 1;

        if (g->round_trip_usec == 0) {
                g->round_trip_usec = round_trip;
        } else {
                g->jitter_usec = smooth(g->jitter_usec, difference(round_trip, g->last_usec));
                g->round_trip_usec = smooth(g->round_trip_usec, round_trip);
        }
        g->last_usec = round_trip;
        return true;
}
