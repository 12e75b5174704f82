/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The catalogue of services; see catalogue.h. */
#include "catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/macros.h"
#include "names.h"
#include "value.h"

#define SECTION       "ServiceSet"
#define SUFFIX        ".service-set"
#define SET_SIZE_MAX  65536
#define SET_FILES_MAX 256

/* clang-format off */
#define AT(field) offsetof(ServiceSet, field)
static const KeySpec set_keys[] = {
        { "Description", KEY_STRING, AT(description), .valid = name_is_description,
          .rule = "a line of at most 100 bytes of UTF-8" },
        { "Units", KEY_STRING, AT(unit_list), .required = true, .valid = name_is_service_list,
          .rule = "up to 8 names of .service units, none twice and none of hapair's own, with ; between them" },
        { "Order", KEY_NUMBER, AT(order), "50", .max = 99, .rule = "a whole number from 0 to 99" },
        { "SettleSec", KEY_DURATION, AT(settle_usec), "0", .unit = USEC_PER_SEC, .max = 10 * USEC_PER_SEC,
          .rule = "a number of seconds from 0 to 10" },
        { "StartLimitSec", KEY_DURATION, AT(start_limit_usec), "30", .unit = USEC_PER_SEC,
          .min = USEC_PER_SEC, .max = 50 * USEC_PER_SEC, .rule = "a number of seconds from 1 to 50" },
        { "StopLimitSec", KEY_DURATION, AT(stop_limit_usec), "10", .unit = USEC_PER_SEC,
          .min = 100 * USEC_PER_MSEC, .max = 20 * USEC_PER_SEC, .rule = "a number of seconds from 0.1 to 20" },
        {},
};
#undef AT
/* clang-format on */

ServiceSet *service_set_free(ServiceSet *set)
{
        if (!set)
                return NULL;
        for (const KeySpec *key = set_keys; key->name; key++)
                value_clear(key, set);
        g_strfreev(set->units);
        g_free(set);
        return NULL;
}

static void free_set(void *set)
{
        service_set_free(set);
}

static void complain(const Scan *scan, const ScanEntry *entry, GPtrArray *problems, const char *rule)
{
        problems_add(problems, PROBLEM_ERROR, scan->file, entry->line, entry->section->header, entry->key,
                     entry->raw, "%s", rule);
}

static void read_entry(const Scan *scan, const ScanEntry *entry, ServiceSet *set, GPtrArray *problems)
{
        g_autofree char *rule = NULL;

        if (strcmp(entry->section->header, SECTION) != 0)
                return; /* the section is complained about */
        for (const KeySpec *key = set_keys; key->name; key++) {
                if (strcmp(key->name, entry->key) != 0)
                        continue;
                rule = value_parse(key, entry->raw, NULL, set);
                if (rule)
                        complain(scan, entry, problems, rule);
                return;
        }
        complain(scan, entry, problems, "is no key of a section " SECTION);
}

static void check_sections(const Scan *scan, GPtrArray *problems)
{
        for (unsigned i = 0; i < scan->sections->len; i++) {
                const ScanSection *section = scan->sections->pdata[i];

                if (strcmp(section->header, SECTION) != 0)
                        problems_add(problems, PROBLEM_ERROR, scan->file, section->line, section->header,
                                     NULL, NULL, "is no section of a service set: there is [" SECTION "]");
        }
}

ServiceSet *service_set_parse(const ConfigText *text, GPtrArray *problems)
{
        g_autoptr(GPtrArray) found = problems_new();
        g_autoptr(ServiceSet) set = g_new0(ServiceSet, 1);
        Scan *scan = scan_text(text->path, text->text, text->length, found);
        bool good;

        for (const KeySpec *key = set_keys; key->name; key++) {
                g_autofree char *rule = key->fallback ? value_parse(key, key->fallback, NULL, set) : NULL;

                g_assert(!rule);
        }
        check_sections(scan, found);
        for (unsigned i = 0; i < scan->entries->len; i++)
                read_entry(scan, scan->entries->pdata[i], set, found);
        for (const KeySpec *key = set_keys; key->name; key++)
                if (key->required && !scan_find(scan, SECTION, key->name))
                        problems_add(found, PROBLEM_ERROR, scan->file, 0, SECTION, key->name, NULL,
                                     "is missing");
        scan_free(scan);

        good = problems_count(found, PROBLEM_ERROR) == 0;
        for (unsigned i = 0; i < found->len; i++) {
                const Problem *p = found->pdata[i];

                problems_add(problems, p->severity, p->file, p->line, p->section, p->key, p->value, "%s",
                             p->rule);
        }
        if (!good)
                return NULL;
        set->units = g_strsplit(set->unit_list, ";", -1);
        return g_steal_pointer(&set);
}

