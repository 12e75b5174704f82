/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is kept before it is discarded is the whole disk, byte by byte, or it is not kept at all. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/replicd/image.h"
#include "services/replicd/lvm.h"

#define MIB ((gsize) 1024 * 1024)

typedef struct Copy {
        int disk, image;
        uint64_t told;
} Copy;

static int scratch(void)
{
        g_autofree char *name = g_build_filename(g_get_tmp_dir(), "hapair-image-XXXXXX", NULL);
        int fd = g_mkstemp(name);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(g_unlink(name), ==, 0);
        return fd;
}

static void tell(uint64_t done, uint64_t size, void *userdata)
{
        Copy *copy = userdata;

        g_assert_cmpuint(done, >, copy->told);
        g_assert_cmpuint(done, <=, size);
        copy->told = done;
}

static void put(int fd, gsize offset, const char *text)
{
        gssize size = (gssize) strlen(text);

        g_assert_cmpint(pwrite(fd, text, (gsize) size, (off_t) offset), ==, size);
}

static void test_image_is_the_disk_without_its_zeros(void)
{
        const gsize size = 70 * MIB + 512;
        Copy copy = { scratch(), scratch(), 0 };
        g_autofree char *disk = g_malloc(size), *image = g_malloc(size);
        struct stat st;

        g_assert_cmpint(ftruncate(copy.disk, (off_t) size), ==, 0);
        put(copy.disk, 0, "first");
        put(copy.disk, 3 * MIB - 2, "across");
        put(copy.disk, 66 * MIB + 70000, "middle");
        put(copy.disk, size - 4, "last");
        g_assert_cmpint(image_copy(copy.disk, size, copy.image, tell, &copy), ==, 0);
        g_assert_cmpuint(copy.told, ==, size);

        g_assert_cmpint(pread(copy.disk, disk, size, 0), ==, size);
        g_assert_cmpint(pread(copy.image, image, size, 0), ==, size);
        g_assert_cmpmem(disk, size, image, size);
        g_assert_cmpint(fstat(copy.image, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, size);
        g_assert_cmpint(st.st_blocks * 512, <, MIB);
        close(copy.disk);
        close(copy.image);
}

static void test_disk_that_ends_early_makes_no_image(void)
{
        Copy copy = { scratch(), scratch(), 0 };

        g_assert_cmpint(ftruncate(copy.disk, (off_t) MIB), ==, 0);
        g_assert_cmpint(image_copy(copy.disk, 2 * MIB, copy.image, tell, &copy), ==, -EIO);
        close(copy.disk);
        close(copy.image);
}

static void test_image_that_cannot_be_written_is_an_error(void)
{
        Copy copy = { scratch(), open("/dev/full", O_WRONLY | O_CLOEXEC), 0 };

        put(copy.disk, 0, "something");
        g_assert_cmpint(ftruncate(copy.disk, (off_t) MIB), ==, 0);
        g_assert_cmpint(image_copy(copy.disk, MIB, copy.image, tell, &copy), <, 0);
        close(copy.disk);
        close(copy.image);
}

static void test_room_leaves_a_tenth_free(void)
{
        int directory = open(g_get_tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        uint64_t room, again;

        g_assert_cmpint(image_has_room(directory, UINT64_MAX, &room), ==, -ENOSPC);
        g_assert_cmpint(image_has_room(directory, room / 2, &again), ==, room / 2 <= again ? 0 : -ENOSPC);
        close(directory);
}

static void test_volume_of_lvm(void)
{
        static const char thick[] = "  vg-data/hapair_1/\n", thin[] = "  vg/lv/pool\n";
        LvmVolume volume;

        g_assert_cmpint(lvm_volume_parse(thick, strlen(thick), &volume), ==, 0);
        g_assert_cmpstr(volume.group, ==, "vg-data");
        g_assert_cmpstr(volume.name, ==, "hapair_1");
        g_assert_false(volume.thin);
        g_assert_cmpint(lvm_volume_parse(thin, strlen(thin), &volume), ==, 0);
        g_assert_cmpstr(volume.name, ==, "lv");
        g_assert_true(volume.thin);
}

static void test_other_disk_is_no_volume_of_lvm(void)
{
        LvmVolume volume;

        g_assert_cmpint(lvm_volume_parse("", 0, &volume), ==, -ENODATA);
        g_assert_cmpint(lvm_volume_parse("  \n", 3, &volume), ==, -ENODATA);
        g_assert_cmpint(lvm_volume_parse("vg", 2, &volume), ==, -EBADMSG);
        g_assert_cmpint(lvm_volume_parse("//", 2, &volume), ==, -EBADMSG);
        g_assert_cmpint(lvm_volume_parse("vg//pool", 8, &volume), ==, -EBADMSG);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/drbd-keep/image-is-the-disk-without-its-zeros",
                        test_image_is_the_disk_without_its_zeros);
        g_test_add_func("/drbd-keep/disk-that-ends-early-makes-no-image",
                        test_disk_that_ends_early_makes_no_image);
        g_test_add_func("/drbd-keep/image-that-cannot-be-written-is-an-error",
                        test_image_that_cannot_be_written_is_an_error);
        g_test_add_func("/drbd-keep/room-leaves-a-tenth-free", test_room_leaves_a_tenth_free);
        g_test_add_func("/drbd-keep/volume-of-lvm", test_volume_of_lvm);
        g_test_add_func("/drbd-keep/other-disk-is-no-volume-of-lvm", test_other_disk_is_no_volume_of_lvm);
        return g_test_run();
}
