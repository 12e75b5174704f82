/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records, messages and the memory as bytes: fixed little-endian layouts that begin with their version. A
 * reader refuses whatever it does not fully understand; what is refused changes nothing. Version N speaks
 * N-1 too; with 1 being the first, that is 1 alone.
 */
#include "elect-core.h"

#define VERSION        1
#define VERSION_LOWEST 1
#define VERSION_MEMORY 2

#define FLAG(condition, bit) ((condition) ? 1u << (bit) : 0u)
#define HAS(flags, bit)      (((flags) >> (bit) &1u) != 0)

#define RECORD_FLAGS_MASK  0x3fffu
#define MESSAGE_FLAGS_MASK 0x07u
#define MEMORY_FLAGS_MASK  0x1fu

static void put32(uint8_t *p, uint32_t v)
{
        for (size_t i = 0; i < 4; i++)
                p[i] = (uint8_t) (v >> 8 * i);
}

static void put64(uint8_t *p, uint64_t v)
{
        for (size_t i = 0; i < 8; i++)
                p[i] = (uint8_t) (v >> 8 * i);
}

static uint32_t get32(const uint8_t *p)
{
        return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
        return (uint64_t) get32(p) | (uint64_t) get32(p + 4) << 32;
}

static int check_version(uint8_t version)
{
        return version < VERSION_LOWEST || version > VERSION ? -EPROTONOSUPPORT : 0;
}

/*
 * Record: 0 version, 1 state | role << 4 | configured << 6, 2 flags, 4 epoch, 12 instance, 16 seq,
 * 20 echoed instance, 24 echoed seq, 28 digest.
 */
void elect_record_encode(const ElectRecord *record, uint8_t ret_bytes[ELECT_RECORD_SIZE])
{
        uint32_t flags = FLAG(record->sole, 0) | FLAG(record->elig, 1) | FLAG(record->able, 2) |
                         FLAG(record->carrier_down, 3) | FLAG(record->maintenance, 4) |
                         FLAG(record->leaving, 5) | FLAG(record->gone, 6) | FLAG(record->volume, 7) |
                         FLAG(record->connected, 8) | FLAG(record->primary, 9) |
                         FLAG(record->up_to_date, 10) | FLAG(record->asking, 11) | FLAG(record->pinned, 12) |
                         FLAG(record->knows_macs, 13);

        ret_bytes[0] = VERSION;
        ret_bytes[1] = (uint8_t) ((unsigned) record->state | (unsigned) record->role << 4 |
                                  (unsigned) record->configured << 6);
        ret_bytes[2] = (uint8_t) flags;
        ret_bytes[3] = (uint8_t) (flags >> 8);
        put64(ret_bytes + 4, record->epoch);
        put32(ret_bytes + 12, record->instance);
        put32(ret_bytes + 16, record->seq);
        put32(ret_bytes + 20, record->echo_instance);
        put32(ret_bytes + 24, record->echo_seq);
        put32(ret_bytes + 28, record->digest);
}

int elect_record_decode(const uint8_t *bytes, size_t size, ElectRecord *ret_record)
{
        if (size != ELECT_RECORD_SIZE)
                return -EBADMSG;
        int r = check_version(bytes[0]);
        if (r < 0)
                return r;

        uint32_t flags = bytes[2] | (uint32_t) bytes[3] << 8;
        ElectState state = bytes[1] & 0x0f;
        ElectRole role = bytes[1] >> 4 & 3, configured = bytes[1] >> 6;
        uint32_t instance = get32(bytes + 12);

        if (state >= ELECT_STATE_MAX || role >= ELECT_ROLE_MAX || configured >= ELECT_ROLE_MAX ||
            instance == 0 || (flags & ~RECORD_FLAGS_MASK) != 0)
                return -EBADMSG;

        *ret_record = (ElectRecord){
                .state = state,
                .role = role,
                .configured = configured,
                .epoch = get64(bytes + 4),
                .instance = instance,
                .seq = get32(bytes + 16),
                .echo_instance = get32(bytes + 20),
                .echo_seq = get32(bytes + 24),
                .digest = get32(bytes + 28),
                .sole = HAS(flags, 0),
                .elig = HAS(flags, 1),
                .able = HAS(flags, 2),
                .carrier_down = HAS(flags, 3),
                .maintenance = HAS(flags, 4),
                .leaving = HAS(flags, 5),
                .gone = HAS(flags, 6),
                .volume = HAS(flags, 7),
                .connected = HAS(flags, 8),
                .primary = HAS(flags, 9),
                .up_to_date = HAS(flags, 10),
                .asking = HAS(flags, 11),
                .pinned = HAS(flags, 12),
                .knows_macs = HAS(flags, 13),
        };
        return 0;
}

