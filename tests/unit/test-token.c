/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The join token: it comes back as it was, damage is found wherever it is, and it does not last. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "clients/cli/token.h"

static char config_text[] = "[General]\nCluster=gw\n";

static char *make_token(uint64_t issued_sec)
{
        Token token = { .issued_sec = issued_sec,
                        .config = config_text,
                        .config_size = strlen(config_text) };
        char *text;

        memset(token.secret, 0xa5, sizeof(token.secret));
        token.secret[0] = 1;
        g_assert_cmpint(token_encode(&token, &text), ==, 0);
        return text;
}

static void test_comes_back_as_it_was(void)
{
        g_autofree char *text = make_token(1800000000);
        Token token;

        g_assert_true(g_str_has_prefix(text, "hapair1."));
        g_assert_null(strpbrk(text, " \n+/="));
        g_assert_cmpint(token_decode(text, &token), ==, 0);
        g_assert_cmpuint(token.issued_sec, ==, 1800000000);
        g_assert_cmpuint(token.secret[0], ==, 1);
        g_assert_cmpuint(token.secret[TOKEN_SECRET_SIZE - 1], ==, 0xa5);
        g_assert_cmpstr(token.config, ==, config_text);
        g_assert_cmpuint(token.config_size, ==, strlen(config_text));
        token_done(&token);
        g_assert_null(token.config);
}

static void test_blanks_of_pasting_do_not_matter(void)
{
        g_autofree char *text = make_token(1), *pasted = NULL;
        Token token;

        pasted = g_strdup_printf(" %.20s\n  %s\r\n", text, text + 20);
        g_assert_cmpint(token_decode(pasted, &token), ==, 0);
        token_done(&token);
}

static void test_any_damage_is_found(void)
{
        g_autofree char *text = make_token(1);
        size_t begin = strlen("hapair1.");
        Token token;

        for (size_t i = begin; text[i]; i++) {
                char before = text[i];

                text[i] = before == 'A' ? 'B' : 'A';
                g_assert_cmpint(token_decode(text, &token), ==, -EBADMSG);
                text[i] = before;
        }

        for (size_t n = strlen(text) - 1; n >= begin; n--) {
                g_autofree char *cut = g_strndup(text, n);

                g_assert_cmpint(token_decode(cut, &token), ==, -EBADMSG);
        }
}

static void test_other_version_is_told_from_rubbish(void)
{
        Token token;

        g_assert_cmpint(token_decode("hapair2.AAAA", &token), ==, -EPROTONOSUPPORT);
        g_assert_cmpint(token_decode("", &token), ==, -EBADMSG);
        g_assert_cmpint(token_decode("hello", &token), ==, -EBADMSG);
}

static void test_lasts_a_quarter_of_an_hour(void)
{
        const Token token = { .issued_sec = 1000000 };

        g_assert_cmpint(token_check_age(&token, 1000000), ==, 0);
        g_assert_cmpint(token_check_age(&token, 1000000 + TOKEN_LIFE_SEC + TOKEN_SKEW_SEC), ==, 0);
        g_assert_cmpint(token_check_age(&token, 1000000 + TOKEN_LIFE_SEC + TOKEN_SKEW_SEC + 1), ==, -ETIME);
        g_assert_cmpint(token_check_age(&token, 1000000 - TOKEN_SKEW_SEC), ==, 0);
        g_assert_cmpint(token_check_age(&token, 1000000 - TOKEN_SKEW_SEC - 1), ==, -EKEYREJECTED);
        g_assert_cmpint(token_check_age(&token, 0), ==, -EKEYREJECTED);
        g_assert_cmpint(token_check_age(&token, UINT64_MAX), ==, -ETIME);
}

static void test_issued_at_the_end_of_time_does_not_wrap(void)
{
        const Token token = { .issued_sec = UINT64_MAX };

        g_assert_cmpint(token_check_age(&token, 1000000), ==, -EKEYREJECTED);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/token/comes-back-as-it-was", test_comes_back_as_it_was);
        g_test_add_func("/token/blanks-of-pasting-do-not-matter", test_blanks_of_pasting_do_not_matter);
        g_test_add_func("/token/any-damage-is-found", test_any_damage_is_found);
        g_test_add_func("/token/other-version-is-told-from-rubbish",
                        test_other_version_is_told_from_rubbish);
        g_test_add_func("/token/lasts-a-quarter-of-an-hour", test_lasts_a_quarter_of_an_hour);
        g_test_add_func("/token/issued-at-the-end-of-time-does-not-wrap",
                        test_issued_at_the_end_of_time_does_not_wrap);

        return g_test_run();
}
