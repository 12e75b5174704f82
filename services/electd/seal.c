/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * electd's own MAC on what it tells the peer's electd.
 */
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int seal_load_key(uint8_t ret_key[SEAL_KEY_SIZE])
{
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        char path[4096], text[2 * SEAL_KEY_SIZE + 2];
        size_t size = 0;

        if (!directory)
                return -ENOKEY;
        int r = snprintf(path, sizeof(path), "%s/election", directory);
        if (r < 0 || (size_t) r >= sizeof(path))
                return -ENAMETOOLONG;

        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, text, sizeof(text));
        int error = errno;
        close(fd);
        if (n < 0)
                return -error;

        uint8_t key[SEAL_KEY_SIZE];
        const char *end;
        r = sodium_hex2bin(key, sizeof(key), text, (size_t) n, "\n", &size, &end);
        sodium_memzero(text, sizeof(text));
        if (r < 0 || size != SEAL_KEY_SIZE || end != text + n)
                return -EBADMSG;
        memcpy(ret_key, key, sizeof(key));
        sodium_memzero(key, sizeof(key));
        return 0;
}

static void mac(const uint8_t key[SEAL_KEY_SIZE], SealKind kind, const uint8_t *bytes, size_t size,
                uint8_t ret_mac[SEAL_SIZE])
{
        const uint8_t prefix = (uint8_t) kind;
        crypto_generichash_state state;

        crypto_generichash_init(&state, key, SEAL_KEY_SIZE, SEAL_SIZE);
        crypto_generichash_update(&state, &prefix, 1);
        crypto_generichash_update(&state, bytes, size);
        crypto_generichash_final(&state, ret_mac, SEAL_SIZE);
}

size_t seal_add(const uint8_t key[SEAL_KEY_SIZE], SealKind kind, uint8_t *bytes, size_t size)
{
        mac(key, kind, bytes, size, bytes + size);
        return size + SEAL_SIZE;
}

int seal_open(const uint8_t key[SEAL_KEY_SIZE], SealKind kind, const uint8_t *bytes, size_t size,
              size_t *ret_size)
{
        uint8_t expected[SEAL_SIZE];

        if (size < SEAL_SIZE)
                return -EBADMSG;
        mac(key, kind, bytes, size - SEAL_SIZE, expected);
        if (sodium_memcmp(expected, bytes + size - SEAL_SIZE, SEAL_SIZE) != 0)
                return -EBADMSG;
        *ret_size = size - SEAL_SIZE;
        return 0;
}
