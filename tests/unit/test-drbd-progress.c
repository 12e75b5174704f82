/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has to be asked: progress of a resync, generation identifiers, and whether the disk answers. */
#include "services/replicd/progress.h"

#include <errno.h>
#include <glib.h>

#include "services/replicd/gi.h"

#define HEAD "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 70D2B7B6C2A7A0D9E8B2F1A \n"

static const char alone[] =
                HEAD " 0: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r-----\n"
                     "    ns:0 nr:0 dw:64 dr:1200 al:3 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:64\n";
static const char source[] =
                HEAD " 0: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----\n"
                     "    ns:48640 nr:0 dw:0 dr:49984 al:8 bm:0 lo:0 pe:3 ua:4 ap:0 ep:1 wo:f oos:213460\n"
                     "\t[==>.................] sync'ed: 19.3% (213460/262100)K\n"
                     "\tfinish: 0:00:13 speed: 16,212 (16,213) K/sec\n";
static const char target[] =
                HEAD "\n 3: cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----\n"
                     "    ns:0 nr:48640 dw:48640 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:10485760\n"
                     "\t[==================>.] sync'ed:100.0% (10240/20480)M\n"
                     "\tfinish: 1:00:13 speed: 0 (1,016,213) want: 250 K/sec (stalled)\n";

static void test_amount_written_alone(void)
{
        Progress p;

        g_assert_cmpint(progress_parse(alone, strlen(alone), 0, &p), ==, 0);
        g_assert_cmpuint(p.out_of_sync_kib, ==, 64);
        g_assert_false(p.running);
}

static void test_source(void)
{
        Progress p;

        g_assert_cmpint(progress_parse(source, strlen(source), 0, &p), ==, 0);
        g_assert_true(p.running);
        g_assert_cmpuint(p.done_permille, ==, 185);
        g_assert_cmpuint(p.left_kib, ==, 213460);
        g_assert_cmpuint(p.total_kib, ==, 262100);
        g_assert_cmpuint(p.rate_kib, ==, 16212);
        g_assert_false(p.stalled);
}

static void test_target_in_mib_stalled_at_average_rate(void)
{
        Progress p;

        g_assert_cmpint(progress_parse(target, strlen(target), 3, &p), ==, 0);
        g_assert_cmpuint(p.done_permille, ==, 500);
        g_assert_cmpuint(p.left_kib, ==, 10240 * 1024);
        g_assert_cmpuint(p.total_kib, ==, 20480 * 1024);
        g_assert_cmpuint(p.rate_kib, ==, 1016213);
        g_assert_true(p.stalled);
}

static void test_details_of_the_kernel_are_read_over(void)
{
        static const char text[] =
                        HEAD " 0: cs:VerifyS ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n"
                             "    ns:1 nr:0 dw:0 dr:9 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0\n"
                             "\t[=>..................] verified:  9.3% (100/200)K\n"
                             "\tfinish: 0:00:01 speed: 0 (1,000 -- 2,000) want: 9 K/sec\n"
                             "\t  9% sector pos: 48640/524200\n"
                             "\tresync: used:0/61 hits:0 misses:0\n";
        Progress p;

        g_assert_cmpint(progress_parse(text, strlen(text), 0, &p), ==, 0);
        g_assert_true(p.running);
        g_assert_cmpuint(p.rate_kib, ==, 2000);
}

static void test_each_volume_has_its_own_lines(void)
{
        g_autofree char *both = g_strconcat(source, strstr(target, "\n 3:"), NULL);
        Progress p;

        g_assert_cmpint(progress_parse(both, strlen(both), 0, &p), ==, 0);
        g_assert_cmpuint(p.out_of_sync_kib, ==, 213460);
        g_assert_cmpint(progress_parse(both, strlen(both), 3, &p), ==, 0);
        g_assert_cmpuint(p.out_of_sync_kib, ==, 10485760);
        g_assert_cmpint(progress_parse(both, strlen(both), 1, &p), ==, -ENODATA);
}

static void test_unconfigured_volume_has_none(void)
{
        static const char text[] = HEAD " 0: cs:Unconfigured\n";
        Progress p;

        g_assert_cmpint(progress_parse(text, strlen(text), 0, &p), ==, -ENODATA);
        g_assert_cmpint(progress_parse(HEAD, strlen(HEAD), 0, &p), ==, -ENODATA);
}

