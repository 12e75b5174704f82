/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * electd's own MAC on its records and messages, under a subkey that hbd does not have: a broken hbd can
 * silence this daemon, not speak for it. Keyed BLAKE2b (libsodium's generichash), 16 bytes, behind the
 * bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

#define SEAL_SIZE     16
#define SEAL_KEY_SIZE 32

/* What the bytes are; a MAC made for one is none for the other. */
typedef enum SealKind {
        SEAL_RECORD = 'r',
        SEAL_MESSAGE = 'm',
} SealKind;

/*
 * Reads the key, 64 hexadecimal digits, from $CREDENTIALS_DIRECTORY/election.
 * Errors: -ENOKEY without that folder, -EBADMSG when it is no key, those of open(2), read(2).
 */
_must_check_ int seal_load_key(uint8_t ret_key[SEAL_KEY_SIZE]);

/* Appends the MAC; `bytes` has room for SEAL_SIZE more. Returns the size with it. */
size_t seal_add(const uint8_t key[SEAL_KEY_SIZE], SealKind kind, uint8_t *bytes, size_t size);

/* Errors: -EBADMSG: too short, or not made under this key for this kind. */
_must_check_ int seal_open(const uint8_t key[SEAL_KEY_SIZE], SealKind kind, const uint8_t *bytes,
                           size_t size, size_t *ret_size);
