/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration in force: loading it, keeping the last right one, and judging it against this machine. A
 * wrong file changes nothing; also not across a restart, for which the texts of what is in force are kept in
 * the state directory.
 */
#pragma once

#include "common/config/catalogue.h"
#include "common/config/machine.h"

typedef struct Store {
        char *directory;       /* of hapair.conf and local.conf */
        char *catalogue[3];    /* where service sets are, the administrator's first; ends with NULL */
        char *state_directory; /* of their last right copies; NULL: none are kept */
        Config *config;        /* in force; NULL when there was never a right one */
        uint64_t generation;   /* rises with every configuration put in force */
        int copy_error;        /* why what must outlive a restart could not be kept: negative errno, or 0 */
        NodeRole role;
        IpAddress own;            /* the address that told the role, in this boot of the machine */
        GPtrArray *file_problems; /* of the last load */
        GPtrArray *sets; /* of the catalogue, one for each service in force; NULL for one that has none */
        GPtrArray *set_problems;
        GPtrArray *problems; /* all these, and what does not fit this machine; errors first */
} Store;

typedef enum StoreOutcome {
        STORE_LOADED = 0,    /* the files are right and in force */
        STORE_REFUSED = 1,   /* they are wrong, what was before stays in force */
        STORE_FROM_COPY = 2, /* they are wrong, the last right copy is in force (at start only) */
} StoreOutcome;

void store_init(Store *store, const char *directory, const char *catalogue, const char *state_directory);
void store_done(Store *store);

/* Reads the files and puts them in force when they are right. Then store_judge(). */
StoreOutcome store_load(Store *store);

/*
 * Looks at the machine anew: the node's role, and what does not fit. True when role or problems are others
 * than before.
 */
bool store_judge(Store *store);
