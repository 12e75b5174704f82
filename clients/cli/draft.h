/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A configuration in the making: from the options of `hapair init`, and from a person's answers where these
 * leave out what must be known. The loader judges it afterwards like any file.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/base/macros.h"

typedef struct DraftKey {
        const char *option; /* "master-address" */
        const char *section;
        const char *key;
        const char *question; /* asked when it is missing; NULL: has a default that will do */
        bool required;
} DraftKey;

/* Ended by one without an option. */
extern const DraftKey draft_keys[];

GKeyFile *draft_new(void);

void draft_set(GKeyFile *draft, const DraftKey *key, const char *value);

/* "NAME=MASTER,SLAVE": a further heartbeat path; the name "replication" is the replication link. -EINVAL. */
_must_check_ int draft_add_path(GKeyFile *draft, const char *text);

/* Whether the draft has all that is required. */
bool draft_is_complete(GKeyFile *draft);

/* Asks for what is missing. -ECANCELED at the end of input. */
_must_check_ int draft_ask(GKeyFile *draft);

/* Says on standard error which options are missing. */
void draft_complain(GKeyFile *draft, const char *verb);

/* The text of the file; the caller frees it. */
char *draft_finish(GKeyFile *draft, size_t *ret_length);
