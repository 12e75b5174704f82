/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/replicd/progress.h"

#include "services/replicd/scan.h"

/* " 0: cs:…" begins the lines of a volume: its minor number, -1 for another line. */
static int64_t head_minor(Scan line)
{
        Scan word = scan_word(&line);
        uint64_t minor;

        if (scan_number(&word, 10, &minor) < 0 || !scan_equal(word, ":") || minor > UINT32_MAX)
                return -1;
        return (int64_t) minor;
}

/* The kernel groups the digits of a rate in thousands: "1,234,567". */
static int parse_rate(Scan word, uint64_t *ret_rate)
{
        uint64_t rate = 0;

        while (word.size > 0) {
                Scan group = scan_until(&word, ',');
                uint64_t value;
                int r = scan_decimal(group, &value);

                if (r < 0)
                        return r;
                if (group.size > 3 || rate > UINT64_MAX / 1000 - 1)
                        return -EBADMSG;
                rate = rate * 1000 + value;
        }
        *ret_rate = rate;
        return 0;
}

/* "ns:0 nr:0 … oos:524236" */
static int parse_counters(Scan line, Progress *p)
{
        for (Scan word = scan_word(&line); word.size > 0; word = scan_word(&line))
                if (scan_skip(&word, "oos:"))
                        return scan_decimal(word, &p->out_of_sync_kib);
        return -ENOENT;
}

/*
 * "[=>....] sync'ed: 19.3% (213460/262100)K", or "verified:". The percentage is passed over: of a small
 * volume the kernel calls the last megabyte nothing, and says 100 before the end.
 */
static int parse_bar(Scan line, Progress *p)
{
        Scan word = scan_word(&line);
        uint64_t left, total, unit;

        if (!scan_skip(&word, "["))
                return -ENOENT;
        word = scan_word(&line);
        if (!scan_skip(&word, "sync'ed:") && !scan_skip(&word, "verified:"))
                return -EBADMSG;
        if (word.size == 0) /* a percentage of three digits leaves no blank */
                (void) scan_word(&line);

        word = scan_word(&line);
        if (!scan_skip(&word, "(") || scan_number(&word, 10, &left) < 0 || !scan_skip(&word, "/") ||
            scan_number(&word, 10, &total) < 0)
                return -EBADMSG;
        unit = scan_equal(word, ")M") ? 1024 : scan_equal(word, ")K") ? 1 : 0;
        if (unit == 0 || MAX_OF(left, total) > UINT64_MAX / 1024 / 1000)
                return -EBADMSG;

        p->left_kib = left * unit;
        p->total_kib = total * unit;
        p->done_permille = total > left ? (unsigned) ((total - left) * 1000 / total) : 0;
        p->running = true;
        return 0;
}

/* "finish: 0:00:13 speed: 16,212 (16,212) want: 250 K/sec (stalled)" */
static int parse_speed(Scan line, Progress *p)
{
        Scan word = scan_word(&line);
        uint64_t recent, average;

        if (!scan_equal(word, "finish:"))
                return -ENOENT;
        (void) scan_word(&line); /* the kernel's guess begins at 0: rate and what is left say it better */
        if (!scan_equal(scan_word(&line), "speed:") || parse_rate(scan_word(&line), &recent) < 0)
                return -EBADMSG;
        word = scan_word(&line);
        /* "(3s average -- long average)" with drbd.proc_details */
        if (!scan_skip(&word, "("))
                return -EBADMSG;
        if (word.size == 0 || word.text[word.size - 1] != ')') {
                if (!scan_equal(scan_word(&line), "--"))
                        return -EBADMSG;
                word = scan_word(&line);
        }
        if (parse_rate(scan_until(&word, ')'), &average) < 0)
                return -EBADMSG;

        p->rate_kib = recent > 0 ? recent : average;
        for (word = scan_word(&line); word.size > 0; word = scan_word(&line))
                p->stalled = p->stalled || scan_equal(word, "(stalled)");
        return 0;
}

/* A line below the head of our volume. */
static int parse_detail(Scan line, Progress *p, bool *counted)
{
        int r = parse_counters(line, p);

        if (r == 0)
                *counted = true;
        if (r == -ENOENT)
                r = parse_bar(line, p);
        if (r == -ENOENT)
                r = parse_speed(line, p);
        return r == -ENOENT ? 0 : r;
}

int progress_parse(const char *text, size_t size, unsigned minor, Progress *ret_progress)
{
        Scan rest = { text, size };
        Progress progress = {};
        bool ours = false, counted = false;

        if (!scan_skip(&rest, "version: 8.4"))
                return -EBADMSG;
        while (rest.size > 0) {
                Scan line = scan_until(&rest, '\n');
                int64_t head = head_minor(line);
                int r;

                if (head >= 0) {
                        if (ours)
                                break;
                        ours = head == minor;
                        continue;
                }
                if (!ours)
                        continue;
                r = parse_detail(line, &progress, &counted);
                if (r < 0)
                        return r;
        }
        if (!counted)
                return -ENODATA;
        *ret_progress = progress;
        return 0;
}

int disk_stat_parse(const char *text, size_t size, DiskStat *ret_stat)
{
        enum { READS = 0, WRITES = 4, IN_FLIGHT = 8, DISCARDS = 11, FLUSHES = 15, FIELDS_MIN = 11 };
        Scan rest = { text, size };
        DiskStat stat = {};
        unsigned n = 0;

        for (Scan word = scan_word(&rest); word.size > 0; word = scan_word(&rest), n++) {
                uint64_t value;
                int r = scan_decimal(word, &value);

                if (r < 0)
                        return r;
                if (n == READS || n == WRITES || n == DISCARDS || n == FLUSHES)
                        stat.completed += value;
                if (n == IN_FLIGHT)
                        stat.in_flight = value;
        }
        if (n < FIELDS_MIN)
                return -EBADMSG;
        *ret_stat = stat;
        return 0;
}
