/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core of svcmand: which services are to run here, what systemd says of their units, and what follows.
 * Pure: it gets events with the time and answers with actions.
 *
 * What is wanted is a state, compared with what is there after every event: a unit that something else
 * starts on the wrong node is stopped, one that ends on the right node is started again. Services with a
 * lower order start before those with a higher one, and stop after them; the units of a service start one
 * after the other in their order and stop in reverse.
 *
 * Nothing is touched before electd has said which role this node plays: a svcmand that was killed finds
 * everything as it was. In maintenance a service is left as it is found once it is where the last order, or
 * the last change of what is wanted, has it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        PLAN_SERVICES_MAX = 64,
        PLAN_UNITS_MAX = 8,
        PLAN_NAME_MAX = 64,
        PLAN_UNIT_NAME_MAX = 128,
        PLAN_FAILURES_MAX = 100, /* of MaxFailures */
        PLAN_ACTIONS_MAX = 32,   /* of one turn; what does not fit comes with the next */
};

typedef enum PlanPlacement {
        PLAN_ON_MASTER,
        PLAN_ON_SLAVE,
        PLAN_ON_BOTH,
} PlanPlacement;

typedef enum PlanRole {
        PLAN_ROLE_UNKNOWN, /* nobody has said yet */
        PLAN_ROLE_NONE,
        PLAN_ROLE_SLAVE,
        PLAN_ROLE_MASTER,
} PlanRole;

/* Of a unit: LoadState. */
typedef enum PlanLoad {
        PLAN_LOAD_UNKNOWN, /* systemd has not answered yet */
        PLAN_LOADED,
        PLAN_NOT_FOUND,
        PLAN_UNUSABLE, /* masked, or its file is broken */
        PLAN_ALIAS,    /* another name of a unit: systemd goes by that one's, and so do the rights */
} PlanLoad;

/* Of a unit: ActiveState; "reloading" counts as active. */
typedef enum PlanActive {
        PLAN_INACTIVE,
        PLAN_UNIT_FAILED,
        PLAN_ACTIVATING,
        PLAN_ACTIVE,
        PLAN_DEACTIVATING,
} PlanActive;

/* What systemd says of a unit. */
typedef struct PlanReport {
        PlanLoad load;
        PlanActive active;
        bool job;        /* one is queued or running, ours or not */
        bool restarting; /* it failed, and systemd waits to start it again by its Restart=; a job may live on
                          */
        bool enabled;    /* it starts at boot by itself */
        bool processes;  /* it is down, and processes are left in its control group */
} PlanReport;

/* What we are at with a unit. _ASKED: systemd has not answered the call yet. */
typedef enum PlanDoing {
        PLAN_IDLE,
        PLAN_START_ASKED,
        PLAN_STARTING,
        PLAN_STOP_ASKED,
        PLAN_STOPPING,
        PLAN_KILL_ASKED,
        PLAN_KILLING,
} PlanDoing;

typedef struct PlanUnit {
        char name[PLAN_UNIT_NAME_MAX];
        PlanReport report;
        PlanDoing doing;
        uint64_t since_usec;  /* of the start or stop under way */
        uint64_t stop_usec;   /* since when it is to be down and is not; 0: it is, or is to be up */
        uint64_t killed_usec; /* the first KILL of it; 0: none */
        uint64_t again_usec;  /* the next KILL, or the next try to stop */
        bool refused;         /* systemd did not take the last call */
        bool up;              /* it was active, and is to be */
        uint64_t up_usec;
} PlanUnit;

typedef enum PlanState {
        PLAN_UNKNOWN,
        PLAN_STOPPED,
        PLAN_START_UNDER_WAY,
        PLAN_RUNNING,
        PLAN_STOP_UNDER_WAY,
        PLAN_FAILED,
        PLAN_MISSING,
        PLAN_STUCK,
        PLAN_STATE_MAX,
} PlanState;

