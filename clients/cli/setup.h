/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making this machine a node of a pair: what `hapair init` and `hapair join` have in common. Everything lies
 * below /etc/hapair and /var/lib/hapair; the pair's secret is written last, so that a set-up that was
 * interrupted is no set-up and can be done again.
 */
#pragma once

#include <stdbool.h>

#include "common/config/machine.h"
#include "token.h"
#include "verb.h"

#define SETUP_CONFIG SETUP_DIRECTORY "/hapair.conf"
#define SETUP_LOCAL  SETUP_DIRECTORY "/local.conf"

/*
 * STATUS_HEALTHY when this is root and the machine is no node yet, or `force`. Else says on standard error
 * what is in the way, and returns what to exit with.
 */
ExitStatus setup_may_begin(const Verb *verb, bool force);

/*
 * Parses a configuration for this machine, with its local.conf, and prints every problem on standard error.
 * NULL when it has errors, or when this machine is not the node that it must be, or does not fit.
 */
Config *setup_check(const ConfigText *shared, NodeRole role);

/* Adds what does not fit between a node's machine and its configuration, the serial line included. */
void setup_check_node(const Machine *machine, const Config *config, GPtrArray *problems);

/* Prints problems on standard error, one a line. */
void setup_print_problems(const GPtrArray *problems);

/*
 * Writes keys and configuration and makes the election's first state, "founder" or "joined". Says on
 * standard error what failed, and returns a negative errno then.
 */
_must_check_ int setup_write(const uint8_t *secret, const char *config, size_t config_size,
                             const char *first_state);

/* Enables hapair.target for every boot and starts it now, anew if it runs. Says what failed. */
_must_check_ int setup_start(void);

/* Reads the pair's secret. -ENOENT when there is none. */
_must_check_ int setup_read_secret(uint8_t ret_secret[static TOKEN_SECRET_SIZE]);
