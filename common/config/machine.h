/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this machine has: its network devices with their addresses, its default route, its serial lines. And
 * the rules between that and the configuration (G5, G10, G13, G15), which are pure, so that tests can make
 * up machines.
 */
#pragma once

#include <net/if.h>

#include "config.h"

typedef struct MachineAddress {
        char device[IF_NAMESIZE];
        IpAddress address; /* with its prefix length */
} MachineAddress;

typedef struct Machine {
        GArray *addresses;  /* MachineAddress */
        GPtrArray *devices; /* char *, with or without addresses */
        bool default_route;
} Machine;

/* Asks the kernel; needs no privilege. Negative errno when it does not answer. */
int machine_read(Machine **ret_machine);

Machine *machine_new(void);
Machine *machine_free(Machine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Machine, machine_free)

/* The device with this address and its range there, NULL when it is not one of this machine's. */
const MachineAddress *machine_find(const Machine *machine, const IpAddress *address);

/* Which node this machine is; NODE_ROLE_NONE when it owns neither address, or both. */
NodeRole machine_role(const Machine *machine, const Config *config);

/*
 * Adds what does not fit between the machine and the configuration, and returns machine_role(). With
 * NODE_ROLE_NONE that is the only problem added: nothing else can be judged.
 */
NodeRole machine_check(const Machine *machine, const Config *config, GPtrArray *problems);

/*
 * Why this disk cannot be the one below `device`: not there, no block device, mounted, swap, or part of
 * another device. NULL when nothing speaks against it. The caller frees it.
 */
char *machine_disk_trouble(const char *path, const char *device);

/*
 * Why this serial device cannot carry heartbeats: not there, no serial line, the console, or open in another
 * process (seen by root only). NULL when nothing speaks against it. The caller frees it.
 */
char *machine_serial_trouble(const char *path);
