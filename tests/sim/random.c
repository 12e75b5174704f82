/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scripts made by chance: faults of every kind at every distance, then all is mended and the pair must
 * settle. With a volume and the arbiter `paths`, which is evidence and not mutual exclusion, at most two
 * faults are present at once and the pair is whole again before the next two: what more would break is what
 * status names.
 */
#include "script.h"

#include <stdio.h>

static const char *const node_words[NODES] = { "master", "slave" };
static const char *const link_words[LINK_MAX] = { "lan", "replication", "serial" };
static const char *const order_words[] = { "primary", "mount",   "start",    "acquire",
                                           "stop",    "unmount", "secondary" };
static const char *const daemon_words[DAEMON_KERNEL] = { "hbd", "electd", "vipd", "replicd" };

typedef struct Author {
        World *w; /* only its chance is used */
        Script *script;
        uint64_t dead_usec;
} Author;

static uint64_t chance(Author *a, uint64_t below)
{
        return world_chance(a->w, below);
}

static const char *any_node(Author *a)
{
        return node_words[chance(a, NODES)];
}

/* Mostly around the times at which something is decided, sometimes long. */
static void wait_some(Author *a)
{
        static const unsigned percents[] = { 1, 5, 20, 45, 50, 55, 90, 100, 105, 150, 300, 1000 };
        uint64_t usec = a->dead_usec * percents[chance(a, ARRAY_SIZE(percents))] / 100 + chance(a, 3000);

        if (chance(a, 4) == 0)
                usec = chance(a, 5000);
        if (chance(a, 12) == 0)
                usec = 2 * USEC_PER_SEC + chance(a, 20 * USEC_PER_SEC);
        script_add(a->script, 0, "wait %luus", (unsigned long) usec);
}

static void link_fault(Author *a)
{
        const char *link = link_words[chance(a, LINK_MAX)];

        switch (chance(a, 6)) {
        case 0:
                script_add(a->script, 0, "cut %s from %s", link, any_node(a));
                break;
        case 3:
                script_add(a->script, 0, "filter %s", link);
                break;
        case 1:
                script_add(a->script, 0, "lossy %s %u", link, (unsigned) chance(a, 60));
                break;
        case 2:
                script_add(a->script, 0, "unplug %s", any_node(a));
                break;
        default:
                script_add(a->script, 0, "cut %s", link);
                break;
        }
}

static void link_cure(Author *a)
{
        const char *link = link_words[chance(a, LINK_MAX)];

        switch (chance(a, 4)) {
        case 0:
                script_add(a->script, 0, "lossy %s 0", link);
                break;
        case 1:
                script_add(a->script, 0, "plug %s", any_node(a));
                break;
        default:
                script_add(a->script, 0, "mend %s", link);
                break;
        }
}

static void daemon_fault(Author *a)
{
        static const char *const signals[] = { "kill", "kill", "stop", "cont" };

        script_add(a->script, 0, "signal %s %s %s", any_node(a), daemon_words[chance(a, DAEMON_KERNEL)],
                   signals[chance(a, ARRAY_SIZE(signals))]);
}

static void node_fault(Author *a)
{
        static const char *const verbs[] = { "kill", "boot", "boot",   "boot", "freeze",
                                             "thaw", "thaw", "reboot", "halt" };

        script_add(a->script, 0, "%s %s", verbs[chance(a, ARRAY_SIZE(verbs))], any_node(a));
}

static void disk_fault(Author *a)
{
        static const char *const states[] = { "fail", "stall", "good", "good" };

        if (a->script->settings.volume)
                script_add(a->script, 0, "disk %s %s", any_node(a), states[chance(a, ARRAY_SIZE(states))]);
}

static void operator_does(Author *a)
{
        if (chance(a, 8) == 0)
                script_add(a->script, 0, "maintenance %s %s", any_node(a), chance(a, 3) == 0 ? "on" : "off");
        else
                script_add(a->script, 0, "press %s %s", any_node(a), any_node(a));
}

static void oddity(Author *a)
{
        switch (chance(a, 7)) {
        case 4:
                script_add(a->script, 0, "gateway %s %s", any_node(a), chance(a, 3) == 0 ? "good" : "bad");
                break;
        case 5:
                script_add(a->script, 0, "spoil %s %s", any_node(a),
                           order_words[chance(a, ARRAY_SIZE(order_words))]);
                break;
        case 6:
                script_add(a->script, 0, "repair %s", any_node(a));
                break;
        case 0:
                script_add(a->script, 0, "strip %s", any_node(a));
                break;
        case 3:
                script_add(a->script, 0, "clock %s %s", any_node(a), chance(a, 2) == 0 ? "3h" : "3h back");
                break;
        case 1:
                script_add(a->script, 0, "stranger %s", chance(a, 2) == 0 ? "on" : "off");
                break;
        case 2:
                script_add(a->script, 0, "load %s %s", any_node(a), chance(a, 2) == 0 ? "on" : "off");
                break;
        default:
                script_add(a->script, 0, "health %s %s", any_node(a), chance(a, 2) == 0 ? "bad" : "good");
                break;
        }
}

