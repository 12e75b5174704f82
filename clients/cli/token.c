/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The join token; see token.h. */
#include "token.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#define PREFIX     "hapair1."
#define PREFIX_ANY "hapair"
#define CHECK_SIZE 16
#define HEAD_SIZE  (sizeof(uint64_t) + TOKEN_SECRET_SIZE)
#define VARIANT    sodium_base64_VARIANT_URLSAFE_NO_PADDING

static void wipe_free(void *data, size_t size)
{
        if (data)
                sodium_memzero(data, size);
        free(data);
}

int token_encode(const Token *token, char **ret_text)
{
        size_t size = HEAD_SIZE + token->config_size + CHECK_SIZE;
        size_t text_size = strlen(PREFIX) + sodium_base64_ENCODED_LEN(size, VARIANT);
        uint64_t issued = htobe64(token->issued_sec);
        uint8_t *data;
        char *text;

        if (token->config_size > TOKEN_CONFIG_MAX)
                return -EFBIG;

        data = malloc(size);
        text = malloc(text_size);
        if (!data || !text) {
                free(data);
                free(text);
                return -ENOMEM;
        }

        memcpy(data, &issued, sizeof(issued));
        memcpy(data + sizeof(issued), token->secret, TOKEN_SECRET_SIZE);
        memcpy(data + HEAD_SIZE, token->config, token->config_size);
        crypto_generichash(data + size - CHECK_SIZE, CHECK_SIZE, data, size - CHECK_SIZE, NULL, 0);

        memcpy(text, PREFIX, strlen(PREFIX));
        sodium_bin2base64(text + strlen(PREFIX), text_size - strlen(PREFIX), data, size, VARIANT);
        wipe_free(data, size);

        *ret_text = text;
        return 0;
}

/* The bytes behind the prefix, and how many; the caller wipes and frees them. */
static int decode_base64(const char *text, size_t length, uint8_t **ret_data, size_t *ret_size)
{
        size_t room = length / 4 * 3 + 3, size;
        uint8_t *data = malloc(room);

        if (!data)
                return -ENOMEM;

        if (sodium_base642bin(data, room, text, length, NULL, &size, NULL, VARIANT) < 0) {
                wipe_free(data, room);
                return -EBADMSG;
        }

        *ret_data = data;
        *ret_size = size;
        return 0;
}

static int unpack(const uint8_t *data, size_t size, Token *ret_token)
{
        uint8_t check[CHECK_SIZE];
        Token token = {};
        uint64_t issued;

        if (size < HEAD_SIZE + CHECK_SIZE || size > HEAD_SIZE + TOKEN_CONFIG_MAX + CHECK_SIZE)
                return -EBADMSG;

        crypto_generichash(check, sizeof(check), data, size - CHECK_SIZE, NULL, 0);
        if (memcmp(check, data + size - CHECK_SIZE, CHECK_SIZE) != 0)
                return -EBADMSG;

        token.config_size = size - HEAD_SIZE - CHECK_SIZE;
        token.config = malloc(token.config_size + 1);
        if (!token.config)
                return -ENOMEM;

        memcpy(&issued, data, sizeof(issued));
        token.issued_sec = be64toh(issued);
        memcpy(token.secret, data + sizeof(issued), TOKEN_SECRET_SIZE);
        memcpy(token.config, data + HEAD_SIZE, token.config_size);
        token.config[token.config_size] = '\0';

        *ret_token = token;
        return 0;
}

/* A copy without blanks, NULL when there is no memory. */
static char *squeeze(const char *text)
{
        char *copy = malloc(strlen(text) + 1), *end = copy;

        if (!copy)
                return NULL;

        for (; *text; text++)
                if (!isspace((unsigned char) *text))
                        *end++ = *text;

        *end = '\0';
        return copy;
}

int token_decode(const char *text, Token *ret_token)
{
        char *copy = squeeze(text);
        uint8_t *data = NULL;
        size_t length, size = 0;
        int r;

        if (!copy)
                return -ENOMEM;

        length = strlen(copy);
        if (strncmp(copy, PREFIX, strlen(PREFIX)) == 0)
                r = decode_base64(copy + strlen(PREFIX), length - strlen(PREFIX), &data, &size);
        else
                r = strncmp(copy, PREFIX_ANY, strlen(PREFIX_ANY)) == 0 ? -EPROTONOSUPPORT : -EBADMSG;
        wipe_free(copy, length);
        if (r < 0)
                return r;

        r = unpack(data, size, ret_token);
        wipe_free(data, size);
        return r;
}

void token_done(Token *token)
{
        sodium_memzero(token->secret, sizeof(token->secret));
        free(token->config);
        *token = (Token){};
}

int token_check_age(const Token *token, uint64_t now_sec)
{
        if (token->issued_sec > now_sec && token->issued_sec - now_sec > TOKEN_SKEW_SEC)
                return -EKEYREJECTED;
        if (now_sec > token->issued_sec && now_sec - token->issued_sec > TOKEN_LIFE_SEC + TOKEN_SKEW_SEC)
                return -ETIME;
        return 0;
}
