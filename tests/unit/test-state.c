/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * common/state: what was saved is there after any crash, and damage is told from emptiness.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/state.h"

#define SLOT 2048

typedef struct Fixture {
        char *directory, *path;
        sd_event *event;
        StateFile *file;
        uint64_t done;
        int error;
} Fixture;

static void on_done(uint64_t generation, int error, void *userdata)
{
        Fixture *f = userdata;

        f->done = generation;
        f->error = error;
}

static void open_file(Fixture *f)
{
        g_assert_cmpint(state_open(f->path, f->event, on_done, f, &f->file), ==, 0);
}

static void reopen(Fixture *f)
{
        state_close(f->file);
        open_file(f);
}

static void set_up(Fixture *f, gconstpointer unused)
{
        f->directory = g_dir_make_tmp("hapair-state-XXXXXX", NULL);
        f->path = g_build_filename(f->directory, "state", NULL);
        g_assert_cmpint(sd_event_new(&f->event), >=, 0);
        open_file(f);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
        state_close(f->file);
        sd_event_unref(f->event);
        g_unlink(f->path);
        g_rmdir(f->directory);
        g_free(f->path);
        g_free(f->directory);
}

static uint64_t save(Fixture *f, uint64_t value)
{
        uint64_t generation;

        g_assert_cmpint(state_save(f->file, &value, sizeof(value), &generation), ==, 0);
        return generation;
}

static void save_and_wait(Fixture *f, uint64_t value)
{
        uint64_t generation = save(f, value);

        while (f->done < generation)
                g_assert_cmpint(sd_event_run(f->event, UINT64_MAX), >, 0);
        g_assert_cmpint(f->error, ==, 0);
}

static uint64_t load(Fixture *f)
{
        uint64_t value;

        g_assert_cmpint(state_load(f->file, &value, sizeof(value)), ==, 0);
        return value;
}

/* Overwrites part of a slot, as a torn write or a bad disk would. */
static void damage(Fixture *f, off_t at)
{
        int fd = open(f->path, O_RDWR | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(pwrite(fd, "damage", 6, at), ==, 6);
        close(fd);
}

static void test_nothing_saved_is_no_data(Fixture *f, gconstpointer unused)
{
        uint64_t value;

        g_assert_cmpint(state_load(f->file, &value, sizeof(value)), ==, -ENODATA);
}

static void test_saved_is_there_after_reopening(Fixture *f, gconstpointer unused)
{
        for (uint64_t i = 1; i <= 5; i++) {
                save_and_wait(f, i);
                reopen(f);
                g_assert_cmpuint(load(f), ==, i);
        }
}

static void test_latest_of_many_wins(Fixture *f, gconstpointer unused)
{
        for (uint64_t i = 1; i < 100; i++)
                save(f, i);
        save_and_wait(f, 100);
        g_assert_cmpuint(load(f), ==, 100);
}

static void test_closing_waits_for_what_was_saved(Fixture *f, gconstpointer unused)
{
        save(f, 42);
        reopen(f);
        g_assert_cmpuint(load(f), ==, 42);
}

static void test_torn_slot_gives_the_older_record(Fixture *f, gconstpointer unused)
{
        save_and_wait(f, 1);
        save_and_wait(f, 2);

        /* The first save went to the second slot: the older record is there. */
        damage(f, 40);
        g_assert_cmpuint(load(f), ==, 1);
}

static void test_save_after_a_torn_slot_keeps_the_older_record(Fixture *f, gconstpointer unused)
{
        save_and_wait(f, 1);
        save_and_wait(f, 2);
        damage(f, 40);
        reopen(f);
        save_and_wait(f, 3);

        damage(f, 40);
        g_assert_cmpuint(load(f), ==, 1);
}

static void test_both_slots_damaged_is_corrupt(Fixture *f, gconstpointer unused)
{
        uint64_t value;

        save_and_wait(f, 1);
        save_and_wait(f, 2);
        damage(f, 40);
        damage(f, SLOT + 40);
        g_assert_cmpint(state_load(f->file, &value, sizeof(value)), ==, -EBADMSG);
}

static void test_another_size_is_told(Fixture *f, gconstpointer unused)
{
        uint32_t value;

        save_and_wait(f, 1);
        g_assert_cmpint(state_load(f->file, &value, sizeof(value)), ==, -EMSGSIZE);
}

static void test_too_large_is_refused(Fixture *f, gconstpointer unused)
{
        static const uint8_t large[STATE_SIZE_MAX + 1];
        uint64_t generation;

        g_assert_cmpint(state_save(f->file, large, sizeof(large), &generation), ==, -EMSGSIZE);
}

static void test_only_the_owner_may_read(Fixture *f, gconstpointer unused)
{
        struct stat st;

        g_assert_cmpint(stat(f->path, &st), ==, 0);
        g_assert_cmpint(st.st_mode & 0777, ==, 0600);
}

static void test_saving_without_a_loop(Fixture *f, gconstpointer unused)
{
        uint64_t value = 7;

        save_and_wait(f, 1);
        state_close(f->file);
        g_assert_cmpint(state_save_now(f->path, &value, sizeof(value)), ==, 0);
        open_file(f);
        g_assert_cmpuint(load(f), ==, 7);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add("/state/" path, Fixture, NULL, set_up, function, tear_down)
        ADD("nothing-saved-is-no-data", test_nothing_saved_is_no_data);
        ADD("saved-is-there-after-reopening", test_saved_is_there_after_reopening);
        ADD("latest-of-many-wins", test_latest_of_many_wins);
        ADD("closing-waits-for-what-was-saved", test_closing_waits_for_what_was_saved);
        ADD("torn-slot-gives-the-older-record", test_torn_slot_gives_the_older_record);
        ADD("save-after-a-torn-slot-keeps-the-older-record",
            test_save_after_a_torn_slot_keeps_the_older_record);
        ADD("both-slots-damaged-is-corrupt", test_both_slots_damaged_is_corrupt);
        ADD("another-size-is-told", test_another_size_is_told);
        ADD("too-large-is-refused", test_too_large_is_refused);
        ADD("only-the-owner-may-read", test_only_the_owner_may_read);
        ADD("saving-without-a-loop", test_saving_without_a_loop);
        return g_test_run();
}
