/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that replicd runs, DRBD's tools above all, as children on the loop: with their output, and never
 * waited for. A child leads a process group of its own, so that ending it ends what it started too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/base/macros.h"

#define COMMAND_OUTPUT_MAX 4096
#define COMMAND_WORDS_MAX  32

typedef struct Child {
        pid_t pid;
        int pid_fd; /* readable once it has ended */
        int output_fd, error_fd;
} Child;

/* Runs argv[0], found in PATH, with nothing to read. Errors: those of posix_spawnp(3), pidfd_open(2). */
_must_check_ int child_spawn(const char *const argv[], Child *ret_child);
/* Its exit status, 128 + the signal that ended it, or -ECHILD. It has ended. */
int child_reap(Child *child);
void child_kill(const Child *child);
void child_close(Child *child);

typedef struct CommandResult {
        /* The exit status. -ETIMEDOUT: it was ended, or abandoned, at its limit. -ECANCELED. */
        int status;
        const char *output, *errors; /* the first COMMAND_OUTPUT_MAX bytes, ended by 0 */
} CommandResult;

typedef struct Command Command;
typedef void (*command_done_t)(const CommandResult *result, void *userdata);

/*
 * Calls `done` once: when the program has ended, or a second after its limit if it cannot be killed (it
 * hangs in the kernel: it is reaped in silence later). The command frees itself behind the call. Errors: as
 * child_spawn(); then nothing runs and `done` is not called.
 */
_must_check_ int command_start(sd_event *event, const char *const argv[], uint64_t limit_usec,
                               command_done_t done, void *userdata, Command **ret_command);
/* Ends it before its limit; `done` is told -ECANCELED. */
void command_cancel(Command *command);

/* The last line of what it said that is of use in a message, or how it ended. */
const char *command_reason(const CommandResult *result, char ret_text[static 256]);
