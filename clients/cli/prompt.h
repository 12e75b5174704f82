/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions to a person on a terminal, and the secret that is read without showing it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macros.h"

/* Whether there is a person to ask: standard input and standard error are a terminal. */
bool prompt_possible(void);

/* Asks on standard error; the answer without blanks around it, "" for none. -ECANCELED at the end of input.
 */
_must_check_ int prompt_line(const char *question, char **ret_answer);

/*
 * Reads a secret of at most `max` characters from standard input: all of it when that is no terminal, else
 * one line, after `question`, without echo and without the terminal's limit of 4095 characters a line. The
 * caller wipes and frees it. -ECANCELED, -E2BIG, or the errno of read(2).
 */
_must_check_ int prompt_secret(const char *question, size_t max, char **ret_secret);
