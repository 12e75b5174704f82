/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of problems; see problem.h. */
#include "problem.h"

#include <string.h>

/* A value longer than this (a thousand aliases, say) is cut in messages. */
#define VALUE_SHOWN_MAX 80

static void problem_free(void *data)
{
        Problem *problem = data;

        g_free(problem->file);
        g_free(problem->section);
        g_free(problem->key);
        g_free(problem->value);
        g_free(problem->rule);
        g_free(problem);
}

GPtrArray *problems_new(void)
{
        return g_ptr_array_new_with_free_func(problem_free);
}

void problems_add(GPtrArray *problems, ProblemSeverity severity, const char *file, unsigned line,
                  const char *section, const char *key, const char *value, const char *rule, ...)
{
        Problem *problem;
        va_list ap;

        if (problems->len > PROBLEMS_MAX)
                return;

        problem = g_new0(Problem, 1);
        g_ptr_array_add(problems, problem);

        if (problems->len > PROBLEMS_MAX) {
                *problem = (Problem){
                        .severity = PROBLEM_ERROR,
                        .file = g_strdup(file ? file : ""),
                        .section = g_strdup(""),
                        .key = g_strdup(""),
                        .value = g_strdup(""),
                        .rule = g_strdup("has more problems, which are not listed; mend these first"),
                };
                return;
        }

        problem->severity = severity;
        problem->file = g_strdup(file ? file : "");
        problem->line = line;
        problem->section = g_strdup(section ? section : "");
        problem->key = g_strdup(key ? key : "");
        problem->value = g_strdup(value ? value : "");

        va_start(ap, rule);
        problem->rule = g_strdup_vprintf(rule, ap);
        va_end(ap);
}

static int compare_problems(const void *a, const void *b)
{
        const Problem *x = *(Problem *const *) a, *y = *(Problem *const *) b;
        int r;

        if (x->severity != y->severity)
                return x->severity < y->severity ? -1 : 1;

        r = strcmp(x->file, y->file);
        if (r != 0)
                return r;

        return x->line < y->line ? -1 : x->line > y->line;
}

void problems_sort(GPtrArray *problems)
{
        g_ptr_array_sort(problems, compare_problems);
}

unsigned problems_count(const GPtrArray *problems, ProblemSeverity severity)
{
        unsigned n = 0;

        for (unsigned i = 0; i < problems->len; i++)
                if (((const Problem *) problems->pdata[i])->severity == severity)
                        n++;

        return n;
}

static void append_value(GString *text, const char *value)
{
        const char *end;

        if (g_utf8_strlen(value, -1) <= VALUE_SHOWN_MAX) {
                g_string_append(text, value);
                return;
        }

        end = g_utf8_offset_to_pointer(value, VALUE_SHOWN_MAX);
        g_string_append_len(text, value, end - value);
        g_string_append(text, "…");
}

char *problem_to_string(const Problem *problem)
{
        GString *text = g_string_new(problem->file);

        if (problem->line > 0)
                g_string_append_printf(text, ":%u", problem->line);
        if (text->len > 0)
                g_string_append(text, ": ");

        if (problem->section[0])
                g_string_append_printf(text, "[%s]", problem->section);

        if (problem->key[0])
                g_string_append_printf(text, "%s%s", problem->section[0] ? " " : "", problem->key);

        if (problem->value[0]) {
                g_string_append_c(text, '=');
                append_value(text, problem->value);
        }

        if (problem->section[0] || problem->key[0])
                g_string_append(text, ": ");

        g_string_append(text, problem->rule);
        return g_string_free(text, FALSE);
}

const char *problem_severity_name(ProblemSeverity severity)
{
        return severity == PROBLEM_ERROR ? "error" : "warning";
}
