/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of the replicated volume other than those between addresses; see rules.h. */
#include "rules.h"

/*
 * Evidence (Arbiter=paths) is no mutual exclusion: two nodes that hear nothing of each other are two
 * masters, with data of their own. Two cuts at once must not bring that about; over the LAN, replication and
 * its heartbeats fall with one cut.
 */
static unsigned paths_needed(const Config *config)
{
        const GeneralConfig *general = &config->general;

        if (!config->replication.enabled || !general->active || general->arbiter != ARBITER_PATHS ||
            general->accept_split_risk)
                return 0;

        return config->replication.over_lan ? 3 : 2;
}

bool rules_has_serial(const Config *config)
{
        const HeartbeatConfig *heartbeat = &config->heartbeat;

        return heartbeat->serial && heartbeat->serial_devices[NODE_ROLE_MASTER] &&
               heartbeat->serial_devices[NODE_ROLE_SLAVE];
}

void rules_check_split_risk(const Config *config, GPtrArray *problems, unsigned paths)
{
        unsigned needed = paths_needed(config);

        if (paths < needed)
                config_refuse(config, problems, "General", "AcceptSplitRisk",
                              "must be yes with so few heartbeat paths: there are %u on devices of their "
                              "own, and "
                              "with a volume%s it takes %u to rule out that both nodes serve; name a "
                              "serial line "
                              "(MasterSerial, SlaveSerial) or a [Path NAME]",
                              paths, config->replication.over_lan ? " replicated over the LAN" : "", needed);
}

static unsigned count_paths(const Config *config)
{
        bool link = ip_address_is_set(&config->replication.addresses[NODE_ROLE_MASTER]);

        return 1 + (link ? 1 : 0) + config->paths->len + (rules_has_serial(config) ? 1 : 0);
}

/* A disk that is named and not replicated is a volume that someone believes in. */
static void check_disks(const Config *config, GPtrArray *problems)
{
        static const char *const keys[] = { NULL, "MasterDisk", "SlaveDisk" };
        const ReplicationConfig *replication = &config->replication;
        bool said = scan_find(config->shared, "Replication", "Enabled");

        for (NodeRole role = NODE_ROLE_MASTER; role <= NODE_ROLE_SLAVE; role++) {
                if (replication->enabled && !replication->disks[role])
                        config_refuse(config, problems, "Replication", keys[role],
                                      "is missing, and Enabled=yes needs it");
                else if (!said && replication->disks[role])
                        config_warn(config, problems, "Replication", keys[role],
                                    "has no effect: nothing is replicated without Enabled=yes");
        }
}

void rules_check_replication(const Config *config, GPtrArray *problems)
{
        check_disks(config, problems);
        rules_check_split_risk(config, problems, count_paths(config));

        if (config->general.accept_split_risk && !config->replication.enabled)
                config_warn(config, problems, "General", "AcceptSplitRisk",
                            "has no effect without disk replication");
}