static void test_other_text_is_refused(void)
{
        static const char *const bad[] = {
                "",
                "version: 9.1.0 (api:2/proto:110-121)\n",
                HEAD " 0: cs:SyncSource\n oos:12x\n",
                HEAD " 0: cs:SyncSource\n oos:1\n\t[==>] synced: 19.3% (1/2)K\n",
                HEAD " 0: cs:SyncSource\n oos:1\n\t[==>] sync'ed: 19.3% (3/x)K\n",
                HEAD " 0: cs:SyncSource\n oos:1\n\t[==>] sync'ed: 19.3%\n",
                HEAD " 0: cs:SyncSource\n oos:1\n\t[==>] sync'ed: 19.3% (1/2)T\n",
                HEAD " 0: cs:SyncSource\n oos:1\n\tfinish: 0:00:00 speed: 1,0000 (1) K/sec\n",
                HEAD " 0: cs:SyncSource\n oos:1\n\tfinish: 0:00:00 speed: 1 K/sec\n",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                Progress p = { .rate_kib = 42 };

                g_test_message("%s", bad[i]);
                g_assert_cmpint(progress_parse(bad[i], strlen(bad[i]), 0, &p), ==, -EBADMSG);
                g_assert_cmpuint(p.rate_kib, ==, 42);
        }
}

static void test_disk_stat(void)
{
        static const char now[] = "  100 0 800 12 20 3 160 9 2 21 23 5 0 40 0 7 1\n";
        static const char old[] = "100 0 800 12 20 3 160 9 2 21 23";
        DiskStat stat;

        g_assert_cmpint(disk_stat_parse(now, strlen(now), &stat), ==, 0);
        g_assert_cmpuint(stat.completed, ==, 100 + 20 + 5 + 7);
        g_assert_cmpuint(stat.in_flight, ==, 2);
        g_assert_cmpint(disk_stat_parse(old, strlen(old), &stat), ==, 0);
        g_assert_cmpuint(stat.completed, ==, 120);
        g_assert_cmpint(disk_stat_parse(old, 20, &stat), ==, -EBADMSG);
        g_assert_cmpint(disk_stat_parse("a b", 3, &stat), ==, -EBADMSG);
}

static void test_identifiers(void)
{
        static const char text[] = "F3A1B2C3D4E5F607:00000000000000A0:0000000000000004:0:1:1:0:1:0:0:1\n";
        Gi gi;

        g_assert_cmpint(gi_parse(text, strlen(text), &gi), ==, 0);
        g_assert_cmphex(gi.current, ==, 0xF3A1B2C3D4E5F607);
        g_assert_cmphex(gi_generation(&gi), ==, 0xF3A1B2C3D4E5F606);
        g_assert_cmphex(gi.bitmap, ==, 0xA0);
        g_assert_cmphex(gi.history[0], ==, 4);
        g_assert_cmphex(gi.history[1], ==, 0);
        g_assert_true(gi.consistent && gi.was_up_to_date && gi.connected && gi.crashed_primary);
        g_assert_false(gi.primary || gi.full_sync || gi.peer_outdated);
        g_assert_false(gi_just_created(&gi));
}

static void test_identifiers_just_created(void)
{
        static const char text[] = "0000000000000004:0:0:0:0:0:0:0:0:0:0:0:1";
        Gi gi;

        g_assert_cmpint(gi_parse(text, strlen(text), &gi), ==, 0);
        g_assert_true(gi_just_created(&gi));
}

static void test_other_identifiers_are_refused(void)
{
        static const char *const bad[] = {
                "",
                "1:2:3:4",
                "1:2:3:4:1:1:1:1:1:1",
                "1:2:3:4:1:1:1:1:1:1:2",
                "g:2:3:4:1:1:1:1:1:1:1",
                "1 2:2:3:4:1:1:1:1:1:1:1",
                "11111111111111111:2:3:4:1:1:1:1:1:1:1",
                ":2:3:4:1:1:1:1:1:1:1",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                Gi gi = { .bitmap = 42 };

                g_test_message("%s", bad[i]);
                g_assert_cmpint(gi_parse(bad[i], strlen(bad[i]), &gi), ==, -EBADMSG);
                g_assert_cmpuint(gi.bitmap, ==, 42);
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/drbd-progress/amount-written-alone", test_amount_written_alone);
        g_test_add_func("/drbd-progress/source", test_source);
        g_test_add_func("/drbd-progress/target-in-mib-stalled-at-average-rate",
                        test_target_in_mib_stalled_at_average_rate);
        g_test_add_func("/drbd-progress/details-of-the-kernel-are-read-over",
                        test_details_of_the_kernel_are_read_over);
        g_test_add_func("/drbd-progress/each-volume-has-its-own-lines", test_each_volume_has_its_own_lines);
        g_test_add_func("/drbd-progress/unconfigured-volume-has-none", test_unconfigured_volume_has_none);
        g_test_add_func("/drbd-progress/other-text-is-refused", test_other_text_is_refused);
        g_test_add_func("/drbd-progress/disk-stat", test_disk_stat);
        g_test_add_func("/drbd-progress/identifiers", test_identifiers);
        g_test_add_func("/drbd-progress/identifiers-just-created", test_identifiers_just_created);
        g_test_add_func("/drbd-progress/other-identifiers-are-refused", test_other_identifiers_are_refused);
        return g_test_run();
}
