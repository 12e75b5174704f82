/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decoders of records, messages and memory take any bytes (the MAC may be that of a broken peer, the
 * disk may be anything): they refuse them, or understand them so well that encoding gives the same bytes
 * again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "services/electd/elect-types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
        if (!condition)
                abort();
}

static void refused(int r)
{
        require(r == -EBADMSG || r == -EPROTONOSUPPORT);
}

static void check_record(const uint8_t *data, size_t size)
{
        uint8_t again[ELECT_RECORD_SIZE];
        ElectRecord record;
        int r = elect_record_decode(data, size, &record);

        if (r < 0) {
                refused(r);
                return;
        }
        elect_record_encode(&record, again);
        require(size == sizeof(again) && memcmp(data, again, size) == 0);
}

static void check_message(const uint8_t *data, size_t size)
{
        uint8_t again[ELECT_MESSAGE_SIZE_MAX];
        ElectMessage message;
        int r = elect_message_decode(data, size, &message);

        if (r < 0) {
                refused(r);
                return;
        }
        require(elect_message_encode(&message, again) == size && memcmp(data, again, size) == 0);
}

/* What lies behind the last MAC of a memory is not part of it. */
static void check_memory(const uint8_t *data, size_t size)
{
        uint8_t first[ELECT_MEMORY_SIZE], second[ELECT_MEMORY_SIZE];
        ElectMemory memory;
        int r = elect_memory_decode(data, size, &memory);

        if (r < 0) {
                refused(r);
                return;
        }
        elect_memory_encode(&memory, first);
        require(elect_memory_decode(first, sizeof(first), &memory) == 0);
        elect_memory_encode(&memory, second);
        require(memcmp(first, second, sizeof(first)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        switch (data[0]) {
        case 'r':
                check_record(data + 1, size - 1);
                break;
        case 'm':
                check_message(data + 1, size - 1);
                break;
        case 's':
                check_memory(data + 1, size - 1);
                break;
        }
        return 0;
}
