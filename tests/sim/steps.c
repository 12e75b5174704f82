/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps of a scenario: what is done to the world. */
#include "script.h"

#include <string.h>

/* For each node that is named. */
static bool each_node(World *w, const Words *words, void (*what)(World *w, unsigned node))
{
        unsigned node;

        for (unsigned i = 1; i < words->n; i++) {
                if (!script_node(words->word[i], &node))
                        return false;
                what(w, node);
        }
        return words->n > 1;
}

static void halt(World *w, unsigned node)
{
        node_halt(w, node, false);
}

static void reboot(World *w, unsigned node)
{
        node_halt(w, node, true);
}

static void set_carrier(World *w, unsigned node, bool on)
{
        if (w->node[node].carrier == on)
                return;
        w->node[node].carrier = on;
        check_parted(w);
        vipd_link_changed(w, node);
}

static void plug(World *w, unsigned node)
{
        set_carrier(w, node, true);
}

static void unplug(World *w, unsigned node)
{
        set_carrier(w, node, false);
}

static bool do_boot(World *w, const Words *words)
{
        return each_node(w, words, node_boot);
}

static bool do_kill(World *w, const Words *words)
{
        return each_node(w, words, node_kill);
}

static bool do_halt(World *w, const Words *words)
{
        return each_node(w, words, halt);
}

static bool do_reboot(World *w, const Words *words)
{
        return each_node(w, words, reboot);
}

static bool do_freeze(World *w, const Words *words)
{
        return each_node(w, words, node_freeze);
}

static bool do_thaw(World *w, const Words *words)
{
        return each_node(w, words, node_thaw);
}

static bool do_plug(World *w, const Words *words)
{
        return each_node(w, words, plug);
}

static bool do_unplug(World *w, const Words *words)
{
        return each_node(w, words, unplug);
}

static bool link_of(const char *word, Link *ret_link)
{
        static const char *const names[LINK_MAX] = { "lan", "replication", "serial" };

        for (Link link = 0; link < LINK_MAX; link++)
                if (strcmp(word, names[link]) == 0) {
                        *ret_link = link;
                        return true;
                }
        return false;
}

/* filter LINK…: mend ends that too. */
static bool do_filter(World *w, const Words *words)
{
        Link link;

        for (unsigned i = 1; i < words->n; i++) {
                if (!link_of(words->word[i], &link))
                        return false;
                w->wire[link].filtered = true;
        }
        check_parted(w);
        return words->n > 1;
}

/* cut LINK… [from NODE] · mend LINK… */
static bool do_cut(World *w, const Words *words)
{
        bool cut = strcmp(words->word[0], "cut") == 0;
        bool sides[NODES] = { true, true };
        unsigned n = words->n, node;
        Link link;

        if (n > 3 && strcmp(words->word[n - 2], "from") == 0) {
                if (!script_node(words->word[n - 1], &node))
                        return false;
                sides[OTHER(node)] = false;
                n -= 2;
        }
        for (unsigned i = 1; i < n; i++) {
                if (!link_of(words->word[i], &link))
                        return false;
                for (unsigned side = 0; side < NODES; side++)
                        if (sides[side])
                                w->wire[link].cut[side] = cut;
                w->wire[link].filtered = w->wire[link].filtered && cut;
        }
        check_parted(w);
        return n > 1;
}

static bool do_lossy(World *w, const Words *words)
{
        Link link;

        if (words->n != 3 || !link_of(words->word[1], &link))
                return false;
        w->wire[link].loss_percent = (unsigned) strtoul(words->word[2], NULL, 10);
        check_parted(w);
        return true;
}

/* confd's death changes nothing that this engine plays. */
static bool do_signal(World *w, const Words *words)
{
        static const char *const names[DAEMON_KERNEL] = { "hbd", "electd", "vipd", "replicd" };
        unsigned node;

        if (words->n != 4 || !script_node(words->word[1], &node))
                return false;
        for (Daemon d = 0; d < DAEMON_KERNEL; d++) {
                if (strcmp(words->word[2], names[d]) != 0)
                        continue;
                if (strcmp(words->word[3], "kill") == 0)
                        daemon_kill(w, node, d);
                else if (strcmp(words->word[3], "stop") == 0)
                        daemon_stop(w, node, d);
                else if (strcmp(words->word[3], "cont") == 0)
                        daemon_continue(w, node, d);
                else
                        return false;
                return true;
        }
        return strcmp(words->word[2], "confd") == 0;
}

static bool button(const char *word, ElectRequest *ret_request)
{
        *ret_request = strcmp(word, "master") == 0 ? ELECT_REQUEST_MAKE_MASTER : ELECT_REQUEST_MAKE_SLAVE;
        return strcmp(word, "master") == 0 || strcmp(word, "slave") == 0;
}

static bool do_press(World *w, const Words *words)
{
        ElectRequest request;
        unsigned node;

        if (words->n != 3 || !script_node(words->word[1], &node) || !button(words->word[2], &request))
                return false;
        check_disturbed(w);
        director_ask(w, node, request);
        return true;
}

static bool do_refused(World *w, const Words *words)
{
        ElectRequest request;
        uint64_t token;
        unsigned node;

        if (words->n != 3 || !script_node(words->word[1], &node) || !button(words->word[2], &request))
                return false;
        token = director_ask(w, node, request);
        world_run(w, w->now_usec + USEC_PER_SEC);
        if (w->result[token] == ELECT_RESULT_MAX || w->result[token] == ELECT_OK)
                world_violate(w, "the request was not refused");
        return true;
}

static bool do_force(World *w, const Words *words)
{
        unsigned node;

        if (words->n != 2 || !script_node(words->word[1], &node))
                return false;
        w->check.forced = true;
        director_ask(w, node, ELECT_REQUEST_FORCE_MASTER);
        return true;
}