bool elect_record_equal(const ElectRecord *a, const ElectRecord *b)
{
        uint8_t x[ELECT_RECORD_SIZE], y[ELECT_RECORD_SIZE];

        elect_record_encode(a, x);
        elect_record_encode(b, y);
        return memcmp(x, y, sizeof(x)) == 0;
}

/*
 * Message: 0 version, 1 type, 2 reason, 3 result, 4 flags, 5 number of MACs, 6 whose data stay, 7 zero,
 * 8 instance, 12 receiver's instance, 16 session, 24 nonce, 32 epoch, 40 generation, 48 MACs. A history has
 * 16 since, 24 KiB written, 40 generation.
 */
size_t elect_message_encode(const ElectMessage *message, uint8_t ret_bytes[ELECT_MESSAGE_SIZE_MAX])
{
        size_t macs = (size_t) message->n_macs * ELECT_MAC_SIZE;
        const ElectHistory *history = &message->history;
        bool tells = message->type == ELECT_MSG_HISTORY;

        memset(ret_bytes, 0, ELECT_MESSAGE_SIZE_MAX);
        ret_bytes[0] = VERSION;
        ret_bytes[1] = (uint8_t) message->type;
        ret_bytes[2] = (uint8_t) message->reason;
        ret_bytes[3] = (uint8_t) message->result;
        ret_bytes[4] = (uint8_t) (FLAG(message->up_to_date, 0) | FLAG(message->in_session, 1) |
                                  FLAG(tells && history->split, 2));
        ret_bytes[5] = message->n_macs;
        ret_bytes[6] = (uint8_t) message->keep;
        put32(ret_bytes + 8, message->instance);
        put32(ret_bytes + 12, message->to_instance);
        put64(ret_bytes + 16, tells ? history->since_usec : message->session);
        put64(ret_bytes + 24, tells ? history->written_kib : message->nonce);
        put64(ret_bytes + 32, message->epoch);
        put64(ret_bytes + 40, tells ? history->generation : message->generation);
        memcpy(ret_bytes + ELECT_MESSAGE_SIZE_MIN, message->macs, macs);
        return ELECT_MESSAGE_SIZE_MIN + macs;
}

int elect_message_decode(const uint8_t *bytes, size_t size, ElectMessage *ret_message)
{
        if (size < ELECT_MESSAGE_SIZE_MIN)
                return -EBADMSG;
        int r = check_version(bytes[0]);
        if (r < 0)
                return r;
        if (bytes[1] == ELECT_MSG_INVALID || bytes[1] >= ELECT_MSG_MAX || bytes[2] >= ELECT_REASON_MAX ||
            bytes[3] >= ELECT_RESULT_MAX || (bytes[4] & ~MESSAGE_FLAGS_MASK) != 0 ||
            bytes[5] > ELECT_MACS_MAX || bytes[6] >= ELECT_ROLE_MAX || bytes[7] != 0 ||
            (HAS(bytes[4], 2) && bytes[1] != ELECT_MSG_HISTORY) ||
            size != ELECT_MESSAGE_SIZE_MIN + (size_t) bytes[5] * ELECT_MAC_SIZE)
                return -EBADMSG;

        *ret_message = (ElectMessage){
                .type = bytes[1],
                .reason = bytes[2],
                .result = bytes[3],
                .up_to_date = HAS(bytes[4], 0),
                .in_session = HAS(bytes[4], 1),
                .n_macs = bytes[5],
                .instance = get32(bytes + 8),
                .to_instance = get32(bytes + 12),
                .session = get64(bytes + 16),
                .nonce = get64(bytes + 24),
                .epoch = get64(bytes + 32),
                .generation = get64(bytes + 40),
                .keep = bytes[6],
        };
        if (ret_message->type == ELECT_MSG_HISTORY) {
                ret_message->history = (ElectHistory){
                        .split = HAS(bytes[4], 2),
                        .since_usec = ret_message->session,
                        .written_kib = ret_message->nonce,
                        .generation = ret_message->generation,
                };
                ret_message->session = ret_message->nonce = ret_message->generation = 0;
        }
        memcpy(ret_message->macs, bytes + ELECT_MESSAGE_SIZE_MIN, (size_t) bytes[5] * ELECT_MAC_SIZE);
        return 0;
}

