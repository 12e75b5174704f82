/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the command line makes of values: D-Bus as JSON, milliseconds as ages. */
#include <errno.h>
#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clients/cli/bus-json.h"
#include "clients/cli/term.h"

typedef struct Line {
        sd_bus *bus;
        sd_bus_message *message;
} Line;

/* A message needs a connection; this one leads nowhere. */
static void line_open(Line *line)
{
        int fds[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
        g_assert_cmpint(sd_bus_new(&line->bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(line->bus, fds[0], fds[0]), >=, 0);
        g_assert_cmpint(sd_bus_start(line->bus), >=, 0);
        g_assert_cmpint(sd_bus_message_new_signal(line->bus, &line->message, "/a", "a.b", "C"), >=, 0);
        close(fds[1]);
}

static void line_close(Line *line)
{
        sd_bus_message_unref(line->message);
        sd_bus_close_unref(line->bus);
}

static void expect(Line *line, const char *json)
{
        _cleanup_(json_decrefp) json_t *read = NULL;
        g_autofree char *text = NULL;

        g_assert_cmpint(sd_bus_message_seal(line->message, 1, 0), >=, 0);
        g_assert_cmpint(sd_bus_message_rewind(line->message, true), >=, 0);
        g_assert_cmpint(bus_json_read(line->message, &read), ==, 0);
        text = json_dumps(read, JSON_ENCODE_ANY | JSON_COMPACT);
        g_assert_cmpstr(text, ==, json);

        json_decref(g_steal_pointer(&read));
        g_assert_cmpint(bus_json_read(line->message, &read), ==, -ENXIO);
        g_assert_null(read);
        line_close(line);
}

static void test_properties_become_an_object(void)
{
        Line line;

        line_open(&line);
        g_assert_cmpint(sd_bus_message_append(line.message, "a{sv}", 5, "s", "s", "text", "b", "b", 1, "t",
                                              "t", (uint64_t) 1 << 40, "d", "d", 0.5, "as", "as", 2, "x",
                                              "y"),
                        >=, 0);
        expect(&line, "{\"s\":\"text\",\"b\":true,\"t\":1099511627776,\"d\":0.5,\"as\":[\"x\",\"y\"]}");
}

static void test_objects_nest(void)
{
        Line line;

        line_open(&line);
        g_assert_cmpint(sd_bus_message_append(line.message, "a{oa{sa{sv}}}", 1, "/a/b", 1, "a.b", 1, "v",
                                              "v", "i", -1),
                        >=, 0);
        expect(&line, "{\"/a/b\":{\"a.b\":{\"v\":-1}}}");
}

static void test_structures_and_other_dictionaries_become_arrays(void)
{
        Line line;

        line_open(&line);
        g_assert_cmpint(sd_bus_message_append(line.message, "(a(ss)a{us}ay)", 1, "x", "y", 1, 7, "z", 2, 0,
                                              255),
                        >=, 0);
        expect(&line, "[[[\"x\",\"y\"]],[[7,\"z\"]],[0,255]]");
}

static void test_identifiers_of_64_bits_keep_their_bits(void)
{
        Line line;

        line_open(&line);
        g_assert_cmpint(sd_bus_message_append(line.message, "(tt)", UINT64_MAX, UINT64_MAX - 0xff), >=, 0);
        expect(&line, "[-1,-256]");
}

static void test_empty_things(void)
{
        Line line;

        line_open(&line);
        g_assert_cmpint(sd_bus_message_append(line.message, "(a{sv}as)", 0, 0), >=, 0);
        expect(&line, "[{},[]]");
}

static void test_ages(void)
{
        static const struct {
                json_int_t ms;
                const char *text;
        } ages[] = {
                { 0, "0 ms" },
                { 999, "999 ms" },
                { 1000, "1.0 s" },
                { 9999, "9.9 s" },
                { 10000, "10 s" },
                { 59999, "59 s" },
                { 60000, "1 min 0 s" },
                { 3599999, "59 min 59 s" },
                { 3600000, "1 h 0 min" },
                { 86400000 - 1, "23 h 59 min" },
                { 86400000, "1 d 0 h" },
                { 1000 * (json_int_t) 86400000, "1000 d 0 h" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(ages); i++) {
                _cleanup_(json_decrefp) json_t *ms = json_integer(ages[i].ms);
                char buffer[AGE_SIZE];

                g_assert_cmpstr(format_age(ms, buffer), ==, ages[i].text);
        }
}

static void test_an_age_that_is_none_is_unknown(void)
{
        _cleanup_(json_decrefp) json_t *null = json_null();
        char buffer[AGE_SIZE];

        g_assert_cmpstr(format_age(null, buffer), ==, "unknown");
        g_assert_cmpstr(format_age(NULL, buffer), ==, "unknown");
}

static void test_sizes(void)
{
        static const struct {
                json_int_t kib;
                const char *text;
        } sizes[] = {
                { 0, "0 KiB" },
                { 1023, "1023 KiB" },
                { 1024, "1.0 MiB" },
                { 40960, "40.0 MiB" },
                { 1024 * 1024 - 1, "1024.0 MiB" },
                { 1024 * 1024, "1.0 GiB" },
                { (json_int_t) 3 << 30, "3.0 TiB" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
                _cleanup_(json_decrefp) json_t *kib = json_integer(sizes[i].kib);
                char buffer[AGE_SIZE];

                g_assert_cmpstr(format_kib(kib, buffer), ==, sizes[i].text);
        }
}

static void test_bar_is_full_at_the_end_only(void)
{
        char buffer[BAR_SIZE];

        g_assert_cmpstr(format_bar(0, buffer), ==, "[....................]");
        g_assert_cmpstr(format_bar(50, buffer), ==, "[##########..........]");
        g_assert_cmpstr(format_bar(99.99, buffer), ==, "[###################.]");
        g_assert_cmpstr(format_bar(100, buffer), ==, "[####################]");
        g_assert_cmpstr(format_bar(-1, buffer), ==, "[....................]");
        g_assert_cmpstr(format_bar(1e9, buffer), ==, "[####################]");
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/cli-show/" #name, test_##name)
        TEST(properties_become_an_object);
        TEST(objects_nest);
        TEST(structures_and_other_dictionaries_become_arrays);
        TEST(identifiers_of_64_bits_keep_their_bits);
        TEST(empty_things);
        TEST(ages);
        TEST(sizes);
        TEST(bar_is_full_at_the_end_only);
        TEST(an_age_that_is_none_is_unknown);
        return g_test_run();
}
