/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What replicd writes for DRBD, for systemd, and for people at the console. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "services/replicd/banner.h"
#include "services/replicd/files.h"

static Wanted example(void)
{
        return (Wanted){ .role = (char *) "master",
                         .cluster = (char *) "gw",
                         .resource = (char *) "hapair",
                         .device = (char *) "/dev/drbd1",
                         .minor = 1,
                         .mount_point = (char *) "/srv/hapair",
                         .file_system = (char *) "ext4",
                         .own = (char *) "192.0.2.11",
                         .peer = (char *) "192.0.2.12",
                         .disk = (char *) "/dev/vdb",
                         .peer_disk = (char *) "/dev/vdc",
                         .port = 7788,
                         .dead_usec = 20 * USEC_PER_SEC,
                         .sync_rate_kib = 40960 };
}

static unsigned number_of(const char *text, const char *key)
{
        const char *at = strstr(text, key);

        g_assert_nonnull(at);
        return (unsigned) g_ascii_strtoull(at + strlen(key), NULL, 10);
}

/* drbd.conf(5): "timeout … must be lower than connect-int and ping-int", of seconds, in tenths of them. */
static void times_fit_together_at_every_dead_time(void)
{
        char text[FILE_TEXT_MAX];

        for (uint64_t dead = 30 * USEC_PER_MSEC; dead <= 600 * USEC_PER_SEC; dead += 500 * USEC_PER_MSEC) {
                Wanted wanted = example();
                unsigned timeout, patience;

                wanted.dead_usec = dead;
                g_assert_cmpint(resource_text(&wanted, "gw-master", "/x", text), ==, 0);
                timeout = number_of(text, " timeout ");
                g_assert_cmpuint(timeout, >, 0);
                g_assert_cmpuint(timeout, <, 10 * number_of(text, "ping-int "));
                g_assert_cmpuint(timeout, <, 10 * number_of(text, "connect-int "));
                /* A disk of the peer that stalls is not taken for a dead peer sooner than heartbeats would.
                 */
                patience = timeout * number_of(text, "ko-count ");
                g_assert_cmpuint(patience, >=, 100);
                g_assert_cmpuint(patience, >=, 10 * (unsigned) (dead / USEC_PER_SEC));
        }
}

static void node_has_its_host_name_and_the_one_it_is_to_have(void)
{
        char text[FILE_TEXT_MAX];
        Wanted wanted = example();

        g_assert_cmpint(resource_text(&wanted, "gw-master", "/x", text), ==, 0);
        g_assert_nonnull(strstr(text, "on gw-master {"));
        g_assert_cmpint(resource_text(&wanted, "localhost", "/x", text), ==, 0);
        g_assert_nonnull(strstr(text, "on localhost gw-master {"));
        g_assert_null(strstr(text, "floating"));
}

static void each_end_has_its_own_disk(void)
{
        char text[FILE_TEXT_MAX];
        Wanted wanted = example();
        const char *peer;

        g_assert_cmpint(resource_text(&wanted, "a", "/x", text), ==, 0);
        peer = strstr(text, "on hapair-peer {");
        g_assert_nonnull(peer);
        g_assert_true(strstr(text, "disk /dev/vdb;") < peer);
        g_assert_nonnull(strstr(peer, "disk /dev/vdc;"));
        g_assert_nonnull(strstr(text, "device /dev/drbd1 minor 1;"));
}

static void endpoints_are_as_drbdsetup_wants_them(void)
{
        char text[80];

        format_endpoint("192.0.2.11", 7788, text);
        g_assert_cmpstr(text, ==, "ipv4:192.0.2.11:7788");
        format_endpoint("2001:db8::11", 7788, text);
        g_assert_cmpstr(text, ==, "ipv6:[2001:db8::11]:7788");
}

static void longest_settings_fit(void)
{
        char text[FILE_TEXT_MAX], path[201], name[65];
        Wanted wanted = example();

        memset(path, 'a', 200);
        memcpy(path, "/dev/", 5);
        path[200] = 0;
        memset(name, 'n', 64);
        name[64] = 0;
        wanted.resource = wanted.cluster = wanted.file_system = name;
        wanted.disk = wanted.peer_disk = wanted.mount_point = path;
        g_assert_cmpint(resource_text(&wanted, name, path, text), ==, 0);
        g_assert_cmpint(mount_unit_text(&wanted, text), ==, 0);
        g_assert_cmpint(mount_unit_name(path, text), ==, 0);
}

/* `systemd-escape --path --suffix=mount` of each. */
static void mount_unit_is_named_as_systemd_does(void)
{
        static const struct {
                const char *path, *name;
        } table[] = {
                { "/srv/hapair", "srv-hapair.mount" },
                { "/srv/hapair/", "srv-hapair.mount" },
                { "/srv/ha-pair_1.x:y", "srv-ha\\x2dpair_1.x:y.mount" },
                { "/.hidden/a", "\\x2ehidden-a.mount" },
                { "/srv/.b", "srv-.b.mount" },
                { "/a b", "a\\x20b.mount" },
        };
        char name[UNIT_NAME_MAX], path[UNIT_NAME_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                g_assert_cmpint(mount_unit_name(table[i].path, name), ==, 0);
                g_assert_cmpstr(name, ==, table[i].name);
        }
        memset(path, '-', sizeof(path));
        path[0] = '/';
        path[sizeof(path) - 1] = 0;
        g_assert_cmpint(mount_unit_name(path, name), ==, -ENAMETOOLONG);
}

