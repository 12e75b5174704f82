/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration in force; see store.h. */
#include "store.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "common/config/save.h"

static const char *const file_names[] = { "hapair.conf", "local.conf" };

enum { SHARED, LOCAL, N_FILES };

/*
 * What was this node's own in this boot of the machine, for a confd that starts while it is away: the boot's
 * id and the address.
 */
static char *own_path(const Store *store)
{
        return g_build_filename(store->state_directory, "own", NULL);
}

static char *own_text(const IpAddress *own)
{
        char address[IP_ADDRESS_TEXT_MAX];
        sd_id128_t boot;

        if (sd_id128_get_boot(&boot) < 0)
                return NULL;

        ip_address_format(own, false, address);
        return g_strdup_printf("%s %s\n", SD_ID128_TO_STRING(boot), address);
}

/* Whether it was one of the configuration's addresses, and which. */
static NodeRole recall_role(const Store *store)
{
        g_autofree char *path = NULL, *before = NULL;

        if (!store->state_directory)
                return NODE_ROLE_NONE;

        path = own_path(store);
        if (!g_file_get_contents(path, &before, NULL, NULL))
                return NODE_ROLE_NONE;

        for (NodeRole role = NODE_ROLE_MASTER; role <= NODE_ROLE_SLAVE; role++) {
                g_autofree char *text = own_text(&store->config->general.addresses[role]);

                if (text && strcmp(text, before) == 0)
                        return role;
        }

        return NODE_ROLE_NONE;
}

static void remember_own(Store *store, const IpAddress *own)
{
        const SaveOwner owner = { .mode = 0600, .uid = (uid_t) -1, .unsynced = true };
        g_autofree char *path = NULL, *text = NULL;
        int r;

        if (ip_address_equal(own, &store->own))
                return;

        store->own = *own;
        text = own_text(own);
        if (!store->state_directory || !text)
                return;

        path = own_path(store);
        r = save_file(path, text, strlen(text), &owner);
        if (r < 0)
                store->copy_error = r;
}

void store_init(Store *store, const char *directory, const char *catalogue, const char *state_directory)
{
        *store = (Store){
                .directory = g_strdup(directory),
                .catalogue = { g_build_filename(directory, "services.d", NULL), g_strdup(catalogue) },
                .state_directory = g_strdup(state_directory),
                .sets = g_ptr_array_new(),
                .set_problems = problems_new(),
                .file_problems = problems_new(),
                .problems = problems_new(),
        };
}

void store_done(Store *store)
{
        g_free(store->directory);
        g_free(store->catalogue[0]);
        g_free(store->catalogue[1]);
        g_free(store->state_directory);
        g_ptr_array_unref(store->sets);
        g_ptr_array_unref(store->set_problems);
        config_free(store->config);
        g_ptr_array_unref(store->file_problems);
        g_ptr_array_unref(store->problems);
}

/* Both files as they were at one moment, so that what is kept is what was judged. */
typedef struct Files {
        char *paths[N_FILES];
        ConfigText texts[N_FILES];
} Files;

/* A pipe in place of a file would be waited for, for ever. */
static int read_regular(const char *path, ConfigText *ret_text)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? config_text_read(path, ret_text) : -ENXIO;
}

/* local.conf need not be there; hapair.conf must. */
static void files_read(Files *files, const char *directory, GPtrArray *problems)
{
        for (int i = 0; i < N_FILES; i++) {
                int r;

                files->paths[i] = g_build_filename(directory, file_names[i], NULL);
                files->texts[i] = (ConfigText){ .path = files->paths[i] };

                r = read_regular(files->paths[i], &files->texts[i]);
                if (r < 0 && (i == SHARED || r != -ENOENT))
                        problems_add(problems, PROBLEM_ERROR, files->paths[i], 0, NULL, NULL, NULL,
                                     "cannot be read: %s",
                                     r == -ENXIO ? "it is no regular file" : g_strerror(-r));
        }
}

static void files_done(Files *files)
{
        for (int i = 0; i < N_FILES; i++) {
                g_free(files->texts[i].text);
                g_free(files->paths[i]);
        }
}

static Config *files_parse(const Files *files, GPtrArray *problems)
{
        if (problems->len > 0)
                return NULL;

        return config_parse(&files->texts[SHARED], &files->texts[LOCAL], problems);
}

