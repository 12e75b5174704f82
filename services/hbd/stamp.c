/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel receive stamps in CLOCK_BOOTTIME. */
#include "services/hbd/stamp.h"

/* Two clocks read in turn differ a little by themselves, and NTP slews by up to a thousandth. */
#define TOLERANCE_NSEC  UINT64_C(1000000)
#define TOLERANCE_SHARE UINT64_C(1000)

void stamper_drain(Stamper *s, bool emptied, uint64_t boot_nsec, uint64_t real_nsec)
{
        if (emptied) {
                s->previous_nsec = s->drain_nsec;
                s->previous_offset_nsec = s->offset_nsec;
        }
        s->drain_nsec = boot_nsec;
        s->offset_nsec = real_nsec - boot_nsec;
}

uint64_t stamper_received(const Stamper *s, uint64_t stamp_real_nsec)
{
        /* Modular, so that a clock set to before the machine's start is no special case. */
        uint64_t moved = s->offset_nsec - s->previous_offset_nsec;
        uint64_t tolerance = TOLERANCE_NSEC + (s->drain_nsec - s->previous_nsec) / TOLERANCE_SHARE;
        uint64_t received_nsec = stamp_real_nsec - s->offset_nsec;

        if (moved > tolerance && -moved > tolerance)
                return s->drain_nsec / 1000;
        if (received_nsec <= s->previous_nsec || received_nsec > s->drain_nsec)
                return s->drain_nsec / 1000;
        return received_nsec / 1000;
}
