/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The catalogue of services: one file NAME.service-set for each, which maps the service's name to systemd
 * units. hapair's own are in /usr/share/hapair/services.d; an administrator's in /etc/hapair/services.d win
 * over these. They decide what hapair-svcmand may start and stop, so each must be root's alone. Their
 * syntax is that of hapair.conf; service-set files are described in hapair.conf(5).
 */
#pragma once

#include "config.h"

#define CATALOGUE_UNITS_MAX 8

typedef struct ServiceSet {
        char *description;
        char *unit_list; /* as it stands in the file */
        char **units;    /* in the order in which they start */
        uint64_t order;
        uint64_t settle_usec, start_limit_usec, stop_limit_usec;
} ServiceSet;

ServiceSet *service_set_free(ServiceSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServiceSet, service_set_free)

/* The text of one file. NULL, with what is wrong added to `problems`. */
ServiceSet *service_set_parse(const ConfigText *text, GPtrArray *problems);

/*
 * The set of each service of the configuration, in its order, NULL for one that has none that can be used:
 * then it says why in `problems`. `directories` end with NULL; the first that has a file wins. The caller
 * frees the array, which owns the sets.
 */
GPtrArray *catalogue_read(const Config *config, const char *const *directories, GPtrArray *problems);

/* Whether the catalogue has the unit in any of its files, configured or not. */
bool catalogue_has_unit(const char *const *directories, const char *unit);
