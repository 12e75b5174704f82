/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may call what. A filter sees every message of a connection before the objects do: the private door
 * judges by the credentials that the kernel gave at accept, the bus door refuses what belongs to the private
 * one. What an administrator may do over the bus is asked of polkit in front of the handler (polkit.c).
 */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "common/service-internal.h"

static const char *const daemon_users[DAEMON_USERS] = {
        "hapair-hbd", "hapair-electd", "hapair-vipd", "hapair-confd", "hapair-svcmand",
};

void rights_resolve_users(uid_t ret_uids[static DAEMON_USERS])
{
        for (size_t i = 0; i < DAEMON_USERS; i++) {
                const struct passwd *user = getpwnam(daemon_users[i]);

                ret_uids[i] = user ? user->pw_uid : (uid_t) -1;
        }
}

bool rights_known_user(const Service *service, uid_t uid)
{
        if (uid == 0 || uid == getuid())
                return true;
        for (size_t i = 0; i < DAEMON_USERS; i++) {
                if (service->daemon_uids[i] == uid)
                        return true;
        }
        return false;
}

/* Whether the list "a,b" has the name of the daemon user with this uid. */
static bool user_listed(const Service *service, const char *users, uid_t uid)
{
        for (const char *at = users; *at;) {
                size_t length = strcspn(at, ",");

                for (size_t i = 0; i < DAEMON_USERS; i++) {
                        if (service->daemon_uids[i] == uid && strlen(daemon_users[i]) == length &&
                            memcmp(daemon_users[i], at, length) == 0)
                                return true;
                }
                at += length + (at[length] == ',');
        }
        return false;
}

static bool allowed(const Connection *connection, const ServiceRight *right)
{
        if (!right->private_users)
                return true;
        if (!connection->private)
                return right->on_bus;
        return connection->uid == 0 || connection->uid == getuid() ||
               user_listed(connection->service, right->private_users, connection->uid);
}

static const ServiceRight *right_of(const ServiceInfo *info, const char *interface, const char *member)
{
        for (const ServiceRight *right = info->rights; right->interface; right++) {
                if (strcmp(right->member, member) == 0 &&
                    (!interface || strcmp(right->interface, interface) == 0))
                        return right;
        }
        return NULL;
}

/* busctl says Hello also on a socket without a bus; the answer is a name for the caller. */
static int answer_hello(sd_bus_message *message)
{
        return sd_bus_reply_method_return(message, "s", ":1.0");
}

int rights_filter(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Connection *connection = userdata;
        uint8_t type;

        if (sd_bus_message_get_type(message, &type) < 0 || type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        connection->spoken = true;

        const char *interface = sd_bus_message_get_interface(message);
        const char *member = sd_bus_message_get_member(message);

        if (connection->private && interface && strcmp(interface, "org.freedesktop.DBus") == 0 &&
            strcmp(member, "Hello") == 0)
                return answer_hello(message);

        const ServiceRight *right = right_of(connection->service->info, interface, member);
        if (!right || allowed(connection, right))
                return 0;

        return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_ACCESS_DENIED,
                                          "%s.%s is not for this caller: %s", right->interface, member,
                                          connection->private ? "its user has no right to it"
                                                              : "it is answered on the private socket only");
}
