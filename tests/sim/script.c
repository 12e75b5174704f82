/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads scenario files, strictly by lines. */
#include "script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_DEAD_USEC USEC_PER_SEC

const char *arbiter_name(ElectArbiter arbiter)
{
        static const char *const names[ELECT_ARBITER_MAX] = { "paths", "operator" };

        return names[arbiter];
}

Script *script_new(void)
{
        Script *script = calloc(1, sizeof(*script));

        if (!script)
                abort();
        script->settings = (ElectSettings){
                .active = true,
                .dead_usec = DEFAULT_DEAD_USEC,
                .failover_link_down = true,
                .failback_delay_usec = USEC_PER_MINUTE,
                .digest = 1,
        };
        return script;
}

Script *script_free(Script *script)
{
        if (!script)
                return NULL;
        free(script->line);
        free(script);
        return NULL;
}

void script_add(Script *script, unsigned number, const char *format, ...)
{
        va_list args;

        if (script->n == script->size) {
                script->size = script->size > 0 ? 2 * script->size : 64;
                script->line = realloc(script->line, script->size * sizeof(*script->line));
                if (!script->line)
                        abort();
        }
        va_start(args, format);
        vsnprintf(script->line[script->n].text, sizeof(script->line[0].text), format, args);
        va_end(args);
        script->line[script->n].fixed = false;
        script->line[script->n++].number = number;
}

/* False: more or longer words than any line has. */
bool script_words(const char *text, Words *ret_words)
{
        Words words = {};

        for (;;) {
                size_t length;

                text += strspn(text, " \t\n");
                length = strcspn(text, " \t\n");
                if (length == 0)
                        break;
                if (words.n == WORDS_MAX || length >= WORD_MAX)
                        return false;
                memcpy(words.word[words.n++], text, length);
                text += length;
        }
        *ret_words = words;
        return true;
}

static bool time_term(const char **text, uint64_t dead_usec, uint64_t *ret_usec)
{
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = { { "ms", USEC_PER_MSEC }, { "min", USEC_PER_MINUTE },  { "s", USEC_PER_SEC },
                      { "h", USEC_PER_HOUR },  { "d", 24 * USEC_PER_HOUR }, { "us", 1 } };
        char *end;
        uint64_t number = strtoull(*text, &end, 10);
        size_t length = strcspn(end, "+");

        if (length == 4 && strncmp(end, "dead", 4) == 0) {
                *ret_usec = (end == *text ? 1 : number) * dead_usec;
                *text = end + length;
                return true;
        }
        for (size_t i = 0; i < ARRAY_SIZE(units) && end != *text; i++)
                if (strlen(units[i].name) == length && strncmp(end, units[i].name, length) == 0) {
                        *ret_usec = number * units[i].usec;
                        *text = end + length;
                        return true;
                }
        return false;
}

/* 500ms, dead+2s, 3dead */
bool script_time(const char *text, uint64_t dead_usec, uint64_t *ret_usec)
{
        uint64_t sum = 0, term;

        for (;;) {
                if (!time_term(&text, dead_usec, &term))
                        return false;
                sum += term;
                if (*text == '\0')
                        break;
                text++; /* the plus */
        }
        *ret_usec = sum;
        return true;
}

bool script_node(const char *word, unsigned *ret_node)
{
        if (strcmp(word, "master") == 0)
                *ret_node = MASTER_NODE;
        else if (strcmp(word, "slave") == 0)
                *ret_node = SLAVE_NODE;
        else
                return false;
        return true;
}

static bool yes_no(const char *word, bool *ret_value)
{
        if (strcmp(word, "yes") != 0 && strcmp(word, "no") != 0)
                return false;
        *ret_value = strcmp(word, "yes") == 0;
        return true;
}

static bool header_set(Script *script, const Words *words)
{
        ElectSettings *s = &script->settings;
        const char *key = words->word[2], *value = words->word[3];

        if (words->n != 4 && words->n != 5)
                return false;
        if (strcmp(key, "AutoFailback") == 0)
                return yes_no(value, &s->auto_failback);
        if (strcmp(key, "FailoverLinkDown") == 0)
                return yes_no(value, &s->failover_link_down);
        if (strcmp(key, "AcceptSplitRisk") == 0)
                return yes_no(value, &script->split_risk);
        if (strcmp(words->word[1], "Service") == 0)
                return script->settings.services = true;
        if (strcmp(key, "FailbackDelaySec") == 0) {
                s->failback_delay_usec = strtoull(value, NULL, 10) * USEC_PER_SEC;
                return true;
        }
        return false;
}

