/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The expectations of a scenario: the world runs until they are met, or their time is over. */
#include "script.h"

#include <stdio.h>
#include <string.h>

#include "services/electd/errors.h"

/* `within` means within; a serial frame that was under way arrives 9 ms later, and a few orders and fsyncs
 * take 5. */
#define MARGIN_USEC (14 * USEC_PER_MSEC)

typedef bool (*Condition)(const World *w, unsigned node, const char *word);

static bool is_role(const World *w, unsigned node, const char *word)
{
        ElectRole role = daemon_runs(w, node, DAEMON_ELECTD) ? w->node[node].director.core.role
                                                             : ELECT_ROLE_NONE;

        return strcmp(elect_role_to_string(role), word) == 0;
}

static bool serves(const World *w, unsigned node, const char *word)
{
        return address_answers(w, node) && !address_answers(w, OTHER(node)) && is_role(w, node, "master");
}

/* Both live; one serves, the other stands by; with a volume both disks are whole and the right is shared
 * again. */
static bool settled(const World *w, unsigned node, const char *word)
{
        if (!check_calm(w))
                return false;
        if ((w->node[0].volume.split_brain || w->node[1].volume.split_brain) && check_exempt(w))
                return true; /* what comes then is up to people */
        for (unsigned i = 0; i < NODES; i++) {
                const ElectCore *core = &w->node[i].director.core;

                if (w->settings.volume &&
                    (w->node[i].drbd.net != DRBD_CONNECTED || core->memory.sole || !core->memory.elig ||
                     w->node[i].drbd.disk != ELECT_DISK_UP_TO_DATE || !core->in_session))
                        return false;
        }
        return (serves(w, 0, "") && is_role(w, 1, "slave")) || (serves(w, 1, "") && is_role(w, 0, "slave"));
}

static bool is_syncing(const World *w, unsigned node, const char *word)
{
        return drbd_carries(w) && w->node[node].drbd.disk == ELECT_DISK_INCONSISTENT &&
               w->node[OTHER(node)].drbd.disk == ELECT_DISK_UP_TO_DATE;
}

static bool has_discarded(const World *w, unsigned node, const char *word)
{
        return w->node[node].volume.snapshot && drbd_carries(w) &&
               w->node[node].drbd.disk == ELECT_DISK_UP_TO_DATE &&
               w->node[node].drbd.meta.current == w->node[OTHER(node)].drbd.meta.current;
}

static void until(World *w, Condition condition, unsigned node, const char *word, uint64_t within_usec,
                  const char *what)
{
        uint64_t limit = w->now_usec + within_usec + MARGIN_USEC;

        while (!condition(w, node, word))
                if (!world_step(w, limit)) {
                        world_violate(w, "not in time: %s", what);
                        return;
                }
}

/* VERB NODE [WORD] within TIME */
static bool within(World *w, const Words *words, Condition condition, unsigned n_words)
{
        const char *word = n_words > 0 ? words->word[2] : "";
        unsigned node = 0;
        uint64_t usec;

        if (words->n != n_words + 4 || strcmp(words->word[n_words + 2], "within") != 0 ||
            !script_node(words->word[1], &node) ||
            !script_time(words->word[n_words + 3], w->settings.dead_usec, &usec))
                return false;
        until(w, condition, node, word, usec, words->word[0]);
        return true;
}

static bool expect_serves(World *w, const Words *words)
{
        return within(w, words, serves, 0);
}

static bool expect_role(World *w, const Words *words)
{
        return within(w, words, is_role, 1);
}

static bool expect_syncing(World *w, const Words *words)
{
        return within(w, words, is_syncing, 0);
}

static bool expect_discarded(World *w, const Words *words)
{
        return within(w, words, has_discarded, 0);
}

static bool expect_settles(World *w, const Words *words)
{
        uint64_t usec;

        if (words->n != 3 || !script_time(words->word[2], w->settings.dead_usec, &usec))
                return false;
        until(w, settled, 0, "", usec, "settles");
        return true;
}

