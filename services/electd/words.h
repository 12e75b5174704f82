/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole sentences about the pair's data: what this node waits for, why it should not be rebooted, and what
 * an operator types who is ready to lose some. Each says which node, and since when.
 */
#pragma once

#include "errors.h"

#define WORDS_MAX 256

/* Why this node is in its state, and what it waits for when it may not serve alone. */
void words_reason(const ElectCore *core, const ErrorFacts *facts, char ret_text[WORDS_MAX]);

/*
 * A standby that nobody serves beside, and that cannot prove that it has the newest data: what it waits for.
 * False, and empty, when it is not so.
 */
bool words_waits(const ElectCore *core, const ErrorFacts *facts, char ret_text[WORDS_MAX]);

/* Why this node should not go down now; empty when nothing speaks against it. */
void words_reboot_danger(const ElectCore *core, const ErrorFacts *facts, char ret_text[WORDS_MAX]);

/*
 * With the arbiter `paths`: what would have to fail at the same moment for both nodes to serve, of what
 * works now; empty where nothing can.
 */
void words_split_risk(const ElectCore *core, char ret_text[WORDS_MAX]);

/* What an operator types to take the role without the right to it. */
void words_force(const ElectCore *core, const ErrorFacts *facts, char ret_text[WORDS_MAX]);

/* What an operator types to have the data stay that the node of this configured role wrote. */
void words_resolve(const ElectCore *core, const ErrorFacts *facts, ElectRole keep, char ret_text[WORDS_MAX]);

/* What an operator was last told to type, and for which request. */
typedef struct WordsTold {
        ElectRequest request;
        uint64_t when_usec;
        char sentence[WORDS_MAX]; /* empty: nothing */
} WordsTold;

/*
 * Whether what was typed is the sentence that this request costs now, or the one told for the same request a
 * moment ago: what a node writes alone grows while a person types. When it is not, the sentence counts as
 * told.
 */
bool words_accept(WordsTold *told, ElectRequest request, const char *sentence, const char *typed,
                  uint64_t now_usec);

/* Both histories, as far as they are known; only within a split brain. */
void words_history(const ElectCore *core, ElectRole role, ElectHistory *ret_history);
