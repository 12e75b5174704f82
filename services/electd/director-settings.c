/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings, from confd, in the core's words.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "director.h"
#include "objects.h"

#define DEAD_DEFAULT_USEC (20 * USEC_PER_SEC)
/* The watchdog restarts a hung electd; no faster than a busy machine may be slow. */
#define WATCHDOG_MIN_USEC (2 * USEC_PER_SEC)
#define WATCHDOG_MAX_USEC (10 * USEC_PER_SEC)

static bool hostname_differs(const char *wanted)
{
        char name[256];

        if (!wanted || wanted[0] == 0 || gethostname(name, sizeof(name)) < 0)
                return false;
        name[sizeof(name) - 1] = 0;
        /* The domain may or may not be part of it. */
        size_t length = strcspn(wanted, ".");
        return strncmp(name, wanted, length) != 0 || (name[length] != 0 && name[length] != '.');
}

/* As much of it as a record has room for: it only tells same from different. */
static uint32_t short_digest(const char *digest)
{
        uint32_t value;

        return digest && sscanf(digest, "%8" SCNx32, &value) == 1 ? value : 0;
}

static ElectRole parse_role(const char *text)
{
        for (ElectRole role = ELECT_ROLE_NONE; text && role < ELECT_ROLE_MAX; role++)
                if (strcmp(text, elect_role_to_string(role)) == 0)
                        return role;
        return ELECT_ROLE_NONE;
}

/* One violation: what a person has to know to find and correct it. */
static int read_problem(const char *object, const char *interface, const char *name, sd_bus_message *message,
                        void *userdata)
{
        const char **text = userdata;
        static const char *const names[] = { "severity", "file", "section", "key", "rule" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return sd_bus_message_read(message, "v", "s", &text[i]);
        return sd_bus_message_skip(message, "v");
}

static int read_problems(sd_bus_message *message, void *ret_value)
{
        ErrorFacts *facts = *(ErrorFacts **) ret_value;
        int r = sd_bus_message_enter_container(message, 'a', "a{sv}");

        facts->n_problems = 0;
        while (r >= 0 && (r = sd_bus_message_at_end(message, false)) == 0) {
                const char *text[5] = { "", "", "", "", "" };

                r = objects_walk_properties(message, "", "", read_problem, text);
                if (r < 0 || facts->n_problems == CONFIG_PROBLEMS_MAX)
                        continue;
                ConfigProblem *problem = &facts->problem[facts->n_problems++];
                problem->warning = strcmp(text[0], "warning") == 0;
                if (text[2][0] == '\0')
                        snprintf(problem->text, sizeof(problem->text), "%s: %s", text[1], text[4]);
                else
                        snprintf(problem->text, sizeof(problem->text), "%s: [%s] %s: %s", text[1], text[2],
                                 text[3], text[4]);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* The nodes are called after the cluster and their configured roles. */
static void name_nodes(Director *director)
{
        ElectRole role = director->core.settings.configured;
        const char *cluster = director->wanted.cluster ?: "";
        bool known = cluster[0] != 0 && role != ELECT_ROLE_NONE;
        ErrorFacts *facts = &director->facts;

        facts->own_name[0] = facts->peer_name[0] = 0;
        if (!known)
                return;
        snprintf(facts->own_name, sizeof(facts->own_name), "%s-%s", cluster, elect_role_to_string(role));
        snprintf(facts->peer_name, sizeof(facts->peer_name), "%s-%s", cluster,
                 role == ELECT_ROLE_MASTER ? "slave" : "master");
}

/* A configuration that is not there yet changes nothing: what is in force stays. */
static int apply(sd_bus_message *message, void *userdata)
{
        static const SettingsField fields[] = {
                { "Configured", "b", offsetof(DirectorSettings, configured) },
                { "Active", "b", offsetof(DirectorSettings, active) },
                { "Role", "s", offsetof(DirectorSettings, role) },
                { "DeadTimeUSec", "t", offsetof(DirectorSettings, dead_usec) },
                { "Arbiter", "s", offsetof(DirectorSettings, arbiter) },
                { "AutoFailback", "b", offsetof(DirectorSettings, auto_failback) },
                { "FailbackDelayUSec", "t", offsetof(DirectorSettings, failback_delay_usec) },
                { "FailoverLinkDown", "b", offsetof(DirectorSettings, failover_link_down) },
                { "Volume", "b", offsetof(DirectorSettings, volume) },
                { "Services", "b", offsetof(DirectorSettings, services) },
                { "Digest", "s", offsetof(DirectorSettings, digest) },
                { "HostName", "s", offsetof(DirectorSettings, host_name) },
                { "Watchdog", "s", offsetof(DirectorSettings, watchdog) },
                { "Cluster", "s", offsetof(DirectorSettings, cluster) },
                { "Problems", "aa{sv}", offsetof(DirectorSettings, problems), read_problems },
        };
        Director *director = userdata;
        DirectorSettings *wanted = &director->wanted;
        ElectEvent event = { .type = ELECT_EV_SETTINGS };
        const char *bad = NULL;
        uint64_t watchdog;
        int r;

        wanted->configured = false;
        wanted->problems = &director->facts;
        r = settings_read(message, fields, ARRAY_SIZE(fields), wanted, &bad);
        if (r < 0) {
                log_error(service_log(director->service), "config", "Setting %s from confd: %s", bad ?: "?",
                          strerror(-r));
                return r;
        }
        if (!wanted->configured)
                return 0;

        event.settings = (ElectSettings){
                .active = wanted->active,
                .configured = parse_role(wanted->role),
                .volume = wanted->volume,
                .services = wanted->services,
                .arbiter = wanted->arbiter && strcmp(wanted->arbiter, "operator") == 0
                                           ? ELECT_ARBITER_OPERATOR
                                           : ELECT_ARBITER_PATHS,
                .dead_usec = wanted->dead_usec > 0 ? wanted->dead_usec : DEAD_DEFAULT_USEC,
                .failover_link_down = wanted->failover_link_down,
                .auto_failback = wanted->auto_failback,
                .failback_delay_usec = wanted->failback_delay_usec,
                .digest = short_digest(wanted->digest),
                .hostname_mismatch = hostname_differs(wanted->host_name),
        };
        watchdog = MAX_OF(event.settings.dead_usec / 2, WATCHDOG_MIN_USEC);
        service_set_watchdog(director->service, MIN_OF(watchdog, WATCHDOG_MAX_USEC));
        director->facts.services_away = wanted->services && !director->svcmand.told;
        director->facts.services_away_usec = now_usec();
        director_feed(director, &event);
        /* Nothing asks a gateway yet: as if none were known. */
        director_feed(director, &(ElectEvent){ .type = ELECT_EV_GATEWAY, .gateway = ELECT_VOID });
        director_watchdog_apply(director);
        name_nodes(director);
        return 0;
}

int director_settings_open(Director *director)
{
        return settings_open(director->service, "electd", apply, director, &director->settings);
}

void director_settings_close(Director *director)
{
        settings_close(director->settings);
        free(director->wanted.role);
        free(director->wanted.arbiter);
        free(director->wanted.host_name);
        free(director->wanted.digest);
        free(director->wanted.watchdog);
        free(director->wanted.cluster);
}
