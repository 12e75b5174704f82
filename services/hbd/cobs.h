/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames on a byte stream: COBS (Cheshire and Baker, 1999) keeps the zero byte for the end of a frame, a
 * CRC-32 (IEEE 802.3) tells noise from a frame. Trust comes from the frame's own authentication. Pure.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

/* The whole of what one frame takes on the line, and what of it is payload: 9 ms at 115200 baud. */
#define SERIAL_LINE_MAX  96u
#define SERIAL_CRC_BYTES 4u
#define SERIAL_PAYLOAD_MAX                                                                                  \
        (SERIAL_LINE_MAX - SERIAL_CRC_BYTES - 3u) /* code byte, a zero before and behind */

typedef enum DeframeResult {
        DEFRAME_MORE,  /* no frame complete yet */
        DEFRAME_FRAME, /* payload[0..size) is one */
        DEFRAME_NOISE, /* something ended that is no frame: wrong code, check sum or length */
        DEFRAME_RESULT_MAX,
        DEFRAME_RESULT_INVALID = -EINVAL,
} DeframeResult;

typedef struct Deframer {
        uint8_t line[SERIAL_LINE_MAX];
        size_t used;
        size_t excess; /* bytes past the longest frame: counted only, dropped at the next zero */
        uint8_t payload[SERIAL_LINE_MAX];
        size_t size;
} Deframer;

/*
 * Writes zero, COBS(payload, CRC), zero. Returns the bytes on the line, or 0 for a payload larger than
 * SERIAL_PAYLOAD_MAX.
 */
size_t serial_enframe(const uint8_t *payload, size_t size, uint8_t ret_line[static SERIAL_LINE_MAX]);

/* Takes the next byte of the line. */
DeframeResult deframer_push(Deframer *d, uint8_t byte);
