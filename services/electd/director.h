/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The director: feeds the election core with what the other daemons say and has them do what it decides, in
 * order, each order with its limit. It decides nothing itself.
 *
 *   director.c       the core's turn, its memory on the disk, its timer, its own lateness
 *   director-hbd.c   the peer: records, messages, paths
 *   director-helper.c  who carries out orders: connection, limits, what its objects say
 *   director-vipd.c  the addresses: orders, links, probes
 *   director-replicd.c  the volume: orders, its state, the fence-peer handler's questions
 *   director-svcmand.c  the services: orders, what it says of them
 *   director-settings.c  the settings, in the core's words
 *   director-watchdog.c  the hardware watchdog
 */
#pragma once

#include "common/bus-client.h"
#include "common/service.h"
#include "common/settings.h"
#include "common/state.h"
#include "elect.h"
#include "errors.h"
#include "history.h"
#include "inhibit.h"
#include "seal.h"
#include "watchdog.h"
#include "words.h"

#define DIRECTOR_EVENTS_MAX  64
#define DIRECTOR_CALLS_MAX   8
#define DIRECTOR_WAITERS_MAX 16
#define DIRECTOR_FENCES_MAX  8
#define ELECTION_REFUSED     "org.hapair.Error.Refused"

typedef struct Director Director;
typedef struct HelperType HelperType;

/* A daemon that carries out orders. */
typedef struct Helper {
        Director *director;
        const HelperType *type;
        BusClient *client;
        bool told; /* the core believes it there */
        bool fetching, fetch_again, objects_read;
} Helper;

/* An order that a helper is working on. */
typedef struct OrderCall {
        Director *director;
        Helper *helper;
        ElectCommand command;
        sd_bus_slot *slot; /* NULL: free */
} OrderCall;

/* What differs between helpers. */
struct HelperType {
        const char *name; /* of its door */
        const char *bus_name, *object, *interface;
        int (*call)(sd_bus *bus, OrderCall *call, sd_bus_message_handler_t callback);
        int (*done)(Director *director, ElectOrder order, sd_bus_message *answer); /* may be NULL */
        int (*subscribe)(sd_bus *bus, Director *director);                         /* may be NULL */
        int (*read_objects)(Director *director, sd_bus_message *message);
        int (*read_root)(Director *director, sd_bus_message *message);
        void (*heard)(Director *director); /* both were read */
        void (*gone)(Director *director);
};

/* An operator's call that waits for its outcome. */
typedef struct Waiter {
        uint64_t token; /* 0: free */
        sd_bus_message *call;
} Waiter;

/* What the settings say beyond what the core needs. */
typedef struct DirectorSettings {
        bool configured, active, auto_failback, failover_link_down, volume, services;
        char *role, *arbiter, *host_name, *digest, *watchdog, *cluster;
        ErrorFacts *problems; /* where what confd found goes */
        uint64_t dead_usec, failback_delay_usec;
} DirectorSettings;

/* The properties as they were last told, to tell which changed. */
typedef struct Told {
        ElectRole configured, running, peer_role;
        ElectState state, peer_state;
        ElectArbiter arbiter;
        ElectReason reason;
        uint64_t since_usec, epoch;
        bool peer_known, peer_online, maintenance, pinned;
        uint64_t errors, reboot_danger, split_risk, split_brain, waits; /* digests */
} Told;

struct Director {
        Service *service;
        Settings *settings;
        BusClient *hbd;
        Helper vipd, replicd, svcmand;
        ElectCore core;
        uint8_t key[SEAL_KEY_SIZE];
        History history;

        /* memory */
        StateFile *state;
        uint64_t save_base; /* generation = base + number of the save */
        sd_event_source *save_retry;

        /* turns */
        ElectEvent queue[DIRECTOR_EVENTS_MAX];
        size_t n_queue;
        bool in_turn;
        sd_event_source *timer, *tick, *own_address_timer;
        uint64_t tick_due_usec, errors_due_usec;