/* At shutdown systemd would stop it before electd had its turn. */
static void mount_unit_goes_by_no_order_but_ours(void)
{
        char text[FILE_TEXT_MAX];
        Wanted wanted = example();

        g_assert_cmpint(mount_unit_text(&wanted, text), ==, 0);
        g_assert_nonnull(strstr(text, "\nDefaultDependencies=no\n"));
        g_assert_null(strstr(text, "Conflicts="));
        g_assert_null(strstr(text, "[Install]"));
}

static void file_is_written_only_when_it_differs(void)
{
        g_autofree char *directory = g_dir_make_tmp("replicd-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(directory, "file", NULL);
        g_autofree char *text = NULL;

        g_assert_cmpint(file_write(path, "one\n"), ==, 1);
        g_assert_cmpint(file_write(path, "one\n"), ==, 0);
        g_assert_cmpint(file_write(path, "one\ntwo\n"), ==, 1);
        g_assert_cmpint(file_write(path, "one\n"), ==, 1);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "one\n");
        g_assert_cmpint(file_write("/nonexistent/file", "x"), ==, -ENOENT);
        g_unlink(path);
        g_rmdir(directory);
}

static void own_disk_is_the_one_of_the_file(void)
{
        g_autofree char *directory = g_dir_make_tmp("replicd-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(directory, "hapair.res", NULL);
        char text[FILE_TEXT_MAX], disk[PATH_MAX];
        Wanted wanted = example();

        g_assert_cmpint(resource_own_disk(path, disk), ==, -ENODATA);
        g_assert_cmpint(resource_text(&wanted, "gw1", "/bin/handler", text), ==, 0);
        g_assert_cmpint(file_write(path, text), ==, 1);
        g_assert_cmpint(resource_own_disk(path, disk), ==, 0);
        g_assert_cmpstr(disk, ==, "/dev/vdb");

        /* Cut short within the name it would be another disk's. */
        *strstr(text, "b;\n") = 0;
        g_assert_cmpint(file_write(path, text), ==, 1);
        g_assert_cmpint(resource_own_disk(path, disk), ==, -ENODATA);
        g_unlink(path);
        g_rmdir(directory);
}

static VolumeView healthy(void)
{
        return (VolumeView){ .known = true,
                             .connection = DRBD_CONNECTION_CONNECTED,
                             .role = DRBD_ROLE_PRIMARY,
                             .peer_role = DRBD_ROLE_SECONDARY,
                             .disk = DRBD_DISK_UP_TO_DATE,
                             .peer_disk = DRBD_DISK_UP_TO_DATE,
                             .sync_done_permille = 1000 };
}

static void banner_warns_of_what_a_reboot_would_endanger(void)
{
        VolumeView view = healthy();

        g_assert_cmpint(banner_kind(&view), ==, BANNER_NONE);
        view.sync = VOLUME_SYNC_SOURCE;
        g_assert_cmpint(banner_kind(&view), ==, BANNER_SOURCE);
        view.sync = VOLUME_SYNC_PAUSED;
        g_assert_cmpint(banner_kind(&view), ==, BANNER_SOURCE);
        view.disk = DRBD_DISK_INCONSISTENT;
        g_assert_cmpint(banner_kind(&view), ==, BANNER_TARGET);
        view.connection = DRBD_CONNECTION_CONNECTING;
        g_assert_cmpint(banner_kind(&view), ==, BANNER_ALONE);
        view.role = DRBD_ROLE_SECONDARY;
        g_assert_cmpint(banner_kind(&view), ==, BANNER_BEHIND);
        view.split_brain = true;
        g_assert_cmpint(banner_kind(&view), ==, BANNER_SPLIT_BRAIN);
        view.known = false;
        g_assert_cmpint(banner_kind(&view), ==, BANNER_NONE);
}

static void banner_is_whole_lines_without_backslashes(void)
{
        char text[BANNER_TEXT_MAX];
        VolumeView view = healthy();

        view.sync_done_permille = 434;
        view.sync_left_usec = 3 * USEC_PER_MINUTE;
        for (BannerKind kind = BANNER_NONE; kind < _BANNER_KIND_MAX; kind++) {
                banner_text(kind, &view, text);
                g_assert_cmpint(text[0] == 0, ==, kind == BANNER_NONE);
                g_assert_true(text[0] == 0 || g_str_has_suffix(text, ".\n"));
                g_assert_null(strchr(text, '\\')); /* agetty would take it for an escape */
        }
        banner_text(BANNER_SOURCE, &view, text);
        g_assert_nonnull(strstr(text, "43 % is done, about 4 min left"));
        view.sync_left_usec = USEC_INFINITY;
        banner_text(BANNER_TARGET, &view, text);
        g_assert_null(strstr(text, "min left"));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/replicd/resource/times", times_fit_together_at_every_dead_time);
        g_test_add_func("/replicd/resource/names", node_has_its_host_name_and_the_one_it_is_to_have);
        g_test_add_func("/replicd/resource/ends", each_end_has_its_own_disk);
        g_test_add_func("/replicd/resource/endpoints", endpoints_are_as_drbdsetup_wants_them);
        g_test_add_func("/replicd/resource/longest", longest_settings_fit);
        g_test_add_func("/replicd/mount/name", mount_unit_is_named_as_systemd_does);
        g_test_add_func("/replicd/mount/order", mount_unit_goes_by_no_order_but_ours);
        g_test_add_func("/replicd/file", file_is_written_only_when_it_differs);
        g_test_add_func("/replicd/resource/own-disk", own_disk_is_the_one_of_the_file);
        g_test_add_func("/replicd/banner/kinds", banner_warns_of_what_a_reboot_would_endanger);
        g_test_add_func("/replicd/banner/text", banner_is_whole_lines_without_backslashes);
        return g_test_run();
}
