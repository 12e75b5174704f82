/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is wrong with the pair as this node sees it, in plain words, with what to do about it.
 */
#pragma once

#include "elect.h"

#define ERRORS_MAX           32
#define CONFIG_PROBLEMS_MAX  8
#define SERVICE_PROBLEMS_MAX 8

typedef struct ErrorItem {
        const char *code;
        bool warning;
        char message[256];
        const char *remedy;
        uint64_t since_usec; /* CLOCK_BOOTTIME */
} ErrorItem;

/* A violation that confd found in the files. */
typedef struct ConfigProblem {
        bool warning;
        char text[192];
} ConfigProblem;

/* What the core does not need to know to decide. */
typedef struct ErrorFacts {
        uint64_t now_usec;
        char own_name[64], peer_name[64]; /* of the nodes; empty: not known */
        bool own_address_gone;            /* of the primary device, for longer than a moment */
        char volume_problem[256];         /* why replicd has no working volume; empty: it has */
        bool services_away;               /* there are some, and svcmand does not answer */
        uint64_t services_away_usec;
        size_t n_services;
        uint64_t services_usec[SERVICE_PROBLEMS_MAX];
        char services[SERVICE_PROBLEMS_MAX][256]; /* what svcmand says is wrong with each */
        bool save_failed;
        uint64_t save_failed_usec;
        int watchdog_error; /* negative errno: the configured one cannot be used */
        uint64_t watchdog_usec;
        bool real_time_refused; /* by hbd's unit or kernel */
        uint64_t real_time_usec;
        size_t n_problems;
        ConfigProblem problem[CONFIG_PROBLEMS_MAX];
} ErrorFacts;

/* Errors first, then warnings; returns how many. */
size_t errors_list(const ElectCore *core, const ErrorFacts *facts, ErrorItem ret_items[ERRORS_MAX]);

/* Changes when the list, or the text, does. */
uint64_t errors_digest(const ErrorItem *items, size_t n);
uint64_t errors_hash(const char *text);