static int files_copy(const Files *files, const char *directory)
{
        const SaveOwner owner = { .mode = 0600, .uid = (uid_t) -1, .unsynced = true };

        for (int i = 0; i < N_FILES; i++) {
                g_autofree char *path = g_build_filename(directory, file_names[i], NULL);
                const ConfigText *text = &files->texts[i];
                int r = 0;

                if (text->text)
                        r = save_file(path, text->text, text->length, &owner);
                else if (unlink(path) < 0 && errno != ENOENT)
                        r = -errno;

                if (r < 0)
                        return r;
        }

        return 0;
}

static void put_in_force(Store *store, Config *config)
{
        config_free(store->config);
        store->config = config;
        store->generation++;
}

static bool load_files(Store *store)
{
        Files files;
        Config *config;

        g_ptr_array_set_size(store->file_problems, 0);

        files_read(&files, store->directory, store->file_problems);
        config = files_parse(&files, store->file_problems);
        if (config) {
                put_in_force(store, config);
                store->copy_error = store->state_directory ? files_copy(&files, store->state_directory) : 0;
        }

        files_done(&files);
        return config;
}

/* What is wrong with the copies is of no interest: nobody but us made them, of files that were right. */
static bool load_copies(Store *store)
{
        g_autoptr(GPtrArray) problems = problems_new();
        Files files;
        Config *config;

        files_read(&files, store->state_directory, problems);
        config = files_parse(&files, problems);
        if (config)
                put_in_force(store, config);

        files_done(&files);
        return config;
}

/* A service without its set is named and cannot run; it is no reason to refuse everything else. */
static void load_catalogue(Store *store)
{
        g_ptr_array_set_size(store->set_problems, 0);
        g_ptr_array_unref(store->sets);
        store->sets = store->config ? catalogue_read(store->config, (const char *const *) store->catalogue,
                                                     store->set_problems)
                                    : g_ptr_array_new();
}

StoreOutcome store_load(Store *store)
{
        StoreOutcome outcome = STORE_REFUSED;

        if (load_files(store))
                outcome = STORE_LOADED;
        else if (!store->config && store->state_directory && load_copies(store))
                outcome = STORE_FROM_COPY;

        load_catalogue(store);
        store_judge(store);

        /* The parser's garbage goes back to the kernel: this daemon sits idle from here on. */
        malloc_trim(0);
        return outcome;
}

static void copy_problems(GPtrArray *to, const GPtrArray *from)
{
        for (unsigned i = 0; i < from->len; i++) {
                const Problem *p = from->pdata[i];

                problems_add(to, p->severity, p->file, p->line, p->section, p->key, p->value, "%s", p->rule);
        }
}

static bool same_problems(const GPtrArray *a, const GPtrArray *b)
{
        if (a->len != b->len)
                return false;

        for (unsigned i = 0; i < a->len; i++) {
                g_autofree char *x = problem_to_string(a->pdata[i]), *y = problem_to_string(b->pdata[i]);

                if (strcmp(x, y) != 0)
                        return false;
        }

        return true;
}

/*
 * What this node is. Neither address here, though one was in this boot: the node has lost its address (a
 * restart of its network, a slip), it did not become another node; without a role it would drop what it
 * serves. Only a configuration with other addresses takes the role away.
 */
static NodeRole settle_role(Store *store, NodeRole found)
{
        const IpAddress *addresses = store->config->general.addresses;

        if (found != NODE_ROLE_NONE) {
                remember_own(store, &addresses[found]);
                return found;
        }

        for (NodeRole role = NODE_ROLE_MASTER; role <= NODE_ROLE_SLAVE; role++)
                if (ip_address_equal(&addresses[role], &store->own))
                        return role;

        return ip_address_is_set(&store->own) ? NODE_ROLE_NONE : recall_role(store);
}

bool store_judge(Store *store)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Machine) machine = NULL;
        NodeRole role = NODE_ROLE_NONE;
        bool changed;
        int r;

        copy_problems(problems, store->file_problems);
        copy_problems(problems, store->set_problems);

        if (store->config) {
                r = machine_read(&machine);
                if (r < 0) {
                        /* Not a reason to forget which node this is. */
                        role = store->role;
                        problems_add(problems, PROBLEM_ERROR, NULL, 0, NULL, NULL, NULL,
                                     "this machine's addresses cannot be read: %s", g_strerror(-r));
                } else
                        role = settle_role(store, machine_check(machine, store->config, problems));
        }

        problems_sort(problems);
        changed = role != store->role || !same_problems(problems, store->problems);

        store->role = role;
        g_ptr_array_unref(store->problems);
        store->problems = g_steal_pointer(&problems);
        return changed;
}
