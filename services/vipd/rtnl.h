/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The edge to the kernel's addresses and links: rtnetlink by libnl-3. It feeds the plan with what the kernel
 * has and carries out what the plan wants. rtnetlink answers while the request is being sent, so nothing
 * here waits.
 */
#pragma once

#include "plan.h"

typedef struct Rtnl Rtnl;

/* Something else touched an address that matters: for the log. */
typedef void (*RtnlNews)(void *userdata, PlanNews news, int ifindex, const IpAddress *address);

/* `plan` and `userdata` outlive it. */
_must_check_ int rtnl_new(Plan *plan, RtnlNews news, void *userdata, Rtnl **ret);
Rtnl *rtnl_free(Rtnl *rtnl);

static inline void rtnl_freep(Rtnl **rtnl)
{
        rtnl_free(*rtnl);
}

/* Readable when the kernel has news. Owned by `rtnl`. */
int rtnl_fd(const Rtnl *rtnl);
/* Tells the plan all news; when the kernel lost some, sets plan->resync. */
_must_check_ int rtnl_drain(Rtnl *rtnl, uint64_t now_usec);
/* Tells the plan everything anew. */
_must_check_ int rtnl_dump(Rtnl *rtnl, uint64_t now_usec);

/*
 * Carries out PLAN_ADD and PLAN_REMOVE, in order, as one batch. Each action's outcome goes to ret_errors as
 * 0 or negative errno; the return value is for the transport itself, then no ret_errors is set.
 */
_must_check_ int rtnl_apply(Rtnl *rtnl, const PlanAction actions[], size_t n, int ret_errors[]);