static bool header_arbiters(Script *script, const Words *words)
{
        for (unsigned i = 1; i < words->n; i++) {
                bool known = false;

                for (ElectArbiter a = 0; a < ELECT_ARBITER_MAX; a++)
                        if (strcmp(words->word[i], arbiter_name(a)) == 0)
                                known = script->arbiters[a] = true;
                if (!known)
                        return false;
        }
        return words->n > 1;
}

/* 0: no header line, 1: taken, -EINVAL: one that cannot be. */
static int header(Script *script, const char *text)
{
        const char *rest = text + strcspn(text, " \t");
        Words words;
        bool ok;

        if (strncmp(text, "title", 5) == 0) {
                snprintf(script->title, sizeof(script->title), "%s", rest + strspn(rest, " \t"));
                return 1;
        }
        if (!script_words(text, &words))
                return -EINVAL;
        if (strcmp(words.word[0], "fault") == 0)
                ok = words.n > 1;
        else if (strcmp(words.word[0], "engines") == 0) {
                for (unsigned i = 1; i < words.n; i++)
                        script->sim = script->sim || strcmp(words.word[i], "sim") == 0;
                ok = words.n > 1;
        } else if (strcmp(words.word[0], "pair") == 0) {
                script->settings.volume = script->settings.services = strcmp(words.word[1], "volume") == 0;
                ok = script->settings.volume || strcmp(words.word[1], "vip") == 0;
        } else if (strcmp(words.word[0], "arbiter") == 0)
                ok = header_arbiters(script, &words);
        else if (strcmp(words.word[0], "dead") == 0)
                ok = script_time(words.word[1], 0, &script->settings.dead_usec);
        else if (strcmp(words.word[0], "set") == 0)
                ok = header_set(script, &words);
        else if (strcmp(words.word[0], "seed") == 0)
                ok = (script->seed = strtoull(words.word[1], NULL, 10)) != 0;
        else
                return 0;
        return ok ? 1 : -EINVAL;
}

int script_load(const char *path, Script **ret_script)
{
        Script *script = script_new();
        char text[LINE_MAX_BYTES];
        unsigned number = 0;
        int r = 0;
        FILE *file = fopen(path, "re");

        if (!file)
                r = -errno;
        while (r >= 0 && fgets(text, sizeof(text), file)) {
                number++;
                if (!strchr(text, '\n')) {
                        r = -E2BIG;
                        break;
                }
                text[strcspn(text, "\n")] = '\0';
                if (text[0] == '#' || text[strspn(text, " \t")] == '\0')
                        continue;
                r = script->n == 0 ? header(script, text) : 0;
                if (r == 0)
                        script_add(script, number, "%s", text);
        }
        if (file)
                fclose(file);
        if (r >= 0 && !script->arbiters[ELECT_ARBITER_PATHS] && !script->arbiters[ELECT_ARBITER_OPERATOR])
                r = -ENODATA; /* nothing would be run */
        if (r < 0) {
                fprintf(stderr, "%s:%u: %s\n", path, number, strerror(-r));
                script_free(script);
                return r;
        }
        *ret_script = script;
        return 0;
}

void script_print(const Script *script, ElectArbiter arbiter)
{
        const ElectSettings *s = &script->settings;

        printf("title    %s\nengines  sim\npair     %s\narbiter  %s\ndead     %luus\n", script->title,
               s->volume ? "volume" : "vip", arbiter_name(arbiter), (unsigned long) s->dead_usec);
        printf("set      General AutoFailback %s\n", s->auto_failback ? "yes" : "no");
        printf("set      General FailoverLinkDown %s\n", s->failover_link_down ? "yes" : "no");
        printf("set      General FailbackDelaySec %lu\n",
               (unsigned long) (s->failback_delay_usec / USEC_PER_SEC));
        printf("set      General AcceptSplitRisk %s\n", script->split_risk ? "yes" : "no");
        if (s->services)
                printf("set      Service demo Start master\n");
        printf("seed     %lu\n\n", (unsigned long) script->seed);
        for (size_t i = 0; i < script->n; i++)
                printf("%s\n", script->line[i].text);
}
