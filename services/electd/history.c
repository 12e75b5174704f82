/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last decisions with the inputs that led to them.
 */
#include "history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macros.h"

void history_add(History *history, uint64_t realtime_usec, const ElectDecision *decision)
{
        history->entry[history->next] =
                        (HistoryEntry){ .realtime_usec = realtime_usec, .decision = *decision };
        history->next = (history->next + 1) % HISTORY_MAX;
        history->n = MIN_OF(history->n + 1, (size_t) HISTORY_MAX);
}

const HistoryEntry *history_get(const History *history, size_t i)
{
        return &history->entry[(history->next + HISTORY_MAX - history->n + i) % HISTORY_MAX];
}

static const char *verdict_text(ElectVerdict verdict)
{
        switch (verdict) {
        case ELECT_GOOD:
                return "up";
        case ELECT_BAD:
                return "down";
        case ELECT_VOID:
                return "none is known";
        case ELECT_UNKNOWN:
                break;
        }
        return "unknown";
}

static void add(HistoryInput *inputs, size_t *n, const char *name, const char *format, ...) _printf_(4, 5);

static void add(HistoryInput *inputs, size_t *n, const char *name, const char *format, ...)
{
        va_list ap;

        if (*n == HISTORY_INPUTS_MAX)
                return;
        inputs[*n].name = name;
        va_start(ap, format);
        vsnprintf(inputs[*n].value, sizeof(inputs[*n].value), format, ap);
        va_end(ap);
        (*n)++;
}

static void add_peer(const ElectDecision *d, HistoryInput *inputs, size_t *n)
{
        uint64_t ms = (d->when_usec - d->peer_since_usec) / USEC_PER_MSEC;

        if (d->peer_since_usec == 0)
                add(inputs, n, "peer", "%s", elect_peer_state_to_string(d->peer));
        else
                add(inputs, n, "peer", "%s for %" PRIu64 " ms", elect_peer_state_to_string(d->peer), ms);
        if (!d->record_known) {
                add(inputs, n, "peer-record", "none");
                return;
        }
        add(inputs, n, "peer-record", "%s, running role %s, epoch %" PRIu64 "%s",
            elect_state_to_string(d->peer_state), elect_role_to_string(d->peer_role), d->peer_epoch,
            d->record_aged ? ", aged" : "");
        add(inputs, n, "peer-hears-us", "%s", d->echoed ? "yes" : "no");
        add(inputs, n, "peer-carrier", "%s", d->peer_carrier_down ? "down" : "up");
}

size_t history_inputs(const ElectDecision *d, HistoryInput ret_inputs[HISTORY_INPUTS_MAX])
{
        size_t n = 0;

        add_peer(d, ret_inputs, &n);
        add(ret_inputs, &n, "own-carrier", "%s", verdict_text(d->link));
        if (d->gateway != ELECT_UNKNOWN)
                add(ret_inputs, &n, "own-gateway", "%s", verdict_text(d->gateway));
        if (d->probing)
                add(ret_inputs, &n, "peer-answers-for-virtual-ips", "%s", d->peer_answers ? "yes" : "no");
        if (d->disk != ELECT_DISK_UNKNOWN) {
                add(ret_inputs, &n, "right", "sole %s, eligible %s", d->sole ? "yes" : "no",
                    d->elig ? "yes" : "no");
                add(ret_inputs, &n, "replication", "%s, %s", d->connected ? "connected" : "not connected",
                    d->primary ? "primary" : "secondary");
                add(ret_inputs, &n, "disks", "own %s, peer's %s", elect_disk_to_string(d->disk),
                    elect_disk_to_string(d->peer_disk));
        }
        if (d->order != ELECT_ORDER_NONE)
                add(ret_inputs, &n, "failed-step", "%s: %s", elect_order_to_string(d->order),
                    strerrordesc_np(-d->error) ?: "unknown error");
        return n;
}
