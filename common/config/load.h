/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What load.c and config.c share: an empty configuration that is filled section by section. Users of the
 * library need config.h only.
 */
#pragma once

#include "config.h"
#include "keys.h"

/* Every key at its default, no named section. */
Config *config_new(void);

/* A new named section with every key at its default; owned by the configuration. */
void *config_add_section(Config *config, const SectionSpec *spec, const char *name);

/* The struct of a section that is there once. */
void *config_section(Config *config, const SectionSpec *spec);

/* Named sections by name: the order in the file means nothing. */
void config_sort(Config *config);

/* SHA-256 of every key in its canonical form, hexadecimal. The caller frees it. */
char *config_compute_digest(const Config *config);
