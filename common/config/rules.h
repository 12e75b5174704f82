/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules between keys that need no look at a machine, numbered G… and P… as in the product's definition.
 * They run also when single values were wrong, on what was right: an address that is not set breaks no rule.
 */
#pragma once

#include "config.h"

void rules_check(const Config *config, GPtrArray *problems);

/* The part about addresses, in rules-address.c: the nodes' own, virtual IPs, the gateway, check targets. */
void rules_check_addresses(const Config *config, GPtrArray *problems);

/* The replicated volume, in rules-replication.c. */
void rules_check_replication(const Config *config, GPtrArray *problems);

/* Refuses a volume with too few heartbeat paths, for who knows how many there are on devices of their own.
 */
void rules_check_split_risk(const Config *config, GPtrArray *problems, unsigned paths);

/* Whether heartbeats travel over a serial line too. */
bool rules_has_serial(const Config *config);

/* One of the addresses that belong to a node, with the key it stands in. */
typedef struct NodeAddress {
        IpAddress address;
        NodeRole role;
        char *header;
        const char *key;
        bool is_path; /* heartbeats travel here: of two such, each needs an address of its own */
} NodeAddress;

/* Every address of a node that the configuration names. An array of NodeAddress that owns its strings. */
GArray *rules_node_addresses(const Config *config);

/* "MasterAddress" or "SlaveAddress". */
const char *rules_address_key(NodeRole role);

/* The node's address that equals this one, NULL when none does. */
const NodeAddress *rules_find_node_address(const GArray *nodes, const IpAddress *address);
