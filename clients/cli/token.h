/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The join token: what `hapair init` prints and `hapair join` reads. In this version it carries the pair's
 * secret and the configuration themselves, so that who has it has the pair: it is never logged, never given
 * on a command line, and refused 15 minutes after it was made. That it is used once only cannot be enforced
 * between two machines that do not talk yet; the node that joined refuses to join again.
 *
 * Format: "hapair1." and, in URL-safe base64 without padding: 8 bytes seconds since 1970 (big endian), 32
 * bytes secret, the text of hapair.conf, and 16 bytes BLAKE2b of all that.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

#define TOKEN_SECRET_SIZE 32
#define TOKEN_CONFIG_MAX  ((size_t) 1 << 20)
#define TOKEN_TEXT_MAX    ((size_t) 1500000)

#define TOKEN_LIFE_SEC 900
#define TOKEN_SKEW_SEC 120 /* by which the two nodes' clocks may differ */

typedef struct Token {
        uint64_t issued_sec; /* CLOCK_REALTIME of the node that made it */
        uint8_t secret[TOKEN_SECRET_SIZE];
        char *config;
        size_t config_size;
} Token;

/* The text, without a new line; the caller wipes and frees it. -EFBIG, -ENOMEM. */
_must_check_ int token_encode(const Token *token, char **ret_text);

/*
 * Reads a token; blanks and new lines anywhere in it are passed over, as pasting makes them.
 * -EPROTONOSUPPORT: a token of another version; -EBADMSG: damaged, cut short or no token; -ENOMEM.
 * token_done() frees it.
 */
_must_check_ int token_decode(const char *text, Token *ret_token);

/* Wipes and frees what it holds. */
void token_done(Token *token);

/* 0, -ETIME when it is too old, -EKEYREJECTED when it comes from the future: one of the clocks is wrong. */
_must_check_ int token_check_age(const Token *token, uint64_t now_sec);
