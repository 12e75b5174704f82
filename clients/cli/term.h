/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the terminal can show: colours only on one (and never when NO_COLOR is set), the bullet that the
 * locale can print; and how ages and times are written everywhere.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

typedef enum Paint {
        PAINT_PLAIN, /* ends any other */
        PAINT_GOOD,
        PAINT_WARNING,
        PAINT_BAD,
        PAINT_STRONG,
        PAINT_FAINT,
        PAINT_MAX,
} Paint;

bool term_has_colors(void);

/* The escape sequence, or "" where there are no colours. */
const char *term_paint(Paint paint);

const char *term_bullet(void);
const char *term_arrow(void);

#define AGE_SIZE  32
#define TIME_SIZE 64

/* "12 ms", "4.2 s", "3 min 2 s", "2 h 5 min", "3 d 4 h"; "unknown" for anything but a number. */
const char *format_age(const json_t *age_ms, char buffer[static AGE_SIZE]);

/* The same with " ago" behind it; "never" for anything but a number. */
const char *format_ago(const json_t *age_ms, char buffer[static AGE_SIZE]);

/* "0.23 ms" of a number with a fraction; "-" for anything else. */
const char *format_ms(const json_t *ms, char buffer[static AGE_SIZE]);

/* "512 KiB", "39.8 MiB", "1.0 GiB" of a number of KiB; "unknown" for anything but a number. */
const char *format_kib(const json_t *kib, char buffer[static AGE_SIZE]);

#define BAR_WIDTH 20
#define BAR_SIZE  (BAR_WIDTH + 3)

/* "[#####...............]" for 25 percent. */
const char *format_bar(double percent, char buffer[static BAR_SIZE]);

/* The wall clock time that many milliseconds ago: "Mon 2026-11-23 18:02:11 UTC". */
const char *format_time_ago(const json_t *age_ms, char buffer[static TIME_SIZE]);
