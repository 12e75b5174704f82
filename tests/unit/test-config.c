/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The strict loader: what a right file comes to, and the golden table (config-violations.txt) of what each
 * violation is told as.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/config/config.h"
#include "common/config/keys.h"

static const char right[] = "[General]\n"                         /* 1 */
                            "Cluster=gw\n"                        /* 2 */
                            "Domain=example.com\n"                /* 3 */
                            "Active=yes\n"                        /* 4 */
                            "PrimaryDevice=eth0\n"                /* 5 */
                            "MasterAddress=192.0.2.11/24\n"       /* 6 */
                            "SlaveAddress=192.0.2.12/24\n"        /* 7 */
                            "Gateway=192.0.2.1\n"                 /* 8 */
                            "[Heartbeat]\n"                       /* 9 */
                            "DeadTimeSec=0.3\n"                   /* 10 */
                            "MasterSerial=/dev/ttyS0\n"           /* 11 */
                            "SlaveSerial=/dev/ttyS1\n"            /* 12 */
                            "[Path dmz]\n"                        /* 13 */
                            "MasterAddress=198.51.100.11\n"       /* 14 */
                            "SlaveAddress=198.51.100.12\n"        /* 15 */
                            "[Replication]\n"                     /* 16 */
                            "MasterAddress=10.0.0.1/24\n"         /* 17 */
                            "SlaveAddress=10.0.0.2/24\n"          /* 18 */
                            "[VirtualIP lan]\n"                   /* 19 */
                            "Address=192.0.2.10/24\n"             /* 20 */
                            "Aliases=192.0.2.20/24; 192.0.2.21\n" /* 21 */
                            "MasterAddress=192.0.2.11\n"          /* 22 */
                            "SlaveAddress=192.0.2.12\n"           /* 23 */
                            "[VirtualIP six]\n"                   /* 24 */
                            "Address=2001:db8::10/64\n"           /* 25 */
                            "MasterAddress=2001:db8::1/64\n"      /* 26 */
                            "SlaveAddress=2001:db8::2/64\n"       /* 27 */
                            "# the end\n";                        /* 28 */

typedef struct Case {
        char *old;         /* the first place of this in the right file … */
        char *new;         /* … becomes this */
        GString *expected; /* every problem, one a line: errors begin with E, warnings with W */
} Case;

static char *edit(const char *old, const char *new)
{
        const char *at = strstr(right, old);

        g_assert_nonnull(at);
        return g_strdup_printf("%.*s%s%s", (int) (at - right), right, new, at + strlen(old));
}

static Config *parse(const char *text, const char *local, GPtrArray *problems)
{
        const ConfigText shared_text = { "hapair.conf", (char *) text, strlen(text) };
        const ConfigText local_text = { "local.conf", (char *) local, local ? strlen(local) : 0 };
        Config *config = config_parse(&shared_text, &local_text, problems);

        problems_sort(problems);
        return config;
}

static char *list(const GPtrArray *problems)
{
        GString *text = g_string_new(NULL);

        for (unsigned i = 0; i < problems->len; i++) {
                const Problem *problem = problems->pdata[i];
                g_autofree char *line = problem_to_string(problem);

                g_string_append_printf(text, "%c %s\n", problem->severity == PROBLEM_ERROR ? 'E' : 'W',
                                       line);
        }

        return g_string_free(text, FALSE);
}

static void test_case(const void *data)
{
        const Case *c = data;
        g_autoptr(GPtrArray) problems = problems_new();
        g_autofree char *text = edit(c->old, c->new), *found = NULL;
        g_autoptr(Config) config = parse(text, NULL, problems);

        found = list(problems);
        g_assert_cmpstr(found, ==, c->expected->str);
        g_assert_true(!config == (problems_count(problems, PROBLEM_ERROR) > 0));
}

static void collect(const char *file, const char *section, const char *key, const char *value,
                    void *userdata)
{
        g_string_append_printf(userdata, "%s [%s] %s=%s\n", file, section, key, value);
}

static void test_right_file_is_typed(void)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Config) config = parse(right, "[General]\nPrimaryDevice=lan1\n", problems);
        g_autofree char *found = list(problems);
        GString *items = g_string_new(NULL);
        const VirtualIpConfig *vip;

        g_assert_cmpstr(found, ==, "");
        g_assert_cmpstr(config->general.primary_device, ==, "lan1");
        g_assert_true(config->general.active && config->general.auto_failback &&
                      !config->general.manage_hostname);
        g_assert_cmpuint(config->general.failback_delay_usec, ==, 60000000);
        g_assert_cmpuint(config->general.lan_down_usec, ==, 300000000);
        g_assert_cmpuint(config->heartbeat.dead_usec, ==, 300000);
        g_assert_cmpint(config->general.arbiter, ==, ARBITER_PATHS);
        g_assert_cmpuint(config->virtual_ips->len, ==, 2);
        vip = config->virtual_ips->pdata[0];
        g_assert_cmpstr(vip->name, ==, "lan");
        g_assert_cmpuint(vip->aliases->len, ==, 2);
        g_assert_cmpuint(g_array_index(vip->aliases, IpAddress, 0).prefix_len, ==, 24);

        config_foreach(config, collect, items);
        g_assert_nonnull(strstr(items->str, "local.conf [General] PrimaryDevice=lan1\n"));
        g_assert_nonnull(strstr(items->str, "hapair.conf [Heartbeat] DeadTimeSec=0.3\n"));
        g_assert_nonnull(strstr(items->str,
                                "hapair.conf [VirtualIP lan] Aliases=192.0.2.20/24;192.0.2.21\n"));
        g_assert_nonnull(strstr(items->str, "\n [General] FailbackDelaySec=60\n"));
        g_string_free(items, TRUE);
}