/*
 * Memory: 0 version, 1 flags, 2 role, 3 peer's role, 4 handover from, 5 number of MACs, 6 zero, 8 epoch,
 * 16 role's epoch, 24 boots, 32 generation, 40 peer's, 48 handover's epoch, 56 its generation, 64 forced
 * epoch, 72 boot id, 88 MACs, 136 apart since. Version 1 ends before the last.
 */
void elect_memory_encode(const ElectMemory *memory, uint8_t ret_bytes[ELECT_MEMORY_SIZE])
{
        memset(ret_bytes, 0, ELECT_MEMORY_SIZE);
        ret_bytes[0] = VERSION_MEMORY;
        ret_bytes[1] = (uint8_t) (FLAG(memory->sole, 0) | FLAG(memory->elig, 1) |
                                  FLAG(memory->maintenance, 2) | FLAG(memory->pinned, 3) |
                                  FLAG(memory->stale, 4));
        ret_bytes[2] = (uint8_t) memory->role;
        ret_bytes[3] = (uint8_t) memory->peer_role;
        ret_bytes[4] = (uint8_t) memory->handover.from;
        ret_bytes[5] = memory->n_peer_macs;
        put64(ret_bytes + 8, memory->epoch);
        put64(ret_bytes + 16, memory->role_epoch);
        put64(ret_bytes + 24, memory->boots);
        put64(ret_bytes + 32, memory->generation);
        put64(ret_bytes + 40, memory->peer_generation);
        put64(ret_bytes + 48, memory->handover.epoch);
        put64(ret_bytes + 56, memory->handover.generation);
        put64(ret_bytes + 64, memory->forced_epoch);
        memcpy(ret_bytes + 72, memory->boot_id, ELECT_BOOT_ID_SIZE);
        memcpy(ret_bytes + 88, memory->peer_macs, (size_t) memory->n_peer_macs * ELECT_MAC_SIZE);
        put64(ret_bytes + 136, memory->apart_usec);
}

int elect_memory_decode(const uint8_t *bytes, size_t size, ElectMemory *ret_memory)
{
        if (size != ELECT_MEMORY_SIZE && size != ELECT_MEMORY_SIZE_OLD)
                return -EBADMSG;
        if (bytes[0] != (size == ELECT_MEMORY_SIZE ? VERSION_MEMORY : VERSION_MEMORY - 1))
                return -EPROTONOSUPPORT;
        if ((bytes[1] & ~MEMORY_FLAGS_MASK) != 0 || bytes[2] >= ELECT_ROLE_MAX ||
            bytes[3] >= ELECT_ROLE_MAX || bytes[4] >= ELECT_ROLE_MAX || bytes[5] > ELECT_MACS_MAX)
                return -EBADMSG;

        *ret_memory = (ElectMemory){
                .sole = HAS(bytes[1], 0),
                .elig = HAS(bytes[1], 1),
                .maintenance = HAS(bytes[1], 2),
                .pinned = HAS(bytes[1], 3),
                .stale = HAS(bytes[1], 4),
                .role = bytes[2],
                .peer_role = bytes[3],
                .n_peer_macs = bytes[5],
                .epoch = get64(bytes + 8),
                .role_epoch = get64(bytes + 16),
                .boots = get64(bytes + 24),
                .generation = get64(bytes + 32),
                .peer_generation = get64(bytes + 40),
                .handover = { .epoch = get64(bytes + 48),
                              .from = bytes[4],
                              .generation = get64(bytes + 56) },
                .forced_epoch = get64(bytes + 64),
                .apart_usec = size == ELECT_MEMORY_SIZE ? get64(bytes + 136) : 0,
        };
        memcpy(ret_memory->boot_id, bytes + 72, ELECT_BOOT_ID_SIZE);
        memcpy(ret_memory->peer_macs, bytes + 88, (size_t) bytes[5] * ELECT_MAC_SIZE);
        return 0;
}

/* `hapair init`: the founder may serve alone from the first boot; "master first, slave later". */
void elect_memory_founder(ElectMemory *ret)
{
        *ret = (ElectMemory){ .sole = true, .epoch = 1 };
}

/* `hapair join`: the new node holds nothing and may nothing before it is told. */
void elect_memory_joined(ElectMemory *ret)
{
        *ret = (ElectMemory){ .epoch = 1 };
}