/* The same one answers all the time, nobody else does, and nobody's role moves. */
static bool expect_steady(World *w, const Words *words)
{
        unsigned node = address_answers(w, 0) ? 0 : 1, changes = w->check.role_changes;
        uint64_t usec, limit;

        if (words->n != 2 || !script_time(words->word[1], w->settings.dead_usec, &usec))
                return false;
        limit = w->now_usec + usec;
        do {
                if (!address_answers(w, node))
                        world_violate(w, "not steady: node %u does not answer for the virtual IP", node);
                else if (address_answers(w, OTHER(node)))
                        world_violate(w, "not steady: node %u answers for the virtual IP too", OTHER(node));
                else if (w->check.role_changes != changes)
                        world_violate(w, "not steady: a role changed");
        } while (world_step(w, limit));
        if (!w->violation[0])
                w->now_usec = limit;
        return true;
}

/* nobody for TIME */
static bool expect_nobody(World *w, const Words *words)
{
        uint64_t usec, limit;

        if (words->n != 3 || !script_time(words->word[2], w->settings.dead_usec, &usec))
                return false;
        limit = w->now_usec + usec;
        do {
                if (address_answers(w, 0) || address_answers(w, 1))
                        world_violate(w, "somebody answers for the virtual IP");
        } while (world_step(w, limit));
        if (!w->violation[0])
                w->now_usec = limit;
        return true;
}

/* decided NODE WORD…: the reason begins with these words. */
static bool expect_decided(World *w, const Words *words)
{
        char wanted[LINE_MAX_BYTES] = "";
        bool known = false, decided = false;
        unsigned node;

        if (words->n < 3 || !script_node(words->word[1], &node))
                return false;
        for (unsigned i = 2, at = 0; i < words->n; i++)
                at += (unsigned) snprintf(wanted + at, sizeof(wanted) - at, i > 2 ? " %s" : "%s",
                                          words->word[i]);
        for (ElectReason reason = 0; reason < ELECT_REASON_MAX; reason++)
                if (strncmp(wanted, elect_reason_to_string(reason), strlen(wanted)) == 0) {
                        known = true;
                        decided = decided || w->node[node].director.decided[reason] > 0;
                }
        if (known && !decided)
                world_violate(w, "node %u never decided anything because %s", node, wanted);
        return known;
}

static bool lists(const World *w, unsigned node, const char *code)
{
        ErrorItem items[ERRORS_MAX];
        size_t n;

        if (!daemon_acts(w, node, DAEMON_ELECTD))
                return false;
        n = errors_list(&w->node[node].director.core, &(ErrorFacts){}, items);
        for (size_t i = 0; i < n; i++)
                if (strcmp(items[i].code, code) == 0)
                        return true;
        return false;
}

static bool lists_not(const World *w, unsigned node, const char *code)
{
        return daemon_acts(w, node, DAEMON_ELECTD) && !lists(w, node, code);
}

static bool expect_error(World *w, const Words *words)
{
        return within(w, words, lists, 1);
}

static bool expect_clear(World *w, const Words *words)
{
        return within(w, words, lists_not, 1);
}

static bool expect_moves(World *w, const Words *words)
{
        if (words->n != 3)
                return false;
        if (w->check.moves > strtoul(words->word[2], NULL, 10))
                world_violate(w, "the virtual IP has moved %u times", w->check.moves);
        return true;
}

bool expect_do(World *w, const Words *words, const char **ret_problem)
{
        static const Step expectations[] = {
                { "serves", expect_serves },       { "role", expect_role },
                { "settles", expect_settles },     { "steady", expect_steady },
                { "nobody", expect_nobody },       { "decided", expect_decided },
                { "moves", expect_moves },         { "error", expect_error },
                { "clear", expect_clear },         { "syncing", expect_syncing },
                { "discarded", expect_discarded },
        };

        return step_among(w, words, expectations, ARRAY_SIZE(expectations), ret_problem);
}
