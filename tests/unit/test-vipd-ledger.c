/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger comes back as it was written, or is refused as a whole: never half of it, never another boot's.
 */
#include "services/vipd/ledger.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "common/base/clock.h"

typedef struct Fixture {
        char *directory, *path;
        Ledger *written, *read;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        f->directory = g_dir_make_tmp("hapair-ledger-XXXXXX", NULL);
        f->path = g_build_filename(f->directory, "ledger", NULL);
        f->written = g_new0(Ledger, 1);
        f->read = g_new0(Ledger, 1);
        f->written->epoch = 42;
        f->written->keep_usec = 2 * USEC_PER_SEC;
        for (int i = 0; i < 1000; i++)
                f->written->entries[f->written->n++] = (PlanEntry){
                        .ifindex = 2,
                        .address = { AF_INET, 32, { 10, 77, (uint8_t) (i / 250), (uint8_t) i } }
                };
}

static void tear_down(Fixture *f, gconstpointer data)
{
        g_autofree char *draft = g_strconcat(f->path, ".new", NULL);

        g_assert_cmpint(g_access(draft, F_OK), !=, 0); /* nothing is left lying about */
        (void) g_unlink(f->path);
        g_assert_cmpint(g_rmdir(f->directory), ==, 0);
        g_free(f->directory);
        g_free(f->path);
        g_free(f->written);
        g_free(f->read);
}

static void test_what_was_written_is_read(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(ledger_write(f->path, f->written), ==, 0);
        g_assert_cmpint(ledger_read(f->path, f->read), ==, 0);
        g_assert_cmpuint(f->read->epoch, ==, 42);
        g_assert_cmpuint(f->read->keep_usec, ==, 2 * USEC_PER_SEC);
        g_assert_cmpmem(f->read->entries, f->read->n * sizeof(f->read->entries[0]), f->written->entries,
                        f->written->n * sizeof(f->written->entries[0]));

        f->written->n = 0;
        g_assert_cmpint(ledger_write(f->path, f->written), ==, 0);
        g_assert_cmpint(ledger_read(f->path, f->read), ==, 0);
        g_assert_cmpuint(f->read->n, ==, 0);
}

static void test_none_is_told_apart(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(ledger_read(f->path, f->read), ==, -ENOENT);
}

static void test_cut_or_overlong_is_refused(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;
        size_t size;

        g_assert_cmpint(ledger_write(f->path, f->written), ==, 0);
        g_assert_true(g_file_get_contents(f->path, &text, &size, NULL));
        for (size_t cut = 0; cut < size; cut += 1 + cut / 7) {
                g_assert_true(g_file_set_contents(f->path, text, (gssize) cut, NULL));
                g_assert_cmpint(ledger_read(f->path, f->read), ==, -EBADMSG);
        }
        text = g_realloc(text, size + sizeof(PlanEntry));
        memset(text + size, 0, sizeof(PlanEntry));
        g_assert_true(g_file_set_contents(f->path, text, (gssize) (size + sizeof(PlanEntry)), NULL));
        g_assert_cmpint(ledger_read(f->path, f->read), ==, -EBADMSG);
}

static void test_another_file_is_refused(Fixture *f, gconstpointer data)
{
        g_autofree char *text = g_strnfill(4096, 'x');

        g_assert_true(g_file_set_contents(f->path, text, 4096, NULL));
        g_assert_cmpint(ledger_read(f->path, f->read), ==, -EBADMSG);
}

static void test_later_than_now_is_another_boot(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;
        uint64_t later = now_usec() + USEC_PER_HOUR;
        size_t size;

        g_assert_cmpint(ledger_write(f->path, f->written), ==, 0);
        g_assert_true(g_file_get_contents(f->path, &text, &size, NULL));
        memcpy(text + 8, &later, sizeof(later)); /* behind the magic */
        g_assert_true(g_file_set_contents(f->path, text, (gssize) size, NULL));
        g_assert_cmpint(ledger_read(f->path, f->read), ==, -ESTALE);
}

static void test_unwritable_place_is_told(Fixture *f, gconstpointer data)
{
        g_autofree char *elsewhere = g_build_filename(f->directory, "no", "ledger", NULL);

        g_assert_cmpint(ledger_write(elsewhere, f->written), ==, -ENOENT);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*run)(Fixture *, gconstpointer);
        } tests[] = {
                { "/ledger/what-was-written-is-read", test_what_was_written_is_read },
                { "/ledger/none-is-told-apart", test_none_is_told_apart },
                { "/ledger/cut-or-overlong-is-refused", test_cut_or_overlong_is_refused },
                { "/ledger/another-file-is-refused", test_another_file_is_refused },
                { "/ledger/later-than-now-is-another-boot", test_later_than_now_is_another_boot },
                { "/ledger/unwritable-place-is-told", test_unwritable_place_is_told },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
                g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run, tear_down);
        return g_test_run();
}
