/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who this hbd is towards the peer: the shared keys from its credential, the kernel's boot id, a random
 * instance, and a counter of its starts.
 */
#pragma once

#include "common/base/macros.h"
#include "common/log.h"
#include "common/state.h"
#include "services/hbd/heart.h"

/* Reads and makes all of it. Says itself what is wrong and what to do. */
_must_check_ int identity_load(Log *log, HeartSelf *ret_self);

/*
 * Begins to write the count of starts, off the loop: a start after a crash must not be silent for as long as
 * the disk takes. Should the machine crash before `done`, the next start has the same count, and another
 * instance. The caller closes the file, from `done` or at its end. Errors: -ENOENT without a state
 * directory, and those of state_open().
 */
_must_check_ int identity_keep_start(const HeartSelf *self, sd_event *event, state_done_t done,
                                     void *userdata, StateFile **ret_file);

/*
 * The credential's text: one key of 64 hexadecimal digits a line, at most two; the first one seals, both
 * open. Errors: -EBADMSG.
 */
_must_check_ int identity_parse_keys(const char *text, FrameKey ret_keys[static FRAME_KEYS_MAX],
                                     unsigned *ret_n_keys);