static void test_local_file_takes_its_few_keys_only(void)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Config) config = parse(
                        right, "[General]\nPrimaryDevice=lan1\nCluster=x\n[VirtualIP lan]\nEnabled=no\n",
                        problems);
        g_autofree char *found = list(problems);

        g_assert_null(config);
        g_assert_cmpstr(found, ==,
                        "E local.conf:3: [General] Cluster=x: may not stand in local.conf: it is the same "
                        "on both nodes\n"
                        "E local.conf:4: [VirtualIP lan]: may not stand in local.conf: it is the same on "
                        "both nodes\n");
}

static char *digest_of(const char *text, const char *local)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Config) config = parse(text, local, problems);

        g_assert_nonnull(config);
        g_assert_cmpuint(strlen(config->digest), ==, 64);
        return g_strdup(config->digest);
}

static void test_digest_follows_meaning_not_spelling(void)
{
        g_autofree char *spelled = edit("Active=yes", "# the switch\nActive=on\nFailbackDelaySec=60.0");
        g_autofree char *changed = edit("Active=yes", "Active=no");
        g_autofree char *base = digest_of(right, NULL);
        g_autofree char *base_local = digest_of(right, "[General]\nPrimaryDevice=lan1\n");
        g_autofree char *other_spelling = digest_of(spelled, NULL);
        g_autofree char *other_meaning = digest_of(changed, NULL);

        g_assert_cmpstr(base, ==, other_spelling);
        g_assert_cmpstr(base, ==, base_local);
        g_assert_cmpstr(base, !=, other_meaning);
}

static void test_empty_file_names_what_is_missing(void)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Config) config = parse("", NULL, problems);
        g_autofree char *found = list(problems);

        g_assert_null(config);
        g_assert_cmpstr(found, ==,
                        "E hapair.conf: [General] Cluster: is missing\n"
                        "E hapair.conf: [General] MasterAddress: is missing\n"
                        "E hapair.conf: [General] SlaveAddress: is missing\n"
                        "W hapair.conf: [General]: no [VirtualIP NAME] is enabled: nothing moves at a "
                        "failover\n");
}

static void test_problems_are_bounded(void)
{
        g_autoptr(GPtrArray) problems = problems_new();
        GString *text = g_string_new("[General]\n");

        for (int i = 0; i < 10000; i++)
                g_string_append(text, "junk\n");

        g_assert_null(parse(text->str, NULL, problems));
        g_assert_cmpuint(problems->len, ==, PROBLEMS_MAX + 1);
        g_string_free(text, TRUE);
}

static void test_virtual_addresses_are_bounded_together(void)
{
        GString *text = g_string_new(right);
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Config) fits = NULL;
        g_autofree char *found = NULL;

        g_string_append(text, "[VirtualIP vast]\nAddress=10.9.0.1\nMasterAddress=10.9.255.1\n"
                              "SlaveAddress=10.9.255.2\nAliases=10.9.0.2");
        for (unsigned i = 3; i < 2045; i++)
                g_string_append_printf(text, ";10.9.%u.%u", i / 256, i % 256);

        fits = parse(text->str, NULL, problems);
        g_assert_nonnull(fits);
        g_string_append(text, ";10.9.200.1\n");
        g_assert_null(parse(text->str, NULL, problems));
        found = list(problems);
        g_assert_cmpstr(found, ==,
                        "E hapair.conf:29: [VirtualIP vast]: with this there are more than 2048 addresses "
                        "in all "
                        "virtual IPs\n");
        g_string_free(text, TRUE);
}

static void test_long_value_is_cut_in_messages(void)
{
        g_autofree char *value = g_strnfill(300, 'x');
        g_autofree char *line = g_strdup_printf("Active=%s", value);
        g_autofree char *text = edit("Active=yes", line), *found = NULL;
        g_autoptr(GPtrArray) problems = problems_new();

        g_assert_null(parse(text, NULL, problems));
        found = problem_to_string(problems->pdata[0]);
        g_assert_cmpuint(strlen(found), <, 180);
        g_assert_nonnull(strstr(found, "xxx…: must be yes"));
}

