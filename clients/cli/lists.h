/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lists in the picture of the pair, for people: with headings for the verbs that show one of them, or as
 * a labelled block of `hapair status`.
 */
#pragma once

#include <jansson.h>

#include "common/base/macros.h"

/* Print a list of the picture, below headings when label is NULL. Negative errno when that failed. */
_must_check_ int list_paths(const json_t *picture, const char *label);
_must_check_ int list_services(const json_t *picture, const char *label);
int list_vips(const json_t *picture, const char *label);
_must_check_ int list_errors(const json_t *picture, const char *label);
