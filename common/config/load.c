/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The strict loader: from the text of the files to the typed configuration. The scan finds what is wrong
 * with the lines, this what is wrong with sections, keys and single values, rules.c what is wrong between
 * them.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "rules.h"
#include "value.h"

#define CONFIG_TEXT_MAX ((size_t) 1 << 20)

typedef struct Loader {
        Config *config;
        GPtrArray *problems;
        const Scan *scan;
        bool local; /* the file is local.conf */
} Loader;

/* Where the entries of one section of the file go. */
typedef struct Target {
        const SectionSpec *spec;
        void *section;
} Target;

int config_text_read(const char *path, ConfigText *ret_text)
{
        g_autofree char *text = g_malloc(CONFIG_TEXT_MAX + 1);
        size_t length = 0;
        ssize_t n;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;

        do {
                n = read(fd, text + length, CONFIG_TEXT_MAX + 1 - length);
                if (n > 0)
                        length += (size_t) n;
        } while ((n > 0 && length <= CONFIG_TEXT_MAX) || (n < 0 && errno == EINTR));

        if (n < 0)
                n = -errno;
        close(fd);

        if (n < 0)
                return (int) n;
        if (length > CONFIG_TEXT_MAX)
                return -EFBIG;

        *ret_text = (ConfigText){
                .path = path,
                .text = g_strndup(text, length),
                .length = length,
        };
        return 0;
}

static void complain_section(Loader *l, const ScanSection *section, const char *rule, ...)
                G_GNUC_PRINTF(3, 4);
static void complain_section(Loader *l, const ScanSection *section, const char *rule, ...)
{
        g_autofree char *text = NULL;
        va_list ap;

        va_start(ap, rule);
        text = g_strdup_vprintf(rule, ap);
        va_end(ap);

        problems_add(l->problems, PROBLEM_ERROR, l->scan->file, section->line, section->header, NULL, NULL,
                     "%s", text);
}

static void complain_entry(Loader *l, const ScanEntry *entry, const char *rule)
{
        problems_add(l->problems, PROBLEM_ERROR, l->scan->file, entry->line, entry->section->header,
                     entry->key, entry->raw, "%s", rule);
}

static bool has_local_key(const SectionSpec *spec)
{
        for (const KeySpec *key = spec->keys; key->name; key++)
                if (key->local)
                        return true;

        return false;
}

static const SectionSpec *find_spec(const char *kind)
{
        for (const SectionSpec *spec = section_specs; spec->kind; spec++)
                if (strcmp(spec->kind, kind) == 0)
                        return spec;

        return NULL;
}

static void complain_unknown_section(Loader *l, const ScanSection *section)
{
        for (const SectionSpec *spec = section_specs; spec->kind; spec++)
                if (g_ascii_strcasecmp(spec->kind, section->kind) == 0) {
                        complain_section(l, section, "is no section: it is written [%s%s]", spec->kind,
                                         spec->named ? " NAME" : "");
                        return;
                }

        complain_section(l, section, "is no section that hapair knows");
}

static bool check_section(Loader *l, const ScanSection *section, const SectionSpec *spec)
{
        if (l->local && !has_local_key(spec)) {
                complain_section(l, section, "may not stand in local.conf: it is the same on both nodes");
                return false;
        }

        if (spec->named && section->name[0] == '\0') {
                complain_section(l, section, "needs a name: [%s NAME]", spec->kind);
                return false;
        }

        if (!spec->named && section->name[0] != '\0') {
                complain_section(l, section, "takes no name: write [%s]", spec->kind);
                return false;
        }

        if (spec->named && !spec->name_valid(section->name)) {
                complain_section(l, section, "the name must be %s", spec->name_rule);
                return false;
        }

        return true;
}

/* Finds or makes the struct of a section of the file; false when its entries cannot be judged. */
static bool open_section(Loader *l, const ScanSection *section, Target *ret_target)
{
        const SectionSpec *spec = find_spec(section->kind);
        const GPtrArray *others;

        if (!spec) {
                complain_unknown_section(l, section);
                return false;
        }

        if (!check_section(l, section, spec))
                return false;

        if (!spec->named) {
                *ret_target = (Target){ spec, config_section(l->config, spec) };
                return true;
        }

        others = *(GPtrArray **) config_section(l->config, spec);
        if (others->len == spec->max) {
                complain_section(l, section, "is one too many: there may be %u of this kind", spec->max);
                return false;
        }

        *ret_target = (Target){ spec, config_add_section(l->config, spec, section->name) };
        return true;
}

