/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See term.h. */
#include "term.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool term_has_colors(void)
{
        const char *no_color = getenv("NO_COLOR");
        const char *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(no_color && no_color[0]) && term && strcmp(term, "dumb") != 0;
}

const char *term_paint(Paint paint)
{
        static const char *const sequences[PAINT_MAX] = {
                [PAINT_PLAIN] = "\033[0m",  [PAINT_GOOD] = "\033[1;32m", [PAINT_WARNING] = "\033[1;33m",
                [PAINT_BAD] = "\033[1;31m", [PAINT_STRONG] = "\033[1m",  [PAINT_FAINT] = "\033[2m",
        };

        return term_has_colors() ? sequences[paint] : "";
}

static bool is_utf8(void)
{
        return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

const char *term_bullet(void)
{
        return is_utf8() ? "●" : "*";
}

const char *term_arrow(void)
{
        return is_utf8() ? "→" : "->";
}

const char *format_age(const json_t *age_ms, char buffer[static AGE_SIZE])
{
        long long ms, s;

        if (!json_is_integer(age_ms))
                return "unknown";

        ms = json_integer_value(age_ms);
        s = ms / 1000;
        if (ms < 1000)
                snprintf(buffer, AGE_SIZE, "%lld ms", ms);
        else if (s < 10)
                snprintf(buffer, AGE_SIZE, "%lld.%lld s", s, ms % 1000 / 100);
        else if (s < 60)
                snprintf(buffer, AGE_SIZE, "%lld s", s);
        else if (s < 60 * 60)
                snprintf(buffer, AGE_SIZE, "%lld min %lld s", s / 60, s % 60);
        else if (s < 24 * 60 * 60)
                snprintf(buffer, AGE_SIZE, "%lld h %lld min", s / 3600, s / 60 % 60);
        else
                snprintf(buffer, AGE_SIZE, "%lld d %lld h", s / 86400, s / 3600 % 24);

        return buffer;
}

const char *format_ago(const json_t *age_ms, char buffer[static AGE_SIZE])
{
        size_t n;

        if (!json_is_integer(age_ms))
                return "never";

        format_age(age_ms, buffer);
        n = strlen(buffer);
        snprintf(buffer + n, AGE_SIZE - n, " ago");
        return buffer;
}

const char *format_ms(const json_t *ms, char buffer[static AGE_SIZE])
{
        if (!json_is_real(ms))
                return "-";

        snprintf(buffer, AGE_SIZE, "%.2f ms", json_real_value(ms));
        return buffer;
}

const char *format_kib(const json_t *kib, char buffer[static AGE_SIZE])
{
        static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
        double value = (double) json_integer_value(kib);
        size_t unit = 0;

        if (!json_is_integer(kib) || json_integer_value(kib) < 0)
                return "unknown";

        while (value >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1) {
                value /= 1024;
                unit++;
        }

        snprintf(buffer, AGE_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
        return buffer;
}

const char *format_bar(double percent, char buffer[static BAR_SIZE])
{
        size_t full = percent >= 100 ? BAR_WIDTH : percent > 0 ? (size_t) (percent / 100 * BAR_WIDTH) : 0;

        buffer[0] = '[';
        memset(buffer + 1, '#', full);
        memset(buffer + 1 + full, '.', BAR_WIDTH - full);
        buffer[BAR_WIDTH + 1] = ']';
        buffer[BAR_WIDTH + 2] = '\0';
        return buffer;
}

const char *format_time_ago(const json_t *age_ms, char buffer[static TIME_SIZE])
{
        struct tm tm;
        time_t then;

        if (!json_is_integer(age_ms))
                return "unknown";

        then = time(NULL) - (time_t) (json_integer_value(age_ms) / 1000);
        if (!localtime_r(&then, &tm) || strftime(buffer, TIME_SIZE, "%a %Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                return "unknown";

        return buffer;
}
