/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-sim: two nodes' real decision code in a world of its own.
 *
 *   hapair-sim FILE…               runs scenario files, by each arbiter they name (TAP)
 *     --rounds N                   each N times, with seeds of their own
 *   hapair-sim --steps N           runs made by chance until N steps are done; a run that fails is cut down
 * to what it takes, and printed as a scenario file
 *     --seed S                     the first run's seed; each run has the next one
 *     --pair vip|volume            only such pairs
 *   --lie NAME                     the world lies: the checks must see it
 *   --trace                        tells on standard error what happens
 */
#include "script.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

typedef struct Options {
        uint64_t steps, seed, rounds;
        bool vip, volume, trace;
        Lie lie;
} Options;

static const char *const lies[LIE_MAX] = { "none", "fsync", "freeze", "probe", "record", "withdraw" };

static ElectArbiter only_arbiter(const Script *script)
{
        return script->arbiters[ELECT_ARBITER_OPERATOR] ? ELECT_ARBITER_OPERATOR : ELECT_ARBITER_PATHS;
}

static bool fails(const Script *script, const Options *options, char failure[640])
{
        uint64_t steps;

        return !script_run(script, only_arbiter(script), 1, options->lie, false, &steps, failure);
}

/*
 * The same rule is broken: the words up to the first figure say which. An expectation that is not met must
 * also be the same line; what else is broken may show a line earlier or later.
 */
static bool same_kind(const char *a, const char *b)
{
        const char *x = strstr(a, " s: "), *y = strstr(b, " s: ");
        size_t length;

        if (!x || !y)
                return false;
        length = 4 + strcspn(x + 4, "0123456789");
        if (strncmp(x, y, length) != 0)
                return false;
        return strncmp(x + 4, "not in time", 11) != 0 || strncmp(a, b, strcspn(a, ",")) == 0;
}

/* The script without the lines [at, at + n), but for the fixed ones. */
static Script *without(const Script *script, size_t at, size_t n)
{
        Script *shorter = script_new();
        Line *none = shorter->line;

        *shorter = *script;
        shorter->line = none;
        shorter->n = shorter->size = 0;
        for (size_t i = 0; i < script->n; i++) {
                if (i >= at && i < at + n && !script->line[i].fixed)
                        continue;
                script_add(shorter, script->line[i].number, "%s", script->line[i].text);
                shorter->line[shorter->n - 1].fixed = script->line[i].fixed;
        }
        return shorter;
}

/*
 * What came after the failure did not matter. An expectation that was not met says nothing once the mending
 * before it is gone: that stays.
 */
static void fix_end(Script *script, const char *cause)
{
        unsigned number = (unsigned) strtoul(cause + strlen("line "), NULL, 10);
        bool mending = strstr(cause, "not in time") != NULL;

        while (script->n > 1 && script->line[script->n - 1].number > number)
                script->n--;
        for (size_t i = script->n; i-- > 0 && mending;) {
                script->line[i].fixed = true;
                mending = strncmp(script->line[i].text, "mend lan replication", 20) != 0;
        }
}

/* Leaves out what the failure does not need: halves first, single lines last, again until nothing more can
 * go. */
static Script *shrink(Script *script, const char *cause, const Options *options)
{
        char failure[640];
        size_t before;

        fix_end(script, cause);
        do {
                before = script->n;
                for (size_t n = script->n / 2; n > 0; n /= 2)
                        for (size_t end = script->n; end > 0; end -= MIN_OF(end, n)) {
                                Script *shorter = without(script, end - MIN_OF(end, n), MIN_OF(end, n));

                                if (shorter->n < script->n && fails(shorter, options, failure) &&
                                    same_kind(cause, failure)) {
                                        script_free(script);
                                        script = shorter;
                                } else {
                                        script_free(shorter);
                                }
                                end = MIN_OF(end, script->n);
                        }
        } while (script->n < before);
        return script;
}

static Script *report(Script *script, uint64_t seed, const char *failure, const Options *options)
{
        char smaller[640];

        printf("# seed %lu failed: %s\n", (unsigned long) seed, failure);
        fflush(stdout);
        script = shrink(script, failure, options);
        (void) fails(script, options, smaller);
        printf("# cut down to: %s\n", smaller);
        script_print(script, only_arbiter(script));
        return script;
}

