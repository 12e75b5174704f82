/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core takes any sequence of events, also impossible ones: it stays within its bounds, comes to rest in
 * each step, and never orders an acquisition before the epoch it bears is on the disk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/macros.h"
#include "services/electd/elect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Input {
        const uint8_t *data;
        size_t size;
} Input;

static uint8_t next(Input *input)
{
        if (input->size == 0)
                return 0;
        input->size--;
        return *input->data++;
}

typedef struct World {
        ElectCore core;
        uint64_t now_usec, durable_epoch;
        ElectMemory saved;
        uint64_t saved_number, order_id;
        ElectOrder order;
} World;

static void require(bool condition)
{
        if (!condition)
                abort();
}

static void watch(World *world, const ElectActions *actions)
{
        require(!actions->overflow && actions->n <= ELECT_ACTIONS_MAX);
        for (size_t i = 0; i < actions->n; i++) {
                const ElectAction *action = &actions->action[i];

                if (action->type == ELECT_ACT_SAVE) {
                        world->saved = action->save.memory;
                        world->saved_number = action->save.number;
                } else if (action->type == ELECT_ACT_ORDER) {
                        world->order = action->order.order;
                        world->order_id = action->order.id;
                        if (action->order.order == ELECT_ORDER_ACQUIRE &&
                            world->core.state == ELECT_PROMOTING)
                                require(action->order.epoch <= world->durable_epoch);
                }
        }
        require(world->core.state < ELECT_STATE_MAX &&
                world->core.plan.n <= ARRAY_SIZE(world->core.plan.order));
        require(world->core.state != ELECT_PROMOTING || world->core.plan.n > 0);
        require(world->core.state != ELECT_DEMOTING || world->core.plan.n > 0);
}

static void fill_record(Input *input, World *world, ElectRecord *record)
{
        uint8_t flags = next(input), more = next(input);

        *record = (ElectRecord){
                .state = next(input) % ELECT_STATE_MAX,
                .role = next(input) % ELECT_ROLE_MAX,
                .configured = next(input) % ELECT_ROLE_MAX,
                .epoch = next(input),
                .instance = 1 + next(input) % 3,
                .seq = next(input),
                .echo_instance = flags & 1 ? world->core.instance : 0,
                .sole = flags & 2,
                .elig = flags & 4,
                .able = flags & 8,
                .carrier_down = flags & 16,
                .maintenance = flags & 32,
                .leaving = flags & 64,
                .gone = flags & 128,
                .connected = more & 1,
                .primary = more & 2,
                .up_to_date = more & 4,
        };
}

static void fill_message(Input *input, World *world, ElectMessage *message)
{
        uint8_t flags = next(input);
        const uint64_t nonces[] = { world->core.preq.nonce, world->core.takeover.nonce,
                                    world->core.outdate.nonce, world->core.promise_nonce,
                                    world->core.my_session };

        *message = (ElectMessage){
                .type = next(input) % ELECT_MSG_MAX,
                .reason = next(input) % ELECT_REASON_MAX,
                .result = next(input) % ELECT_RESULT_MAX,
                .instance = world->core.record.instance,
                .to_instance = world->core.instance,
                .session = flags & 1 ? world->core.my_session + world->core.peer_session : next(input),
                .nonce = flags & 2 ? nonces[next(input) % ARRAY_SIZE(nonces)] : next(input),
                .epoch = next(input),
                .up_to_date = flags & 4,
                .n_macs = next(input) % (ELECT_MACS_MAX + 1),
                .keep = (flags >> 3) % ELECT_ROLE_MAX,
                .history = { .split = flags & 128 },
        };
}

static void fill_volume(Input *input, ElectVolume *volume)
{
        uint8_t flags = next(input);

        *volume = (ElectVolume){
                .known = !(flags & 1),
                .connected = flags & 2,
                .primary = flags & 4,
                .peer_primary = flags & 8,
                .frozen = flags & 16,
                .split_brain = (flags & 96) == 96,
                .connection = flags >> 7,
                .disk = next(input) % ELECT_DISK_MAX,
                .peer_disk = next(input) % ELECT_DISK_MAX,
                .stalled_usec = flags == 255 ? USEC_PER_MINUTE : 0,
        };
}