/* What anybody else may write to would let them choose what svcmand starts. */
static const char *why_untrusted(const struct stat *st)
{
        if (!S_ISREG(st->st_mode))
                return "is no regular file";
        if (st->st_uid != 0 || (st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
                return "must be owned by root, and nobody else may have the right to write to it";
        if (st->st_size > SET_SIZE_MAX)
                return "is too large for a service set";
        return NULL;
}

/* 0, or -ENOENT; with anything else the reason was added. */
static int read_file(const char *path, ConfigText *ret_text, GPtrArray *problems)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        g_autofree char *text = NULL;
        const char *why = NULL;
        struct stat st = { 0 };
        ssize_t n = 0;
        int r = 0;

        if (fd < 0 || fstat(fd, &st) < 0)
                r = -errno;
        else
                why = why_untrusted(&st);
        if (r == 0 && !why) {
                text = g_malloc((size_t) st.st_size + 1);
                n = read(fd, text, (size_t) st.st_size);
                if (n < 0)
                        r = -errno;
        }
        if (fd >= 0)
                close(fd);
        if (r == -ENOENT)
                return r;
        if (!text || r < 0) {
                problems_add(problems, PROBLEM_ERROR, path, 0, NULL, NULL, NULL, "%s%s",
                             why ? "" : "cannot be read: ", why ?: g_strerror(-r));
                return r < 0 ? r : -EPERM;
        }
        text[n] = 0;
        *ret_text = (ConfigText){ .path = path, .text = g_steal_pointer(&text), .length = (size_t) n };
        return 0;
}

/* NULL when no directory has one, or the first that has one is wrong. */
static ServiceSet *read_set(const char *name, const char *const *directories, GPtrArray *problems,
                            bool *ret_found)
{
        *ret_found = false;
        for (const char *const *directory = directories; *directory; directory++) {
                g_autofree char *path = g_strdup_printf("%s/%s" SUFFIX, *directory, name);
                ConfigText text = {};
                ServiceSet *set = NULL;
                int r = read_file(path, &text, problems);

                if (r == -ENOENT)
                        continue;
                *ret_found = true;
                if (r == 0)
                        set = service_set_parse(&text, problems);
                g_free(text.text);
                return set;
        }
        return NULL;
}

/* A unit of two services could be wanted and unwanted at once. */
static const char *taken_by(const Config *config, const GPtrArray *sets, const ServiceSet *set)
{
        for (unsigned i = 0; i < sets->len; i++) {
                const ServiceSet *other = sets->pdata[i];
                const ServiceConfig *service = config->services->pdata[i];

                for (char **unit = set->units; other && *unit; unit++)
                        if (g_strv_contains((const char *const *) other->units, *unit))
                                return service->name;
        }
        return NULL;
}

GPtrArray *catalogue_read(const Config *config, const char *const *directories, GPtrArray *problems)
{
        GPtrArray *sets = g_ptr_array_new_with_free_func(free_set);

        for (unsigned i = 0; i < config->services->len; i++) {
                const ServiceConfig *service = config->services->pdata[i];
                g_autofree char *header = g_strdup_printf("Service %s", service->name);
                const char *other;
                bool found;
                ServiceSet *set = read_set(service->name, directories, problems, &found);

                if (!found)
                        config_refuse(config, problems, header, NULL,
                                      "is no service of the catalogue: there is no %s" SUFFIX " in %s or %s",
                                      service->name, directories[0], directories[1]);
                other = set ? taken_by(config, sets, set) : NULL;
                if (other) {
                        config_refuse(config, problems, header, NULL,
                                      "has a unit that is of [Service %s] too", other);
                        set = service_set_free(set);
                }
                g_ptr_array_add(sets, set);
        }
        return sets;
}

/* Files that a directory before has already are not in force. */
static bool directory_has_unit(const char *const *directories, size_t which, const char *unit)
{
        g_autoptr(GDir) dir = g_dir_open(directories[which], 0, NULL);
        g_autoptr(GPtrArray) problems = problems_new();
        const char *file;
        bool has = false, found;

        for (unsigned n = 0; dir && !has && n < SET_FILES_MAX && (file = g_dir_read_name(dir)); n++) {
                g_autoptr(ServiceSet) set = NULL;
                g_autofree char *name = NULL;

                if (!g_str_has_suffix(file, SUFFIX))
                        continue;
                name = g_strndup(file, strlen(file) - strlen(SUFFIX));
                if (!name_is_unit(name))
                        continue;
                set = read_set(name, directories, problems, &found);
                has = set && g_strv_contains((const char *const *) set->units, unit);
        }
        return has;
}

bool catalogue_has_unit(const char *const *directories, const char *unit)
{
        for (size_t i = 0; directories[i]; i++)
                if (directory_has_unit(directories, i, unit))
                        return true;
        return false;
}