static void test_file_too_large_is_refused(void)
{
        g_autofree char *path = NULL, *text = g_strnfill((1 << 20) + 1, '\n');
        int fd = g_file_open_tmp("hapair-XXXXXX", &path, NULL);
        ConfigText read;

        g_assert_cmpint(fd, >=, 0);
        g_assert_true(g_file_set_contents(path, text, (1 << 20) + 1, NULL));
        g_assert_cmpint(config_text_read(path, &read), ==, -EFBIG);
        g_assert_true(g_file_set_contents(path, text, 1 << 20, NULL));
        g_assert_cmpint(config_text_read(path, &read), ==, 0);
        g_assert_cmpuint(read.length, ==, 1 << 20);
        g_free(read.text);
        close(fd);
        unlink(path);
        g_assert_cmpint(config_text_read(path, &read), ==, -ENOENT);
}

/* From one place to the next. */
static char *part_of(const char *text, const char *start, const char *next)
{
        const char *begin = strstr(text, start), *end;

        g_assert_nonnull(begin);
        end = strstr(begin + strlen(start), next);
        return end ? g_strndup(begin, (gsize) (end - begin)) : g_strdup(begin);
}

static void check_manual_key(const char *page, const KeySpec *key)
{
        g_autofree char *bold = g_strdup_printf("**%s**", key->name);
        g_autofree char *fallback =
                        g_strdup_printf("Default:\\s+%s\\.\\s", key->fallback ?: "(none|the [^.]*)");
        g_autofree char *part = NULL;
        g_auto(GStrv) entries = g_strsplit(page, "\n\n**", -1);

        for (char **entry = entries; *entry && !part; entry++) {
                g_autofree char *whole = g_strconcat("**", *entry, "\n", NULL);
                g_autofree char *title = g_strndup(whole, strcspn(whole, "\n"));

                if (strstr(title, bold))
                        part = g_steal_pointer(&whole);
        }

        if (!part)
                g_error("the manual does not have %s", key->name);
        if (!g_regex_match_simple(key->required && !key->fallback ? "Required\\." : fallback, part, 0, 0))
                g_error("the manual has another default for %s: %s", key->name, part);
        if (key->local && !g_regex_match_simple("May\\s+stand\\s+in\\s+\\*local.conf\\*", part, 0, 0))
                g_error("the manual does not say that %s may stand in local.conf", key->name);
}

static void test_manual_has_every_key_with_its_default(void)
{
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, "../../doc/man/hapair.conf.5.rst", NULL);
        g_autofree char *manual = NULL;

        g_assert_true(g_file_get_contents(path, &manual, NULL, NULL));

        for (const SectionSpec *spec = section_specs; spec->kind; spec++) {
                g_autofree char *title =
                                g_strdup_printf("\n[%s%s]\n=", spec->kind, spec->named ? " NAME" : "");
                g_autofree char *section = part_of(manual, title, "\n[");

                for (const KeySpec *key = spec->keys; key->name; key++)
                        check_manual_key(section, key);
        }
}

static void case_free(void *data)
{
        Case *c = data;

        g_free(c->old);
        g_free(c->new);
        g_string_free(c->expected, TRUE);
        g_free(c);
}

/* One line of the golden table, see there. */
static Case *take_line(Case *c, const char *line)
{
        if (g_str_has_prefix(line, "== ")) {
                g_autofree char *path = g_strdup_printf("/config/violation/%s", line + 3);

                c = g_new0(Case, 1);
                c->expected = g_string_new(NULL);
                g_test_add_data_func_full(path, c, test_case, case_free);
                return c;
        }

        if (line[0] == '#' || line[0] == '\0')
                return c;

        g_assert_nonnull(c);
        if (line[0] == '-')
                c->old = g_strcompress(line + 1);
        else if (line[0] == '+')
                c->new = g_strcompress(line + 1);
        else {
                g_assert_true(line[0] == 'E' || line[0] == 'W');
                g_string_append_printf(c->expected, "%s\n", line);
        }

        return c;
}

static void add_golden_table(void)
{
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, "config-violations.txt", NULL);
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        Case *c = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++)
                c = take_line(c, *line);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

        add_golden_table();
        g_test_add_func("/config/right-file-is-typed", test_right_file_is_typed);
        g_test_add_func("/config/local-file-takes-its-few-keys-only",
                        test_local_file_takes_its_few_keys_only);
        g_test_add_func("/config/digest-follows-meaning-not-spelling",
                        test_digest_follows_meaning_not_spelling);
        g_test_add_func("/config/empty-file-names-what-is-missing", test_empty_file_names_what_is_missing);
        g_test_add_func("/config/problems-are-bounded", test_problems_are_bounded);
        g_test_add_func("/config/virtual-addresses-are-bounded-together",
                        test_virtual_addresses_are_bounded_together);
        g_test_add_func("/config/long-value-is-cut-in-messages", test_long_value_is_cut_in_messages);
        g_test_add_func("/config/file-too-large-is-refused", test_file_too_large_is_refused);

        g_test_add_func("/config/manual-has-every-key-with-its-default",
                        test_manual_has_every_key_with_its_default);

        return g_test_run();
}