typedef struct PlanService {
        char name[PLAN_NAME_MAX]; /* empty: none */
        PlanPlacement placement;
        uint32_t order;
        uint64_t settle_usec, start_limit_usec, stop_limit_usec;
        uint32_t max_failures;
        uint64_t window_usec;
        size_t n_units;
        PlanUnit unit[PLAN_UNITS_MAX];

        bool wanted;
        bool settled; /* it was as wanted when last looked at, or in maintenance since the last order */
        PlanState state;
        uint64_t since_usec;
        size_t n_failures;
        uint64_t failure_usec[PLAN_FAILURES_MAX]; /* the newest, oldest first */
        bool bad;            /* as often as max_failures within the window, and not well since */
        size_t culprit;      /* the unit behind the last failure */
        uint32_t tries;      /* in a row, in vain */
        uint64_t retry_usec; /* not before */
        bool down_before;    /* it was seen down since it was last wanted */
} PlanService;

typedef enum PlanOrder {
        PLAN_ORDER_NONE,
        PLAN_ORDER_START,
        PLAN_ORDER_STOP,
} PlanOrder;

typedef enum PlanOutcome {
        PLAN_PENDING,
        PLAN_DONE,
        PLAN_DEFERRED, /* systemd is out of reach: it follows */
        PLAN_NOT_DONE, /* a service did not start, or will not end */
} PlanOutcome;

typedef struct Plan {
        PlanService service[PLAN_SERVICES_MAX];
        size_t n_services;
        bool loaded;
        bool master_told, master, slave; /* what electd says */
        bool maintenance;
        uint64_t epoch;
        bool reachable; /* systemd, over the bus */
        uint64_t reachable_since_usec;
        PlanOrder order; /* waits for its outcome */
        bool alone;      /* of a start: nobody waits for the end of the slave's services here */
        bool changed;    /* by the last turn: another may have more to do */
        uint64_t wake_usec;
} Plan;

typedef enum PlanActionType {
        PLAN_ACT_START,
        PLAN_ACT_STOP,
        PLAN_ACT_KILL,
        /* for the log only */
        PLAN_ACT_STRAY,        /* it runs where it should not, and nobody here started it */
        PLAN_ACT_ENDED,        /* it ran as it should and does no longer */
        PLAN_ACT_START_FAILED, /* or took too long */
        PLAN_ACT_BAD,          /* as often as MaxFailures within the window */
} PlanActionType;

typedef struct PlanAction {
        PlanActionType type;
        size_t service, unit;
        bool failed; /* START: forget the failure first, or systemd's own start limit stands in the way */
} PlanAction;

void plan_init(Plan *plan, uint64_t now_usec);

/*
 * New settings. plan_load_service() returns where to fill in name, placement, order, limits and units, or
 * NULL when there are too many; what is known of a service that was there stays with it. plan_load_end() is
 * true when the units are others than before, or in another order: then systemd is to be asked anew.
 */
void plan_load_begin(Plan *next);
PlanService *plan_load_service(Plan *next);
bool plan_load_end(Plan *plan, Plan *next);

/*
 * Orders. -ESTALE: the epoch is lower than one seen before. `alone`: the other node is not there to run the
 * slave's services, so that the start need not wait for their end here.
 */
int plan_start(Plan *plan, uint64_t epoch, bool alone);
void plan_stop(Plan *plan);
void plan_set_slave(Plan *plan, bool on);
void plan_set_maintenance(Plan *plan, bool on);
/* What has become of the order; then it is over, unless PENDING. Of a service: as far as it is concerned. */
PlanOutcome plan_outcome(Plan *plan, uint64_t now_usec);
PlanOutcome plan_outcome_of(const PlanService *service, PlanOrder order);

/* What systemd says; out of reach, everything it said is void. */
void plan_reachable(Plan *plan, bool reachable, uint64_t since_usec);
void plan_report(Plan *plan, size_t service, size_t unit, const PlanReport *report);
/* The call of an action was answered; false: refused. */
void plan_answered(Plan *plan, size_t service, size_t unit, bool taken, uint64_t now_usec);

/*
 * What is to be done now; again while plan->changed. Then plan->wake_usec is when to come back at the
 * latest.
 */
size_t plan_turn(Plan *plan, uint64_t now_usec, PlanAction ret_actions[PLAN_ACTIONS_MAX]);

PlanRole plan_role(const Plan *plan);
bool plan_bad(const Plan *plan);
bool plan_concerns(const Plan *plan, const PlanService *service, PlanOrder order);

/* It is left as it is found. */
bool plan_holds(const Plan *plan, const PlanService *service);

/* For plan-turn.c. */
bool plan_wants(const Plan *plan, const PlanService *service);
bool plan_unit_down(const PlanUnit *unit);
bool plan_unit_absent(const PlanUnit *unit);