static void fill_settings(Input *input, ElectSettings *settings)
{
        uint8_t flags = next(input);

        *settings = (ElectSettings){
                .active = flags & 1 || flags & 2,
                .configured = next(input) % ELECT_ROLE_MAX,
                .volume = flags & 4,
                .services = flags & 8,
                .failover_link_down = flags & 16,
                .auto_failback = flags & 32,
                .arbiter = next(input) % ELECT_ARBITER_MAX,
                .dead_usec = (1 + next(input)) * 10 * USEC_PER_MSEC,
                .failback_delay_usec = next(input) * 100 * USEC_PER_MSEC,
        };
}

static void fill(Input *input, World *world, ElectEvent *event)
{
        *event = (ElectEvent){ .type = next(input) % ELECT_EV_MAX };
        switch (event->type) {
        case ELECT_EV_SETTINGS:
                fill_settings(input, &event->settings);
                break;
        case ELECT_EV_PEER:
                event->peer.state = next(input) % ELECT_PEER_STATE_MAX;
                event->peer.boot_id[0] = next(input) % 3;
                break;
        case ELECT_EV_RECORD:
                fill_record(input, world, &event->record.record);
                event->record.aged = next(input) % 8 == 0;
                break;
        case ELECT_EV_MESSAGE:
                fill_message(input, world, &event->message);
                break;
        case ELECT_EV_ADDRESSES:
                event->addresses.held = next(input) & 1;
                event->addresses.usable = next(input) & 3;
                event->addresses.n_macs = 1;
                break;
        case ELECT_EV_LINK:
        case ELECT_EV_GATEWAY:
        case ELECT_EV_HEALTH:
                event->link = next(input) % 4;
                break;
        case ELECT_EV_ANSWERED:
        case ELECT_EV_CONFLICT:
                event->answer.mac[0] = next(input) % 3;
                event->answer.present = next(input) & 1;
                break;
        case ELECT_EV_REACHED:
                event->reached.answered = next(input) & 1;
                event->reached.usec = next(input) * USEC_PER_MSEC;
                break;
        case ELECT_EV_VOLUME:
                fill_volume(input, &event->volume);
                break;
        case ELECT_EV_REQUEST:
                event->request.request = next(input) % ELECT_REQUEST_MAX;
                event->request.token = 1 + next(input);
                break;
        case ELECT_EV_ORDER_DONE:
                event->done.order = world->order;
                event->done.id = world->order_id;
                event->done.error = next(input) % 4 == 0 ? -EIO : next(input) % 8 == 0 ? -ENOTCONN : 0;
                break;
        case ELECT_EV_SAVED:
                event->saved = world->saved_number;
                world->durable_epoch = world->saved.epoch;
                break;
        case ELECT_EV_LATE:
                event->late_usec = next(input) * USEC_PER_SEC;
                break;
        case ELECT_EV_TIMER:
        case ELECT_EV_HBD_GONE:
        case ELECT_EV_VIPD_GONE:
        case ELECT_EV_PATHS:
        case ELECT_EV_FENCE_ASKED:
        case ELECT_EV_STOP:
        case ELECT_EV_PROBING:
        case ELECT_EV_MAX:
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input input = { data, size };
        World world = { .now_usec = USEC_PER_SEC };
        ElectStart start = { .now_usec = world.now_usec, .instance = 99, .status = next(&input) & 1 };
        ElectActions actions;

        start.memory.sole = next(&input) & 1;
        elect_init(&world.core, &start, &actions);
        watch(&world, &actions);
        while (input.size > 0) {
                ElectEvent event;

                world.now_usec += next(&input) * 10 * USEC_PER_MSEC;
                fill(&input, &world, &event);
                elect_step(&world.core, world.now_usec, &event, &actions);
                watch(&world, &actions);
        }
        return 0;
}
