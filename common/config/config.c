/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The typed configuration: making it, listing it, freeing it; see config.h. load.c fills it from the files.
 */
#include "config.h"

#include <string.h>

#include "keys.h"
#include "load.h"
#include "value.h"

/* Frees the sections of one kind: its strings and lists are where the table says. */
static void section_clear(const SectionSpec *spec, void *section)
{
        for (const KeySpec *key = spec->keys; key->name; key++)
                value_clear(key, section);
}

static GPtrArray **named_sections(const Config *config, const SectionSpec *spec)
{
        return (GPtrArray **) ((char *) config + spec->offset);
}

static void *single_section(const Config *config, const SectionSpec *spec)
{
        return (char *) config + spec->offset;
}

static void set_defaults(const SectionSpec *spec, void *section)
{
        for (const KeySpec *key = spec->keys; key->name; key++) {
                g_autofree char *rule = NULL;

                if (!key->fallback)
                        continue;

                rule = value_parse(key, key->fallback, NULL, section);
                g_assert(!rule);
        }
}

Config *config_new(void)
{
        Config *config = g_new0(Config, 1);

        for (const SectionSpec *spec = section_specs; spec->kind; spec++)
                if (spec->named)
                        *named_sections(config, spec) = g_ptr_array_new();
                else
                        set_defaults(spec, single_section(config, spec));

        return config;
}

void *config_add_section(Config *config, const SectionSpec *spec, const char *name)
{
        void *section = g_malloc0(spec->size);

        *(char **) section = g_strdup(name);
        set_defaults(spec, section);
        g_ptr_array_add(*named_sections(config, spec), section);
        return section;
}

void *config_section(Config *config, const SectionSpec *spec)
{
        return single_section(config, spec);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(**(char ***) a, **(char ***) b);
}

void config_sort(Config *config)
{
        for (const SectionSpec *spec = section_specs; spec->kind; spec++)
                if (spec->named)
                        g_ptr_array_sort(*named_sections(config, spec), compare_names);
}

Config *config_free(Config *config)
{
        if (!config)
                return NULL;

        for (const SectionSpec *spec = section_specs; spec->kind; spec++) {
                GPtrArray *sections;

                if (!spec->named) {
                        section_clear(spec, single_section(config, spec));
                        continue;
                }

                sections = *named_sections(config, spec);
                for (unsigned i = 0; i < sections->len; i++) {
                        section_clear(spec, sections->pdata[i]);
                        g_free(*(char **) sections->pdata[i]);
                        g_free(sections->pdata[i]);
                }
                g_ptr_array_unref(sections);
        }

        g_free(config->digest);
        scan_free(config->shared);
        scan_free(config->local);
        g_free(config);
        return NULL;
}

/* The entry that is in force: local.conf wins. */
static const ScanEntry *find_entry(const Config *config, const char *header, const char *key,
                                   const Scan **ret_scan)
{
        const Scan *const scans[] = { config->local, config->shared };

        for (size_t i = 0; i < G_N_ELEMENTS(scans); i++) {
                const ScanEntry *entry = scans[i] ? scan_find(scans[i], header, key) : NULL;

                if (entry) {
                        *ret_scan = scans[i];
                        return entry;
                }
        }

        return NULL;
}

static void list_section(const Config *config, const SectionSpec *spec, const char *header,
                         const void *section, ConfigItemFunc function, void *userdata)
{
        for (const KeySpec *key = spec->keys; key->name; key++) {
                g_autofree char *value = value_format(key, section);
                const Scan *scan = NULL;
                const char *file = "";

                if (find_entry(config, header, key->name, &scan))
                        file = scan == config->local ? "local.conf" : "hapair.conf";

                function(file, header, key->name, value, userdata);
        }
}

void config_foreach(const Config *config, ConfigItemFunc function, void *userdata)
{
        for (const SectionSpec *spec = section_specs; spec->kind; spec++) {
                const GPtrArray *sections;

                if (!spec->named) {
                        list_section(config, spec, spec->kind, single_section(config, spec), function,
                                     userdata);
                        continue;
                }

                sections = *named_sections(config, spec);
                for (unsigned i = 0; i < sections->len; i++) {
                        const void *section = sections->pdata[i];
                        g_autofree char *header =
                                        g_strdup_printf("%s %s", spec->kind, *(char *const *) section);

                        list_section(config, spec, header, section, function, userdata);
                }
        }
}

static void add_to_digest(const char *file, const char *section, const char *key, const char *value,
                          void *userdata)
{
        const char *const parts[] = { section, key, value };

        /* With the final NULs, so that no two configurations run together to the same bytes. */
        for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
                g_checksum_update(userdata, (const unsigned char *) parts[i], (gssize) strlen(parts[i]) + 1);
}

char *config_compute_digest(const Config *config)
{
        GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);
        char *digest;

        config_foreach(config, add_to_digest, checksum);
        digest = g_strdup(g_checksum_get_string(checksum));
        g_checksum_free(checksum);
        return digest;
}

static void complain(const Config *config, GPtrArray *problems, ProblemSeverity severity, const char *header,
                     const char *key, const char *rule, va_list ap) G_GNUC_PRINTF(6, 0);
static void complain(const Config *config, GPtrArray *problems, ProblemSeverity severity, const char *header,
                     const char *key, const char *rule, va_list ap)
{
        const Scan *scan = config->shared;
        const ScanEntry *entry = key ? find_entry(config, header, key, &scan) : NULL;
        const ScanSection *section = scan_find_section(scan, header);
        g_autofree char *text = g_strdup_vprintf(rule, ap);

        problems_add(problems, severity, scan->file,
                     entry     ? entry->line
                     : section ? section->line
                               : 0,
                     header, key, entry ? entry->raw : NULL, "%s", text);
}

void config_refuse(const Config *config, GPtrArray *problems, const char *header, const char *key,
                   const char *rule, ...)
{
        va_list ap;

        va_start(ap, rule);
        complain(config, problems, PROBLEM_ERROR, header, key, rule, ap);
        va_end(ap);
}

void config_warn(const Config *config, GPtrArray *problems, const char *header, const char *key,
                 const char *rule, ...)
{
        va_list ap;

        va_start(ap, rule);
        complain(config, problems, PROBLEM_WARNING, header, key, rule, ap);
        va_end(ap);
}
