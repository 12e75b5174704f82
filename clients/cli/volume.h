/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The replicated volume of the picture, for people: DRBD's words as plain ones, what is to be worried about,
 * and how far a resync has come.
 */
#pragma once

#include <jansson.h>

/* The block of `hapair status`; nothing when the pair has no volume. */
void volume_print_block(const json_t *volume, const char *label);

/* The page of `hapair replication`. */
void volume_print(const json_t *volume);

/* "43.2 % to the peer, 39.8 MiB/s, 1 min 20 s left" behind a bar, on one line; nothing without a resync. */
void volume_print_sync(const json_t *volume, const char *label, int width);
