/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What everybody at this machine must know before he reboots or switches off anything (G24 of the guide): on
 * the consoles' login prompts, and once, when it begins, on all terminals. Which words, is said here without
 * I/O.
 */
#pragma once

#include <stddef.h>

#include "volume.h"

#define BANNER_TEXT_MAX 512

typedef enum BannerKind {
        BANNER_NONE,
        BANNER_SPLIT_BRAIN,
        BANNER_SOURCE,
        BANNER_TARGET,
        BANNER_ALONE,
        BANNER_BEHIND,
        _BANNER_KIND_MAX,
} BannerKind;

typedef struct Banner {
        BannerKind kind;
        uint64_t since_usec;
        bool told; /* to all terminals */
} Banner;

BannerKind banner_kind(const VolumeView *view);

/* A few lines, ended by a line feed; empty for BANNER_NONE. */
void banner_text(BannerKind kind, const VolumeView *view, char ret_text[static BANNER_TEXT_MAX]);
