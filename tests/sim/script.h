/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scenario files (tests/scenarios/README.md): read, run in a world, printed again. A run made by chance is
 * written in the same words first, so that what fails can be kept as a file.
 */
#pragma once

#include "world.h"

#define WORDS_MAX      20
#define WORD_MAX       32
#define LINE_MAX_BYTES 160

typedef struct Line {
        char text[LINE_MAX_BYTES];
        unsigned number; /* in its file */
        bool fixed;      /* not to be left out when a failure is cut down */
} Line;

typedef struct Script {
        char title[LINE_MAX_BYTES];
        bool sim;        /* this engine is named */
        bool split_risk; /* AcceptSplitRisk */
        ElectSettings settings;
        bool arbiters[ELECT_ARBITER_MAX];
        uint64_t seed; /* 0: any */
        Line *line;    /* steps and expectations */
        size_t n, size;
} Script;

typedef struct Words {
        char word[WORDS_MAX][WORD_MAX];
        unsigned n;
} Words;

/* script.c */
Script *script_new(void);
Script *script_free(Script *script);
void script_add(Script *script, unsigned number, const char *format, ...) _printf_(3, 4);
int script_load(const char *path, Script **ret_script);
void script_print(const Script *script, ElectArbiter arbiter);
bool script_words(const char *text, Words *ret_words);
bool script_time(const char *text, uint64_t dead_usec, uint64_t *ret_usec);
bool script_node(const char *word, unsigned *ret_node);
const char *arbiter_name(ElectArbiter arbiter);

/* run.c: NULL when all of it came as written, else what did not, in `failure` of the caller. */
bool script_run(const Script *script, ElectArbiter arbiter, uint64_t seed, Lie lie, bool trace,
                uint64_t *ret_steps, char failure[640]);

typedef struct Step {
        const char *verb;
        bool (*handler)(World *w, const Words *words); /* false: its words are not understood */
} Step;

/* steps.c, steps-volume.c: false: no such step; `ret_problem` is set when it is one and its words are not.
 */
bool step_do(World *w, const Words *words, const char **ret_problem);
bool step_volume_do(World *w, const Words *words, const char **ret_problem);
bool step_among(World *w, const Words *words, const Step *steps, size_t n, const char **ret_problem);

/* expect.c: as step_do(); a violated expectation is a violation of the world. */
bool expect_do(World *w, const Words *words, const char **ret_problem);

/* random.c */
Script *script_random(uint64_t seed, bool volume);