static int run_by_chance(const Options *options)
{
        uint64_t done = 0, runs = 0;

        for (uint64_t seed = options->seed; done < options->steps; seed++, runs++) {
                bool volume = options->vip == options->volume ? seed % 2 == 1 : options->volume;
                Script *script = script_random(seed, volume);
                char failure[640];
                uint64_t steps;

                if (!script_run(script, only_arbiter(script), 1, options->lie, options->trace, &steps,
                                failure)) {
                        script_free(report(script, seed, failure, options));
                        return EXIT_FAILURE;
                }
                done += steps;
                script_free(script);
        }
        printf("%lu steps in %lu runs, seeds %lu to %lu\n", (unsigned long) done, (unsigned long) runs,
               (unsigned long) options->seed, (unsigned long) (options->seed + runs - 1));
        return EXIT_SUCCESS;
}

static bool run_rounds(const Script *script, ElectArbiter arbiter, const Options *options, char failure[640])
{
        uint64_t steps;

        for (uint64_t seed = options->seed; seed < options->seed + options->rounds; seed++)
                if (!script_run(script, arbiter, seed, options->lie, options->trace, &steps, failure)) {
                        printf("# with --seed %lu\n", (unsigned long) seed);
                        return false;
                }
        return true;
}

static unsigned run_file(const char *path, const Options *options, unsigned *number)
{
        Script *script;
        unsigned failed = 0;

        if (script_load(path, &script) < 0) {
                printf("not ok %u - %s # not readable\n", ++*number, path);
                return 1;
        }
        for (ElectArbiter arbiter = 0; arbiter < ELECT_ARBITER_MAX; arbiter++) {
                char failure[640];

                if (!script->arbiters[arbiter] || !script->sim) /* that one is for another engine */
                        continue;
                if (run_rounds(script, arbiter, options, failure)) {
                        printf("ok %u - %s (%s)\n", ++*number, script->title, arbiter_name(arbiter));
                } else {
                        printf("not ok %u - %s (%s)\n# %s: %s\n", ++*number, script->title,
                               arbiter_name(arbiter), path, failure);
                        failed++;
                }
                fflush(stdout);
        }
        script_free(script);
        return failed;
}

static int run_files(char **paths, const Options *options)
{
        unsigned number = 0, failed = 0;

        for (; *paths; paths++)
                failed += run_file(*paths, options, &number);
        printf("1..%u\n", number);
        return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int usage(void)
{
        fprintf(stderr,
                "usage: hapair-sim [--lie NAME] [--trace] [--seed S] [--rounds N] FILE…\n"
                "       hapair-sim --steps N [--seed S] [--pair vip|volume] [--lie NAME] [--trace]\n");
        return 2;
}

static bool take_lie(Options *options, const char *name)
{
        for (Lie lie = 0; lie < LIE_MAX; lie++)
                if (strcmp(name, lies[lie]) == 0) {
                        options->lie = lie;
                        return true;
                }
        return false;
}

int main(int argc, char *argv[])
{
        static const struct option longopts[] = {
                { "steps", required_argument, NULL, 'n' },
                { "seed", required_argument, NULL, 's' },
                { "pair", required_argument, NULL, 'p' },
                { "lie", required_argument, NULL, 'l' },
                { "trace", no_argument, NULL, 't' },
                { "rounds", required_argument, NULL, 'r' },
                {},
        };
        Options options = { .seed = 1, .rounds = 1 };
        int c;

        while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
                if (c == 'n')
                        options.steps = strtoull(optarg, NULL, 10);
                else if (c == 's')
                        options.seed = strtoull(optarg, NULL, 10);
                else if (c == 'r')
                        options.rounds = strtoull(optarg, NULL, 10);
                else if (c == 'p') {
                        options.vip = strcmp(optarg, "vip") == 0;
                        options.volume = !options.vip;
                } else if (c == 't')
                        options.trace = true;
                else if (c != 'l' || !take_lie(&options, optarg))
                        return usage();
        }
        if (optind < argc)
                return run_files(argv + optind, &options);
        return options.steps > 0 ? run_by_chance(&options) : usage();
}
