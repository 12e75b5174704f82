/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The disk of the replicated volume while a pair is set up: which one it is and what is on it is said before
 * anything starts, and nothing with data on it is touched before somebody typed a sentence that names it.
 */
#pragma once

#include "common/config/machine.h"
#include "verb.h"

/* Adds why this node's disk cannot be used for a volume. */
void setup_check_disk(const Config *config, NodeRole role, GPtrArray *problems);

/* Says on standard error which disk of this node it will be and what is on it; nothing without a volume. */
void setup_tell_disk(const Config *config, NodeRole role);

/*
 * Has the running replicd make the disk ready. One with data on it needs a person at a terminal; else the
 * command for later is named, and the status is degraded.
 */
ExitStatus setup_prepare_disk(const Verb *verb, const Config *config);
