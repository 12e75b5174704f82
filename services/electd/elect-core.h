/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the election core share among themselves. A rule returns true when it changed something;
 * elect_step() runs all rules again until none does. A rule that waits for a moment calls elect_wake().
 */
#pragma once

#include <errno.h>
#include <string.h>

#include "common/base/macros.h"
#include "elect.h"

#define ELECT_LISTEN_MIN_USEC (2 * USEC_PER_SEC)
#define ELECT_LISTEN_MAX_USEC (60 * USEC_PER_SEC)

/* elect.c: actions */
ElectAction *elect_act(ElectCore *core, ElectActionType type);
uint64_t elect_commit(ElectCore *core);
void elect_wake(ElectCore *core, uint64_t when_usec);
void elect_decide(ElectCore *core, ElectState from, ElectReason reason);
void elect_set_state(ElectCore *core, ElectState state, ElectReason reason);
uint64_t elect_nonce_new(ElectCore *core);
void elect_raise_epoch(ElectCore *core, uint64_t epoch);

/* elect-know.c: what is known, in the words of the rules */
bool elect_standby(const ElectCore *core);
bool elect_active(const ElectCore *core);
bool elect_automatic(const ElectCore *core);
bool elect_peer_heard(const ElectCore *core);
bool elect_record_valid(const ElectCore *core);
bool elect_record_fresh(const ElectCore *core);
bool elect_peer_stands_by(const ElectCore *core);
bool elect_echoed(const ElectCore *core);
bool elect_able(const ElectCore *core);
bool elect_fit(const ElectCore *core);
bool elect_peer_answers(ElectCore *core);
bool elect_peer_silent(const ElectCore *core);
bool elect_probed(ElectCore *core);
bool elect_promised(ElectCore *core);
bool elect_probe_wanted(const ElectCore *core);
void elect_hear(ElectCore *core, const ElectEvent *event);
void elect_make_record(const ElectCore *core, ElectRecord *ret_record);
bool elect_record_equal(const ElectRecord *a, const ElectRecord *b);

/* elect-message.c */
ElectMessage elect_message(ElectCore *core, ElectMessageType type, uint64_t nonce, ElectReason reason);
void elect_send(ElectCore *core, const ElectMessage *message);
void elect_send_after(ElectCore *core, const ElectMessage *message, uint64_t save);
void elect_refuse(ElectCore *core, const ElectMessage *question, ElectResult result);
void elect_release_held(ElectCore *core);
void elect_drop_held(ElectCore *core);
void elect_receive(ElectCore *core, const ElectMessage *message);
bool elect_facts_rule(ElectCore *core);

/* elect-orders.c */
void elect_promote(ElectCore *core, ElectReason reason, uint64_t after_save);
void elect_demote(ElectCore *core, ElectReason reason);
bool elect_plan_rule(ElectCore *core);
bool elect_refresh_rule(ElectCore *core);
uint64_t elect_demotion_limit_usec(const ElectCore *core);
void elect_order_done(ElectCore *core, ElectOrder order, uint64_t id, int error);
uint64_t elect_order(ElectCore *core, ElectOrder order);

/* elect-vip.c */
bool elect_vip_rules(ElectCore *core);

/* elect-volume.c, elect-right.c */
bool elect_volume_rules(ElectCore *core);
bool elect_right_rules(ElectCore *core);
void elect_volume_changed(ElectCore *core, const ElectVolume *volume);
void elect_void_session(ElectCore *core);
void elect_take_sole(ElectCore *core, ElectReason reason);
void elect_on_outdate(ElectCore *core, const ElectMessage *message);
void elect_on_outdated(ElectCore *core, const ElectMessage *message);
void elect_on_eligible(ElectCore *core, const ElectMessage *message);
void elect_on_session(ElectCore *core, const ElectMessage *message);
bool elect_session_named(const ElectCore *core, const ElectMessage *message);
bool elect_may_preq(const ElectCore *core);

/* elect-disk.c */
bool elect_disk_untouched(const ElectCore *core);
bool elect_disk_serves(const ElectCore *core);
bool elect_disk_whole(const ElectCore *core);
bool elect_disk_ails(const ElectCore *core);
void elect_disk_missed(ElectCore *core, const ElectVolume *now);
bool elect_disk_stalls(const ElectCore *core);
bool elect_disk_fault(const ElectCore *core);
bool elect_disk_rule(ElectCore *core);
void elect_disk_apart(ElectCore *core);

/* elect-split.c */
bool elect_split_keeps(const ElectCore *core);
bool elect_split_rules(ElectCore *core);
ElectResult elect_resolve(ElectCore *core, ElectRole keep);
void elect_resolve_failed(ElectCore *core, ElectResult result);
void elect_resolve_done(ElectCore *core, ElectOrder order, uint64_t id, int error);
void elect_on_history(ElectCore *core, const ElectMessage *message);
void elect_on_resolve(ElectCore *core, const ElectMessage *message);
void elect_on_resolved(ElectCore *core, const ElectMessage *message);

/* elect-switch.c */
bool elect_switch_rules(ElectCore *core);
void elect_ask_preq(ElectCore *core, ElectReason reason);
void elect_on_preq(ElectCore *core, const ElectMessage *message);
void elect_on_handover(ElectCore *core, const ElectMessage *message);
void elect_on_takeover(ElectCore *core, const ElectMessage *message);
void elect_on_refused(ElectCore *core, const ElectMessage *message);
void elect_handed_over(ElectCore *core);
void elect_make_slave(ElectCore *core);
uint64_t elect_damping_next(const ElectDamping *damping, uint64_t per_hour);
void elect_damping_count(ElectDamping *damping, uint64_t now_usec, uint64_t base_usec);

/* elect-operator.c */
void elect_on_request(ElectCore *core, ElectRequest request, uint64_t token);
bool elect_operator_rule(ElectCore *core);
void elect_operator_reply(ElectCore *core, ElectResult result);

/* elect-leave.c */
bool elect_leave_rules(ElectCore *core);
void elect_on_leaving(ElectCore *core, const ElectMessage *message);
void elect_on_leaving_ack(ElectCore *core, const ElectMessage *message);
