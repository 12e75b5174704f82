/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verbs that show the picture of the pair, or a part of it: once or for as long as one looks, for people or
 * as JSON. They differ in nothing but what they print.
 */
#pragma once

#include <jansson.h>

#include "verb.h"

typedef struct Page {
        const Verb *verb;
        const char *key; /* of the picture: what --json prints; NULL: all of it */

        /* `status`: how the pair is. Negative errno when it could not be printed. */
        int (*print)(const json_t *picture, ExitStatus status);
} Page;

/* The whole of such a verb: `hapair VERB [--json] [-w]`. */
ExitStatus page_verb(const Page *page, int argc, char *argv[]);