static bool do_maintenance(World *w, const Words *words)
{
        bool on = strcmp(words->word[2], "on") == 0;
        unsigned node;

        if (words->n != 3 || !script_node(words->word[1], &node))
                return false;
        check_disturbed(w);
        director_ask(w, node, on ? ELECT_REQUEST_MAINTENANCE_ON : ELECT_REQUEST_MAINTENANCE_OFF);
        return true;
}

static bool do_damage(World *w, const Words *words)
{
        unsigned node;
        Disk *d;

        if (words->n != 3 || !script_node(words->word[1], &node) || w->node[node].power)
                return false;
        d = &w->node[node].disk;
        if (strcmp(words->word[2], "lost") == 0)
                d->slot[0].valid = d->slot[1].valid = false;
        else if (strcmp(words->word[2], "torn") != 0)
                return false;
        else if (d->slot[0].valid && d->slot[1].valid)
                d->slot[d->slot[1].generation > d->slot[0].generation].valid = false;
        return true;
}

static bool do_stranger(World *w, const Words *words)
{
        w->stranger = strcmp(words->word[1], "on") == 0;
        check_disturbed(w);
        return words->n == 2;
}

static bool do_strip(World *w, const Words *words)
{
        return each_node(w, words, vipd_strip);
}

/* clock NODE TIME [back] */
static bool do_clock(World *w, const Words *words)
{
        unsigned node;
        uint64_t usec;

        if (words->n < 3 || !script_node(words->word[1], &node) ||
            !script_time(words->word[2], w->settings.dead_usec, &usec))
                return false;
        w->node[node].wall_usec += words->n == 4 && strcmp(words->word[3], "back") == 0 ? -usec : usec;
        return true;
}

static bool do_load(World *w, const Words *words)
{
        unsigned node;

        if (words->n != 3 || !script_node(words->word[1], &node))
                return false;
        w->node[node].busy = strcmp(words->word[2], "on") == 0;
        return true;
}

static bool do_health(World *w, const Words *words)
{
        unsigned node;

        if (words->n != 3 || !script_node(words->word[1], &node))
                return false;
        w->node[node].healthy = strcmp(words->word[2], "good") == 0;
        check_disturbed(w);
        director_tell(w, node,
                      &(ElectEvent){ .type = ELECT_EV_HEALTH,
                                     .health = w->node[node].healthy ? ELECT_GOOD : ELECT_BAD },
                      500);
        return true;
}

static bool do_gateway(World *w, const Words *words)
{
        unsigned node;

        if (words->n != 3 || !script_node(words->word[1], &node))
                return false;
        w->node[node].gateway = strcmp(words->word[2], "good") == 0 ? ELECT_GOOD : ELECT_BAD;
        check_disturbed(w);
        director_tell(w, node, &(ElectEvent){ .type = ELECT_EV_GATEWAY, .gateway = w->node[node].gateway },
                      500);
        return true;
}

/* spoil NODE ORDER · repair NODE */
static bool do_spoil(World *w, const Words *words)
{
        static const struct {
                const char *word;
                ElectOrder order;
        } orders[] = {
                { "primary", ELECT_ORDER_PRIMARY },     { "mount", ELECT_ORDER_MOUNT },
                { "start", ELECT_ORDER_START },         { "acquire", ELECT_ORDER_ACQUIRE },
                { "stop", ELECT_ORDER_STOP },           { "unmount", ELECT_ORDER_UNMOUNT },
                { "secondary", ELECT_ORDER_SECONDARY },
        };
        unsigned node;

        if (words->n != 3 || !script_node(words->word[1], &node))
                return false;
        check_disturbed(w);
        for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
                if (strcmp(words->word[2], orders[i].word) == 0) {
                        w->node[node].spoilt |= UINT32_C(1) << orders[i].order;
                        return true;
                }
        return false;
}

static void repair(World *w, unsigned node)
{
        w->node[node].spoilt = 0;
        check_disturbed(w);
}

static bool do_repair(World *w, const Words *words)
{
        return each_node(w, words, repair);
}

static bool do_wait(World *w, const Words *words)
{
        uint64_t usec;

        if (words->n != 2 || !script_time(words->word[1], w->settings.dead_usec, &usec))
                return false;
        world_run(w, w->now_usec + usec);
        return true;
}

bool step_among(World *w, const Words *words, const Step *steps, size_t n, const char **ret_problem)
{
        for (size_t i = 0; i < n; i++) {
                if (strcmp(words->word[0], steps[i].verb) != 0)
                        continue;
                if (!steps[i].handler(w, words))
                        *ret_problem = "its words are not understood";
                return true;
        }
        return false;
}

bool step_do(World *w, const Words *words, const char **ret_problem)
{
        static const Step steps[] = {
                { "boot", do_boot },
                { "kill", do_kill },
                { "halt", do_halt },
                { "reboot", do_reboot },
                { "freeze", do_freeze },
                { "thaw", do_thaw },
                { "cut", do_cut },
                { "filter", do_filter },
                { "mend", do_cut },
                { "plug", do_plug },
                { "unplug", do_unplug },
                { "lossy", do_lossy },
                { "signal", do_signal },
                { "press", do_press },
                { "refused", do_refused },
                { "force", do_force },
                { "maintenance", do_maintenance },
                { "damage", do_damage },
                { "stranger", do_stranger },
                { "strip", do_strip },
                { "clock", do_clock },
                { "load", do_load },
                { "health", do_health },
                { "gateway", do_gateway },
                { "wait", do_wait },
                { "spoil", do_spoil },
                { "repair", do_repair },
        };

        return step_among(w, words, steps, ARRAY_SIZE(steps), ret_problem);
}
