/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handshakes with the peer's electd. Each message names both instances, so that one from before a restart is
 * dead; a message that promises something leaves only when the promise is on the disk.
 */
#include "elect-core.h"

#define FACTS_RETRY_USEC USEC_PER_SEC

ElectMessage elect_message(ElectCore *core, ElectMessageType type, uint64_t nonce, ElectReason reason)
{
        return (ElectMessage){
                .type = type,
                .reason = reason,
                .instance = core->instance,
                .to_instance = core->record.instance,
                .session = core->in_session ? core->my_session + core->peer_session : 0,
                .nonce = nonce,
                .epoch = core->epoch,
                .generation = core->volume.generation,
                .up_to_date = core->volume.disk == ELECT_DISK_UP_TO_DATE,
        };
}

void elect_send(ElectCore *core, const ElectMessage *message)
{
        elect_act(core, ELECT_ACT_SEND)->message = *message;
}

/* With every place taken the message is dropped: the peer asks again, an unkept promise would be worse. */
void elect_send_after(ElectCore *core, const ElectMessage *message, uint64_t save)
{
        for (size_t i = 0; i < ELECT_HELD_MAX; i++) {
                if (core->held[i].after_save != 0)
                        continue;
                core->held[i] = (ElectHeld){ .after_save = save, .message = *message };
                return;
        }
}

void elect_release_held(ElectCore *core)
{
        for (size_t i = 0; i < ELECT_HELD_MAX; i++) {
                ElectHeld *held = &core->held[i];

                if (held->after_save == 0 || core->saved_number < held->after_save)
                        continue;
                elect_send(core, &held->message);
                held->after_save = 0;
        }
}

void elect_drop_held(ElectCore *core)
{
        memset(core->held, 0, sizeof(core->held));
}

void elect_refuse(ElectCore *core, const ElectMessage *question, ElectResult result)
{
        ElectMessage no = elect_message(core, ELECT_MSG_REFUSED, question->nonce, question->reason);

        no.result = result;
        elect_send(core, &no);
}

/* Each electd tells the other its node's MACs, until the other's record says that it knows them. */
bool elect_facts_rule(ElectCore *core)
{
        ElectMessage facts;

        if (!elect_record_fresh(core) || core->n_macs == 0 || core->stopping)
                return false;
        if (core->facts_next_usec != 0 && core->record.knows_macs && elect_echoed(core))
                return false;
        if (core->now_usec < core->facts_next_usec) {
                elect_wake(core, core->facts_next_usec);
                return false;
        }

        core->facts_next_usec = core->now_usec + FACTS_RETRY_USEC;
        facts = elect_message(core, ELECT_MSG_FACTS, 0, ELECT_REASON_NONE);
        facts.n_macs = core->n_macs;
        memcpy(facts.macs, core->macs, sizeof(facts.macs));
        elect_send(core, &facts);
        return true;
}

static void on_facts(ElectCore *core, const ElectMessage *message)
{
        core->facts_from = message->instance;
        core->memory.n_peer_macs = message->n_macs;
        memcpy(core->memory.peer_macs, message->macs, sizeof(core->memory.peer_macs));
}

/* An unknown message is never consent: what is not listed here changes nothing. */
void elect_receive(ElectCore *core, const ElectMessage *message)
{
        if (message->to_instance != core->instance || !core->record_known ||
            message->instance != core->record.instance)
                return;

        switch (message->type) {
        case ELECT_MSG_PREQ:
                elect_on_preq(core, message);
                break;
        case ELECT_MSG_HANDOVER:
                elect_on_handover(core, message);
                break;
        case ELECT_MSG_REFUSED:
                elect_on_refused(core, message);
                break;
        case ELECT_MSG_TAKEOVER:
                elect_on_takeover(core, message);
                break;
        case ELECT_MSG_OUTDATE:
                elect_on_outdate(core, message);
                break;
        case ELECT_MSG_OUTDATED:
                elect_on_outdated(core, message);
                break;
        case ELECT_MSG_ELIGIBLE:
                elect_on_eligible(core, message);
                break;
        case ELECT_MSG_LEAVING:
                elect_on_leaving(core, message);
                break;
        case ELECT_MSG_LEAVING_ACK:
                elect_on_leaving_ack(core, message);
                break;
        case ELECT_MSG_SESSION:
                elect_on_session(core, message);
                break;
        case ELECT_MSG_FACTS:
                on_facts(core, message);
                break;
        case ELECT_MSG_HISTORY:
                elect_on_history(core, message);
                break;
        case ELECT_MSG_RESOLVE:
                elect_on_resolve(core, message);
                break;
        case ELECT_MSG_RESOLVED:
                elect_on_resolved(core, message);
                break;
        case ELECT_MSG_INVALID:
        case ELECT_MSG_MAX:
                break;
        }
}
