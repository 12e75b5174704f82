/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to a person on a terminal; see prompt.h. */
#include "prompt.h"

#include <errno.h>
#include <glib.h>
#include <sodium.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define KEY_CANCEL    3 /* Ctrl-C */
#define KEY_END       4 /* Ctrl-D */
#define KEY_BACKSPACE 127

bool prompt_possible(void)
{
        return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

int prompt_line(const char *question, char **ret_answer)
{
        _cleanup_(freep) char *line = NULL;
        size_t size = 0;

        fprintf(stderr, "%s: ", question);
        if (getline(&line, &size, stdin) < 0)
                return -ECANCELED;

        *ret_answer = g_strdup(g_strstrip(line));
        return 0;
}

/* All that comes. The buffer never moves, so that no copy of a secret stays behind. */
static int read_all(char *buffer, size_t max, size_t *ret_length)
{
        size_t length = 0;

        for (;;) {
                ssize_t n = read(STDIN_FILENO, buffer + length, max + 1 - length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;

                length += (size_t) n;
                if (length > max)
                        return -E2BIG;
        }

        *ret_length = length;
        return 0;
}

/* Key by key: signals are off, so that nothing can leave the terminal without its echo. */
static int read_keys(char *buffer, size_t max, size_t *ret_length)
{
        size_t length = 0;

        for (;;) {
                char key;
                ssize_t n = read(STDIN_FILENO, &key, 1);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                if (n == 0 || key == KEY_CANCEL || (key == KEY_END && length == 0))
                        return -ECANCELED;
                if (key == '\n' || key == '\r' || key == KEY_END)
                        break;

                if (key == KEY_BACKSPACE || key == '\b') {
                        if (length > 0)
                                length--;
                        continue;
                }

                if (length == max)
                        return -E2BIG;
                buffer[length++] = key;
        }

        *ret_length = length;
        return 0;
}

static int read_hidden(const char *question, char *buffer, size_t max, size_t *ret_length)
{
        struct termios before, hidden;
        int r;

        if (tcgetattr(STDIN_FILENO, &before) < 0)
                return -errno;

        hidden = before;
        hidden.c_lflag &= (tcflag_t) ~(ECHO | ICANON | ISIG);
        hidden.c_cc[VMIN] = 1;
        hidden.c_cc[VTIME] = 0;

        /* Asked only then: what is typed at once must not be thrown away with what was typed before. */
        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) < 0)
                return -errno;
        fprintf(stderr, "%s: ", question);

        r = read_keys(buffer, max, ret_length);

        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &before) < 0 && r == 0)
                r = -errno;
        fputc('\n', stderr);
        return r;
}

int prompt_secret(const char *question, size_t max, char **ret_secret)
{
        char *buffer = malloc(max + 1);
        size_t length = 0;
        int r;

        if (!buffer)
                return -ENOMEM;

        if (isatty(STDIN_FILENO))
                r = read_hidden(question, buffer, max, &length);
        else
                r = read_all(buffer, max, &length);

        if (r < 0) {
                sodium_memzero(buffer, max + 1);
                free(buffer);
                return r;
        }

        buffer[length] = '\0';
        *ret_secret = buffer;
        return 0;
}
