/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a check of the configuration finds: which file, line, section, key and value breaks which rule.
 * Checks collect problems in a list and go on, so that an administrator sees all of them at once.
 */
#pragma once

#include <glib.h>

typedef enum ProblemSeverity {
        PROBLEM_ERROR,   /* the configuration must not be put in force */
        PROBLEM_WARNING, /* it may, but probably is not what was meant */
} ProblemSeverity;

typedef struct Problem {
        ProblemSeverity severity;
        unsigned line; /* 0: the problem has no line (a missing key, a state of this machine) */
        char *file;
        char *section; /* as between the brackets, or "" */
        char *key;     /* or "" */
        char *value;   /* as it stands in the file, or "" */
        char *rule;    /* which rule, in words that follow the value; what to do where that is not plain */
} Problem;

/* A list names this many problems; a file that has more gets one more that says so. */
#define PROBLEMS_MAX 200

/* A list of problems that owns them; g_ptr_array_unref() frees it. */
GPtrArray *problems_new(void);

/* Adds one. NULL stands for "" in `file`, `section`, `key` and `value`; all strings are copied. */
void problems_add(GPtrArray *problems, ProblemSeverity severity, const char *file, unsigned line,
                  const char *section, const char *key, const char *value, const char *rule, ...)
                G_GNUC_PRINTF(8, 9);

/* Errors first, then by file and line. */
void problems_sort(GPtrArray *problems);

/* How many are of this severity. */
unsigned problems_count(const GPtrArray *problems, ProblemSeverity severity);

/* "FILE:LINE: [Section] Key=Value: rule", with what there is; a long value is shortened. The caller frees
 * it. */
char *problem_to_string(const Problem *problem);

const char *problem_severity_name(ProblemSeverity severity);
