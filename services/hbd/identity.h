/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who this hbd is towards the peer: the shared keys from its credential, the kernel's boot id, a random
 * instance, and a counter of its starts, which is durable before the first frame leaves.
 */
#pragma once

#include "common/base/macros.h"
#include "common/log.h"
#include "services/hbd/heart.h"

/* Reads and makes all of it. Says itself what is wrong and what to do. */
_must_check_ int identity_load(Log *log, HeartSelf *ret_self);

/*
 * The credential's text: one key of 64 hexadecimal digits a line, at most two; the first one seals, both
 * open. Errors: -EBADMSG.
 */
_must_check_ int identity_parse_keys(const char *text, FrameKey ret_keys[static FRAME_KEYS_MAX],
                                     unsigned *ret_n_keys);