static const KeySpec *find_key(const SectionSpec *spec, const char *name)
{
        for (const KeySpec *key = spec->keys; key->name; key++)
                if (strcmp(key->name, name) == 0)
                        return key;

        return NULL;
}

static void complain_unknown_key(Loader *l, const ScanEntry *entry, const SectionSpec *spec)
{
        g_autofree char *rule = NULL;

        for (const KeySpec *key = spec->keys; key->name; key++)
                if (g_ascii_strcasecmp(key->name, entry->key) == 0) {
                        rule = g_strdup_printf("is no key: it is written %s", key->name);
                        complain_entry(l, entry, rule);
                        return;
                }

        rule = g_strdup_printf("is no key of a section %s", spec->kind);
        complain_entry(l, entry, rule);
}

/* GKeyFile undoes the escapes and splits the lists. NULL, with the problem added, when it cannot. */
static char *decode(Loader *l, const ScanEntry *entry, const KeySpec *key, char ***ret_elements)
{
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autoptr(GError) error = NULL;
        char *text;

        g_key_file_set_value(file, entry->section->header, entry->key, entry->raw);

        text = g_key_file_get_string(file, entry->section->header, entry->key, &error);
        if (text && key->type == KEY_ADDRESS_LIST)
                *ret_elements = g_key_file_get_string_list(file, entry->section->header, entry->key, NULL,
                                                           &error);

        if (error) {
                complain_entry(l, entry, "holds a backslash that begins no escape sequence");
                g_clear_pointer(&text, g_free);
        }

        return text;
}

static void load_entry(Loader *l, const ScanEntry *entry, const Target *target)
{
        const KeySpec *key = find_key(target->spec, entry->key);
        g_autofree char *text = NULL, *rule = NULL;
        g_auto(GStrv) elements = NULL;

        if (!key) {
                complain_unknown_key(l, entry, target->spec);
                return;
        }

        if (l->local && !key->local) {
                complain_entry(l, entry, "may not stand in local.conf: it is the same on both nodes");
                return;
        }

        text = decode(l, entry, key, &elements);
        if (!text)
                return;

        rule = value_parse(key, text, elements, target->section);
        if (rule)
                complain_entry(l, entry, rule);
}

static void check_required(Loader *l, const char *header, unsigned line, const SectionSpec *spec)
{
        for (const KeySpec *key = spec->keys; key->name; key++)
                if (key->required && !key->fallback && !scan_find(l->scan, header, key->name))
                        problems_add(l->problems, PROBLEM_ERROR, l->scan->file, line, header, key->name,
                                     NULL, "is missing");
}

static void load_scan(Loader *l)
{
        g_autoptr(GHashTable) targets = g_hash_table_new_full(NULL, NULL, NULL, g_free);

        for (unsigned i = 0; i < l->scan->sections->len; i++) {
                const ScanSection *section = l->scan->sections->pdata[i];
                Target target;

                if (!open_section(l, section, &target))
                        continue;

                g_hash_table_insert(targets, (void *) section, g_memdup2(&target, sizeof(target)));
                if (!l->local)
                        check_required(l, section->header, section->line, target.spec);
        }

        for (unsigned i = 0; i < l->scan->entries->len; i++) {
                const ScanEntry *entry = l->scan->entries->pdata[i];
                const Target *target = g_hash_table_lookup(targets, entry->section);

                if (target)
                        load_entry(l, entry, target);
        }
}

Config *config_parse(const ConfigText *shared, const ConfigText *local, GPtrArray *problems)
{
        g_autoptr(Config) config = config_new();
        Loader l = { .config = config, .problems = problems };

        config->shared = scan_text(shared->path, shared->text ?: "", shared->length, problems);
        l.scan = config->shared;
        load_scan(&l);

        if (!scan_find_section(config->shared, "General"))
                check_required(&l, "General", 0, find_spec("General"));

        config_sort(config);
        config->digest = config_compute_digest(config);

        config->local = scan_text(local->path, local->text ?: "", local->length, problems);
        l.scan = config->local;
        l.local = true;
        load_scan(&l);

        rules_check(config, problems);

        if (problems_count(problems, PROBLEM_ERROR) > 0)
                return NULL;

        return g_steal_pointer(&config);
}
