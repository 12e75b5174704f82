/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a verb of the command line is. Each verb has a file of its own, verb-NAME.c, that defines one of the
 * Verb constants declared below; main.c lists them, finds the one that was asked for, and prints their help.
 */
#pragma once

/* What `hapair` exits with, whatever the verb. */
typedef enum ExitStatus {
        STATUS_HEALTHY = 0,     /* done, and nothing is wrong */
        STATUS_DEGRADED = 1,    /* the pair runs with errors, or the verb could not do its work */
        STATUS_USAGE = 2,       /* wrong arguments; nothing was done */
        STATUS_NOT_RUNNING = 3, /* hapair does not run on this node */
        STATUS_REFUSED = 4,     /* a daemon (or polkit) said no; the reason was printed */
} ExitStatus;

typedef struct Verb {
        const char *name;
        const char *arguments; /* as the usage line shows them, "" for none */
        const char *summary;   /* one line, as `hapair --help` shows it */
        const char *help; /* what `hapair VERB --help` prints below the usage line, ending in a new line */

        /* argv[0] is "hapair VERB", for getopt's messages; optind is 1. */
        ExitStatus (*run)(int argc, char *argv[]);
} Verb;

/* Says on standard error where help is to be had; returns STATUS_USAGE. */
ExitStatus verb_usage(const Verb *verb);

/* Say on standard error that the verb could not do its work, or that hapair does not run here. */
ExitStatus verb_failed(const Verb *verb, int error);
ExitStatus verb_not_running(const Verb *verb);

extern const Verb verb_become;
extern const Verb verb_config;
extern const Verb verb_errors;
extern const Verb verb_init;
extern const Verb verb_join;
extern const Verb verb_logs;
extern const Verb verb_maintenance;
extern const Verb verb_paths;
extern const Verb verb_poweroff;
extern const Verb verb_reboot;
extern const Verb verb_replication;
extern const Verb verb_services;
extern const Verb verb_split_brain;
extern const Verb verb_status;
extern const Verb verb_vips;
extern const Verb verb_why;