        /* helpers */
        bool hbd_told;                                 /* the core believes it there */
        uint8_t record[ELECT_RECORD_SIZE + SEAL_SIZE]; /* the published one, sealed */
        size_t record_size;                            /* 0: none yet */
        uint64_t refused_records, refused_messages;
        bool stopping;
        sd_bus_slot *farewell;
        bool fetching_paths, fetch_paths_again;
        ElectEvent addresses; /* collected until both answers are there */
        bool link_known, link_carrier, link_own_address;
        ElectEvent volume;        /* collected in the same way */
        ElectOrder services_told; /* what svcmand was told last, START or STOP; NONE: nothing since it
                                     started */
        bool services_slave, services_maintenance, services_maintenance_told;
        ElectVerdict services_health;
        ElectCommand services_waiting; /* an order that svcmand was not there for; NONE: none */
        uint64_t services_until_usec;
        sd_event_source *services_timer;
        char resource[64]; /* DRBD's name of the volume */
        bool joined;       /* replicd was heard */
        bool left;         /* in order: nothing is held here any more */
        bool reset;        /* this machine is to end: nobody feeds its watchdog any more */
        Watchdog *watchdog;
        char watchdog_device[64];
        uint64_t watchdog_usec, watchdog_due_usec;
        sd_bus_message *fence[DIRECTOR_FENCES_MAX];
        OrderCall call[DIRECTOR_CALLS_MAX];
        Waiter waiter[DIRECTOR_WAITERS_MAX];
        WordsTold told_to_type;
        Inhibit *inhibit;
        uint64_t tokens;

        DirectorSettings wanted;
        ErrorFacts facts;
        Told told;
};

/*
 * Begins with what $STATE_DIRECTORY remembers; `director` is zeroed and outlives the loop. director_done()
 * in any case. Errors: those of the credential, the state file, the loop.
 */
_must_check_ int director_new(Service *service, Director *director);
void director_done(Director *director);

/* SIGTERM: leave in order, then end the loop. */
int director_stop(void *userdata);

/* director.c, for the other parts */
void director_feed(Director *director, const ElectEvent *event);
void director_order_done(Director *director, ElectOrder order, uint64_t id, int error);

/* director-hbd.c */
_must_check_ int director_hbd_open(Director *director);
void director_publish(Director *director, const ElectRecord *record);
void director_publish_again(Director *director);
void director_send(Director *director, const ElectMessage *message);
void director_ask_peer(Director *director);
void director_farewell(Director *director);

/* director-helper.c */
_must_check_ int helper_open(Director *director, Helper *helper, const HelperType *type);
void helper_fetch(Helper *helper);
void director_order(Director *director, const ElectCommand *command);

/* director-vipd.c */
_must_check_ int director_vipd_open(Director *director);
_must_check_ int director_own_address_open(Director *director);
void director_probe(Director *director, bool on);

/* director-replicd.c */
_must_check_ int director_replicd_open(Director *director);
_must_check_ int director_fence_asked(Director *director, sd_bus_message *call);
void director_fence_answer(Director *director, uint8_t answer);
void director_reset(Director *director, ElectReason reason);
void director_replicd_close(Director *director);

/* director-svcmand.c */
_must_check_ int director_svcmand_open(Director *director);
void director_svcmand_close(Director *director);
void director_services_wait(Director *director, const ElectCommand *command);
void director_services_look(Director *director);

/* director-settings.c */
_must_check_ int director_settings_open(Director *director);
void director_settings_close(Director *director);

/* director-watchdog.c */
void director_watchdog_apply(Director *director);
void director_watchdog_look(Director *director);

/* bus.c, bus-volume.c: the outside learns of what changed; an operator learns the outcome */
void election_bus_changed(Director *director);
void election_bus_errors(Director *director);
void election_bus_reply(Director *director, uint64_t token, ElectResult result);
_must_check_ int election_bus_request(Director *director, sd_bus_message *message, ElectRequest what,
                                      sd_bus_error *error);
int election_bus_add_objects(sd_bus *bus, void *userdata);
