/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon's settings: typed values that confd hands out (org.hapair.Config1.GetSettings). They are fetched
 * at start and again whenever confd says that they changed or comes back from a restart; no daemon reads a
 * file.
 */
#pragma once

#include "common/service.h"

typedef struct Settings Settings;

/*
 * Gets a message that stands at the a{sv} of the settings; reads it with settings_read() and applies the
 * difference. -errno: they are refused, what was in force stays, and the log says so.
 */
typedef int (*settings_apply_t)(sd_bus_message *message, void *userdata);

_must_check_ int settings_open(Service *service, const char *daemon, settings_apply_t apply, void *userdata,
                               Settings **ret_settings);
Settings *settings_close(Settings *settings);

/* One name of the dictionary and where its value goes in the structure. */
typedef struct SettingsField {
        const char *name;
        /* "b" (bool), "q" (uint16_t), "u" (uint32_t), "t" (uint64_t), "s" (char *), "as" (char **), or with
         * read(): any. */
        const char *signature;
        size_t offset;
        /* Reads a value of another type; the message stands inside the variant. */
        int (*read)(sd_bus_message *message, void *ret_value);
} SettingsField;

/*
 * Reads an a{sv} into a structure. Names that the table does not have are passed over (a newer confd);
 * values that the message does not have keep what the structure had. Strings are allocated, for the caller
 * to free; what a string field pointed to before is freed. Errors: -EBADMSG with the name whose type is
 * wrong in `ret_bad`, -ENOMEM, those of sd_bus_message_read(3).
 */
_must_check_ int settings_read(sd_bus_message *message, const SettingsField *fields, size_t n_fields,
                               void *ret_structure, const char **ret_bad);

/* An aa{sv}: read_row() reads each row, by settings_read() as a rule. The first error ends it. */
_must_check_ int settings_read_rows(sd_bus_message *message,
                                    int (*read_row)(sd_bus_message *message, void *userdata),
                                    void *userdata);

/* What an "as" became. */
void settings_free_strings(char **strings);
