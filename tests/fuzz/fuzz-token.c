/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A join token may be any text; one that is taken says the same again when it is made anew. */
#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *) data, size);
        Token token, again;
        char *anew;

        if (token_decode(text, &token) < 0)
                return 0;

        g_assert_cmpint(token_encode(&token, &anew), ==, 0);
        g_assert_cmpint(token_decode(anew, &again), ==, 0);
        g_assert_cmpuint(again.issued_sec, ==, token.issued_sec);
        g_assert_cmpuint(again.config_size, ==, token.config_size);
        g_assert_cmpint(memcmp(again.config, token.config, token.config_size), ==, 0);

        free(anew);
        token_done(&again);
        token_done(&token);
        return 0;
}
