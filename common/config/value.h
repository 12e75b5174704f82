/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One value of the configuration: from its text to its type and back to its canonical text.
 */
#pragma once

#include "keys.h"

/*
 * Stores the typed value in the field of `section` that the key belongs to, freeing what was there.
 * `elements` are the parts of a list, ended by NULL, for KEY_ADDRESS_LIST only. Returns NULL, or the rule
 * that the value breaks (the caller frees it); then the field is untouched.
 */
char *value_parse(const KeySpec *key, const char *text, char *const *elements, void *section);

/* The canonical text of the field, "" when it is empty. The caller frees it. */
char *value_format(const KeySpec *key, const void *section);

/* Frees what the field owns. */
void value_clear(const KeySpec *key, void *section);
