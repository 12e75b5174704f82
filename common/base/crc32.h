/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CRC-32 (IEEE 802.3, reflected, as zlib's crc32()): finds torn slots of a state file and garbled serial
 * frames. It guards against accidents only; against people there are MACs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc`, the value of the bytes before; 0 to begin. */
uint32_t crc32_update(uint32_t crc, const void *data, size_t size);
