/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last decisions with the inputs that led to them, for `hapair why`.
 */
#pragma once

#include "elect-types.h"

#define HISTORY_MAX 64

typedef struct HistoryEntry {
        uint64_t realtime_usec;
        ElectDecision decision;
} HistoryEntry;

typedef struct History {
        HistoryEntry entry[HISTORY_MAX];
        size_t n, next;
} History;

/* One input, in words. */
typedef struct HistoryInput {
        const char *name;
        char value[64];
} HistoryInput;

#define HISTORY_INPUTS_MAX 16

void history_add(History *history, uint64_t realtime_usec, const ElectDecision *decision);

/* The oldest first; `i` below history->n. */
const HistoryEntry *history_get(const History *history, size_t i);

/* Returns how many; what says nothing in this decision is left out. */
size_t history_inputs(const ElectDecision *decision, HistoryInput ret_inputs[HISTORY_INPUTS_MAX]);