static void anything(Author *a)
{
        switch (chance(a, 11)) {
        case 10:
                disk_fault(a);
                break;
        case 0:
        case 1:
        case 2:
                link_fault(a);
                break;
        case 3:
        case 4:
                link_cure(a);
                break;
        case 5:
                daemon_fault(a);
                break;
        case 6:
        case 7:
                node_fault(a);
                break;
        case 8:
                operator_does(a);
                break;
        default:
                oddity(a);
                break;
        }
}

/* One of the single faults that `paths` must stand two of. */
static void single_fault(Author *a)
{
        switch (chance(a, 8)) {
        case 0:
                script_add(a->script, 0, "kill %s", any_node(a));
                break;
        case 7:
                disk_fault(a);
                break;
        case 1:
                script_add(a->script, 0, "freeze %s", any_node(a));
                break;
        case 2:
                script_add(a->script, 0, "unplug %s", any_node(a));
                break;
        case 3:
                script_add(a->script, 0, "gateway %s bad", any_node(a));
                break;
        case 4:
                daemon_fault(a);
                break;
        case 5:
                script_add(a->script, 0, "filter %s", link_words[chance(a, LINK_MAX)]);
                break;
        default:
                script_add(a->script, 0, "cut %s", link_words[chance(a, LINK_MAX)]);
                break;
        }
}

static void mend_all(Author *a)
{
        Script *s = a->script;

        script_add(s, 0, "mend lan replication serial");
        for (Link link = 0; link < LINK_MAX; link++)
                script_add(s, 0, "lossy %s 0", link_words[link]);
        script_add(s, 0, "plug master slave");
        script_add(s, 0, "thaw master slave");
        script_add(s, 0, "repair master slave");
        script_add(s, 0, "stranger off");
        for (unsigned i = 0; i < NODES; i++) {
                for (Daemon d = 0; d < DAEMON_KERNEL; d++)
                        script_add(s, 0, "signal %s %s cont", node_words[i], daemon_words[d]);
                script_add(s, 0, "health %s good", node_words[i]);
                script_add(s, 0, "gateway %s good", node_words[i]);
                if (s->settings.volume)
                        script_add(s, 0, "disk %s good", node_words[i]);
        }
        /* Nodes that were on their way down or up get there; in frozen I/O that takes electd's patience. */
        script_add(s, 0, s->settings.volume ? "wait 35s+2dead" : "wait 8s+2dead");
        script_add(s, 0, "boot master slave");
        script_add(s, 0, "wait 1s");
        script_add(s, 0, "maintenance master off");
        script_add(s, 0, "maintenance slave off");
        script_add(s, 0, "settles within 400s+20dead");
}

Script *script_random(uint64_t seed, bool volume)
{
        static const uint64_t dead_msec[] = { 30, 200, 1000, 1000, 3000, 10000 };
        Script *script = script_new();
        Author a = { .script = script };

        script->settings.volume = volume;
        script->settings.services = volume || seed % 3 == 0;
        a.w = world_new(&script->settings, seed);
        chance(&a, 2);
        a.dead_usec = script->settings.dead_usec =
                        dead_msec[chance(&a, ARRAY_SIZE(dead_msec))] * USEC_PER_MSEC;
        script->settings.auto_failback = chance(&a, 2) == 0;
        script->settings.failback_delay_usec = (1 + chance(&a, 20)) * USEC_PER_SEC;
        script->split_risk = chance(&a, 4) == 0;
        script->seed = seed + 1;
        script->arbiters[volume && chance(&a, 2) == 0 ? ELECT_ARBITER_OPERATOR : ELECT_ARBITER_PATHS] = true;
        snprintf(script->title, sizeof(script->title), "Made by chance from seed %lu", (unsigned long) seed);

        script_add(script, 0, chance(&a, 4) == 0 ? "boot slave" : "boot master");
        wait_some(&a);
        script_add(script, 0, "boot master slave");
        if (volume)
                script_add(script, 0, "settles within 400s+20dead");
        for (uint64_t round = 1 + chance(&a, 4); round > 0; round--) {
                bool few = volume && script->arbiters[ELECT_ARBITER_PATHS] && !script->split_risk;
                uint64_t n = few ? 2 : 2 + chance(&a, 25);

                while (n-- > 0) {
                        wait_some(&a);
                        if (few)
                                single_fault(&a);
                        else
                                anything(&a);
                }
                wait_some(&a);
                mend_all(&a);
        }
        for (size_t i = 0; i < script->n; i++)
                script->line[i].number = (unsigned) i + 1;
        world_free(a.w);
        return script;
}
