/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Structured log entries, sent to the journal in its native protocol without ever waiting for it; to
 * standard error where there is no journal (tests, a run by hand). Entries that the journal has no room for
 * are counted and the count is told with the next one that gets through.
 *
 * Decisions are logged once, where they are made, with a message id of common/messages.h; each id has an
 * entry in the journal catalogue (units/) that says what it means and what to do.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#include "common/base/macros.h"

typedef struct Log {
        const char *identifier; /* SYSLOG_IDENTIFIER, "hapair-vipd" say */
        int fd;                 /* -1: standard error */
        uint64_t lost;
} Log;

/* One entry beside its text; what is NULL or 0 is left out. */
typedef struct LogEntry {
        int priority;         /* syslog(3) */
        const char *id;       /* MESSAGE_ID, of common/messages.h */
        const char *category; /* HAPAIR_CATEGORY: "heartbeat", "drbd", "failover", "config" */
        const char *state_old;
        const char *state_new;
        const char *reason;
        uint64_t epoch;
} LogEntry;

/* Cannot fail: without a journal it writes to standard error. `identifier` must outlive the log. */
void log_open(Log *ret_log, const char *identifier);
void log_close(Log *log);

void log_event(Log *log, const LogEntry *entry, const char *format, ...) _printf_(3, 4);

/*
 * Whether one more entry may be written of what others can cause a hundred times a second: `most` in ten
 * seconds. A budget begins all zero.
 */
typedef struct LogBudget {
        uint64_t until_usec;
        unsigned left;
} LogBudget;

bool log_budget_allows(LogBudget *budget, unsigned most, uint64_t now_usec);

#define log_error(log, category_, ...)                                                                      \
        log_event(log, &(LogEntry){ .priority = LOG_ERR, .category = (category_) }, __VA_ARGS__)
#define log_warning(log, category_, ...)                                                                    \
        log_event(log, &(LogEntry){ .priority = LOG_WARNING, .category = (category_) }, __VA_ARGS__)
#define log_info(log, category_, ...)                                                                       \
        log_event(log, &(LogEntry){ .priority = LOG_INFO, .category = (category_) }, __VA_ARGS__)
