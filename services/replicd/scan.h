/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the text that DRBD's tools and the kernel print: words, lines and numbers out of bytes that need
 * no end mark. Nothing is copied or changed. Pure, and inline, so that each parser's rules stand in its own
 * file.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/macros.h"

/* A piece of the text; or what is left of it to read. */
typedef struct Scan {
        const char *text;
        size_t size;
} Scan;

static inline bool scan_equal(Scan word, const char *text)
{
        return word.size == strlen(text) && memcmp(word.text, text, word.size) == 0;
}

/* Takes away what stands before the first `mark` and the mark itself; everything when there is none. */
static inline Scan scan_until(Scan *rest, char mark)
{
        Scan piece = { rest->text, 0 };

        while (piece.size < rest->size && rest->text[piece.size] != mark)
                piece.size++;
        rest->text += piece.size;
        rest->size -= piece.size;
        if (rest->size > 0) {
                rest->text++;
                rest->size--;
        }
        return piece;
}

/* Takes away the next word and the blanks around it; an empty one at the end. */
static inline Scan scan_word(Scan *rest)
{
        Scan word;

        while (rest->size > 0 && (*rest->text == ' ' || *rest->text == '\t')) {
                rest->text++;
                rest->size--;
        }
        word = (Scan){ rest->text, 0 };
        while (rest->size > 0 && *rest->text != ' ' && *rest->text != '\t' && *rest->text != '\n') {
                rest->text++;
                rest->size--;
                word.size++;
        }
        return word;
}

/* Takes `text` away if that is what stands next. */
static inline bool scan_skip(Scan *rest, const char *text)
{
        size_t size = strlen(text);

        if (rest->size < size || memcmp(rest->text, text, size) != 0)
                return false;
        rest->text += size;
        rest->size -= size;
        return true;
}

/* The value of a digit in base 10 or 16, -1 when it is none. */
static inline int scan_digit(char c, unsigned base)
{
        int value = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        return value < (int) base ? value : -1;
}

/* Takes away the digits that stand next. -EBADMSG: none, or more than 64 bits hold. */
_must_check_ static inline int scan_number(Scan *rest, unsigned base, uint64_t *ret_value)
{
        uint64_t value = 0;
        size_t n;

        for (n = 0; n < rest->size; n++) {
                int digit = scan_digit(rest->text[n], base);

                if (digit < 0)
                        break;
                if (value > (UINT64_MAX - (unsigned) digit) / base)
                        return -EBADMSG;
                value = value * base + (unsigned) digit;
        }
        if (n == 0)
                return -EBADMSG;

        rest->text += n;
        rest->size -= n;
        *ret_value = value;
        return 0;
}

/* A whole word that is a decimal number. */
_must_check_ static inline int scan_decimal(Scan word, uint64_t *ret_value)
{
        uint64_t value;
        int r = scan_number(&word, 10, &value);

        if (r < 0)
                return r;
        if (word.size > 0)
                return -EBADMSG;
        *ret_value = value;
        return 0;
}

/* Copies a word with an end mark. -EBADMSG: empty, or longer than fits. */
_must_check_ static inline int scan_copy(Scan word, char *ret_text, size_t size)
{
        if (word.size == 0 || word.size >= size)
                return -EBADMSG;
        memcpy(ret_text, word.text, word.size);
        ret_text[word.size] = '\0';
        return 0;
}
