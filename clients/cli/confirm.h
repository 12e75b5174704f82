/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deeds that destroy something: a daemon does them only when the sentence was typed that its refusal of an
 * empty one spells out, behind "type: ". The sentence is known to the daemon alone, which puts into it what
 * will be lost.
 */
#pragma once

#include "client.h"

typedef struct Deed {
        const Verb *verb;
        Daemon daemon;
        const char *method;
        const char *subject; /* its argument before the confirmation; NULL: it has none */
        const char *given;   /* the sentence, from the command line; NULL: it is asked for */
        uint64_t limit_usec;
} Deed;

/*
 * Gets the sentence: what is given, or a line of standard input after the daemon's refusal was shown, at a
 * prompt where that is a terminal. *ret is NULL when the daemon wanted none and the deed is done; the caller
 * frees it.
 */
ExitStatus confirm_sentence(Client *client, const Deed *deed, char **ret);

/* Does it with that sentence. Says what went wrong. */
ExitStatus confirm_act(Client *client, const Deed *deed, const char *sentence);

/* Both. */
ExitStatus confirm_deed(Client *client, const Deed *deed);
