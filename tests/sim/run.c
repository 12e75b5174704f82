/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One script in one world. */
#include "script.h"

#include <stdio.h>

static const char *do_line(World *w, const Line *line)
{
        const char *problem = NULL;
        Words words;

        if (!script_words(line->text, &words))
                return "too many or too long words";
        world_trace(w, "--- %s", line->text);
        if (!step_do(w, &words, &problem) && !step_volume_do(w, &words, &problem) &&
            !expect_do(w, &words, &problem))
                return "no such step or expectation";
        return problem;
}

bool script_run(const Script *script, ElectArbiter arbiter, uint64_t seed, Lie lie, bool trace,
                uint64_t *ret_steps, char failure[640])
{
        ElectSettings settings = script->settings;
        const Line *line = NULL;
        const char *problem = NULL;
        World *w;

        settings.arbiter = arbiter;
        w = world_new(&settings, script->seed != 0 ? script->seed : seed);
        w->split_risk = script->split_risk;
        w->lie = lie;
        w->trace = trace;
        for (size_t i = 0; i < script->n && !problem && !w->violation[0]; i++) {
                line = &script->line[i];
                problem = do_line(w, line);
        }
        if (!problem && w->violation[0])
                problem = w->violation;
        if (problem && line)
                snprintf(failure, 640, "line %u, `%s`, at %.6f s: %s", line->number, line->text,
                         (double) w->now_usec / USEC_PER_SEC, problem);
        *ret_steps = w->steps;
        world_free(w);
        return !problem;
}
