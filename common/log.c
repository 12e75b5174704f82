/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Structured log entries to the journal's native socket (systemd, "Native Journal Protocol": one FIELD=value
 * a line; a value with a line break is FIELD, 64-bit little-endian length, value).
 */
#include "common/log.h"

#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/datagram.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define BUDGET_USEC    (10 * USEC_PER_SEC)

typedef struct Text {
        char bytes[8192];
        size_t used;
} Text;

/* A field that does not fit is left out whole: a cut one would garble the entry. */
static void text_field(Text *text, const char *name, const char *value)
{
        size_t name_size = strlen(name), value_size = strlen(value);

        if (text->used + name_size + value_size + sizeof(uint64_t) + 3 > sizeof(text->bytes))
                return;

        char *at = text->bytes + text->used;
        at = mempcpy(at, name, name_size);
        if (memchr(value, '\n', value_size)) {
                uint64_t size = htole64(value_size);

                *at++ = '\n';
                at = mempcpy(at, &size, sizeof(size));
        } else {
                *at++ = '=';
        }
        at = mempcpy(at, value, value_size);
        *at++ = '\n';
        text->used = (size_t) (at - text->bytes);
}

static void text_number(Text *text, const char *name, uint64_t value)
{
        char digits[24];

        snprintf(digits, sizeof(digits), "%" PRIu64, value);
        text_field(text, name, digits);
}

static void text_optional(Text *text, const char *name, const char *value)
{
        if (value)
                text_field(text, name, value);
}

void log_open(Log *ret_log, const char *identifier)
{
        int fd = -1;

        /* JOURNAL_STREAM is set by systemd for services whose output goes to the journal. */
        if (getenv("JOURNAL_STREAM") && access(JOURNAL_SOCKET, W_OK) == 0)
                fd = datagram_open();

        *ret_log = (Log){ .identifier = identifier, .fd = fd < 0 ? -1 : fd };
}

void log_close(Log *log)
{
        if (log->fd >= 0)
                close(log->fd);
        log->fd = -1;
}

void log_event(Log *log, const LogEntry *entry, const char *format, ...)
{
        char message[2048];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);

        if (log->fd < 0) {
                fprintf(stderr, "%s: %s\n", log->identifier, message);
                return;
        }

        Text text = { .used = 0 };
        text_field(&text, "MESSAGE", message);
        text_number(&text, "PRIORITY", (uint64_t) entry->priority);
        text_field(&text, "SYSLOG_IDENTIFIER", log->identifier);
        text_optional(&text, "MESSAGE_ID", entry->id);
        text_optional(&text, "HAPAIR_CATEGORY", entry->category);
        text_optional(&text, "HAPAIR_STATE_OLD", entry->state_old);
        text_optional(&text, "HAPAIR_STATE_NEW", entry->state_new);
        text_optional(&text, "HAPAIR_REASON", entry->reason);
        if (entry->epoch > 0)
                text_number(&text, "HAPAIR_EPOCH", entry->epoch);
        if (log->lost > 0)
                text_number(&text, "HAPAIR_LOST_ENTRIES", log->lost);

        struct iovec part = { .iov_base = text.bytes, .iov_len = text.used };
        log->lost = datagram_send(log->fd, JOURNAL_SOCKET, &part, 1) < 0 ? log->lost + 1 : 0;
}

bool log_budget_allows(LogBudget *budget, unsigned most, uint64_t now_usec)
{
        if (now_usec >= budget->until_usec)
                *budget = (LogBudget){ .until_usec = now_usec + BUDGET_USEC, .left = most };
        if (budget->left == 0)
                return false;
        budget->left--;
        return true;
}
