/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config/config_schema.h"
#include "control/net/socket_path.h"
#include "control/text/log.h"

/* Loads `yaml` from a file of its own; err has its name cut off each
 * line: "3:5: path: why". */
static struct bl_config *load(const char *yaml, size_t len, char err[BL_ERR_BYTES])
{
    char file[] = "/tmp/beatline-config-XXXXXX", whole[BL_ERR_BYTES];
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, len), (ssize_t)len);
    close(fd);
    struct bl_config *c = bl_config_load(file, whole);
    unlink(file);

    size_t name = strlen(file);
    err[0] = '\0';
    for (char *rest = whole, *line; c == NULL && (line = strsep(&rest, "\n")) != NULL;) {
        assert_memory_equal(line, file, name);
        assert_int_equal(line[name], ':');
        strcat(strcat(err, err[0] != '\0' ? "\n" : ""), line + name + 1);
    }
    return c;
}

static struct bl_config *load_good(const char *yaml)
{
    char err[BL_ERR_BYTES];
    struct bl_config *c = load(yaml, strlen(yaml), err);
    if (c == NULL)
        fail_msg("%s", err);
    return c;
}

static void no_file_is_a_valid_config(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES], socket_path[108];
    struct bl_config *c = bl_config_load(NULL, err);

    assert_non_null(c);
    assert_null(c->file);
    assert_int_equal(c->port_count, 1);
    assert_string_equal(c->ports[0], "socket:127.0.0.1:8127");
    assert_int_equal(c->udp_port, 8127);
    bl_socket_path_default(socket_path);
    assert_string_equal(c->socket_path, socket_path);
    assert_string_equal(c->eal, "");
    assert_int_equal(c->control_cpu, -1);
    assert_int_equal(c->max_nodes, 20000000);
    assert_int_equal(c->first_slots, 262144);
    assert_int_equal(c->defaults.timeout_ms, 0);
    assert_int_equal(c->sweep_tick_ms, 10);
    assert_false(c->auth);
    assert_int_equal(c->events_keep, 65536);
    assert_int_equal(c->notifier_count, 1);
    assert_int_equal(c->notifier[0].kind, BL_NOTIFIER_SYSLOG);
    assert_string_equal(c->notifier[0].target, "local");
    assert_string_equal(c->notifier[0].facility, "daemon");
    assert_int_equal(c->notifier[0].timeout_ms, 5000);
    assert_int_equal(c->notifier[0].retries, 3);
    assert_int_equal(c->notifier[0].retry_every_ms, 5000);
    assert_int_equal(c->notify_states, 1u << BL_STATE_FAILED | 1u << BL_STATE_OK | 1u << BL_STATE_WARNING);
    assert_int_equal(c->log_level, BL_LOG_INFO);
    bl_config_free(c);
}

static void empty_files_and_sections_are_the_defaults(void **state)
{
    (void)state;
    static const char *const files[] = {"", "# nothing\n", "---\n", "{}\n",
                                        "nodes:\n  # max: 5\ndefaults: {}\n"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct bl_config *c = load_good(files[i]);
        assert_int_equal(c->max_nodes, 20000000);
        assert_int_equal(c->notifier_count, 1);
        bl_config_free(c);
    }
}

static const char everything[] =
    "ports: [\"socket:[::1]:9000\", \"socket:0.0.0.0:8127,workers=2\"]\n"
    "udp_port: 9\n"
    "tcp: {listen: [\"[::1]:9000\", \"127.0.0.1:0\"], connections: 2, idle: none}\n"
    "socket: /tmp/b.sock\n"
    "eal: \"--log-level=8 \\\"x\\\"\"\n"
    "cpus: {control: 1}\n"
    "nodes: {max: 1000, create_per_s: 7, first_slots: 128}\n"
    "defaults: {timeout: 1.5m, warn: 10s, err: 45d, retries: 2}\n"
    "sweep:\n"
    "  tick: 20ms\n"
    "  batch: {small: 1, medium: 2, large: 3}\n"
    "auth: {key: \"000102030405060708090a0b0c0D0E0F\"}\n"
    "events: {keep: 0}\n"
    "notify:\n"
    "  webhook:\n"
    "    - url: https://example.org/hook?a=b\n"
    "      header: \"X-Token: t\"\n"
    "    - {url: \"http://127.0.0.1:9/\", timeout: 1s, retries: 0, retry_every: none}\n"
    "  syslog:\n"
    "    - {to: \"udp://[::1]:514\", facility: local7}\n"
    "    - to: tcp://log.example.org:601\n"
    "  states: [unknown, new]\n"
    "http: {listen: [\"127.0.0.1:80\", \"[::1]:0\"], hosts: [beat.example.org], connections: 9, timeout: "
    "1m,\n  tokens: [{token: 0123456789abcdef, role: beat}]}\n"
    "statsd: {to: \"udp://[::1]:8125\", prefix: b, interval: 1s, nodes: true}\n"
    "log: {level: debug}\n";

static void every_key_is_taken(void **state)
{
    (void)state;
    struct bl_config *c = load_good(everything);

    assert_int_equal(c->port_count, 2);
    assert_string_equal(c->ports[1], "socket:0.0.0.0:8127,workers=2");
    assert_int_equal(c->udp_port, 9);
    assert_int_equal(c->tcp_listen.count, 2);
    assert_string_equal(c->tcp_listen.at[0], "[::1]:9000");
    assert_int_equal(c->tcp_connections, 2);
    assert_int_equal(c->tcp_idle_ms, 0);
    assert_string_equal(c->socket_path, "/tmp/b.sock");
    assert_string_equal(c->eal, "--log-level=8 \"x\"");
    assert_int_equal(c->control_cpu, 1);
    assert_int_equal(c->max_nodes, 1000);
    assert_int_equal(c->create_per_s, 7);
    assert_int_equal(c->first_slots, 128);
    assert_int_equal(c->defaults.timeout_ms, 90000);
    assert_int_equal(c->defaults.warn_ms, 10000);
    assert_true(c->defaults.err_ms == UINT32_C(3888000000));
    assert_int_equal(c->defaults.retries, 2);
    assert_int_equal(c->sweep_tick_ms, 20);
    assert_int_equal(c->batch_small, 1);
    assert_int_equal(c->batch_medium, 2);
    assert_int_equal(c->batch_large, 3);
    assert_string_equal(c->statsd_to, "udp://[::1]:8125");
    assert_string_equal(c->statsd_prefix, "b");
    assert_int_equal(c->statsd_interval_ms, 1000);
    assert_true(c->statsd_nodes);
    assert_true(c->auth);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(c->auth_key[i], i);
    assert_int_equal(c->events_keep, 0);
    assert_int_equal(c->notifier_count, 4);
    assert_string_equal(c->notifier[0].target, "https://example.org/hook?a=b");
    assert_string_equal(c->notifier[0].header, "X-Token: t");
    assert_int_equal(c->notifier[0].timeout_ms, 10000);
    assert_int_equal(c->notifier[1].retry_every_ms, 0);
    assert_int_equal(c->notifier[1].retries, 0);
    assert_string_equal(c->notifier[2].facility, "local7");
    assert_string_equal(c->notifier[3].target, "tcp://log.example.org:601");
    assert_int_equal(c->notify_states, 1u << BL_STATE_UNKNOWN | 1u << BL_STATE_NEW);
    assert_int_equal(c->log_level, BL_LOG_DEBUG);
    assert_int_equal(c->http_listen.count, 2);
    assert_string_equal(c->http_listen.at[1], "[::1]:0");
    assert_string_equal(c->http_hosts.at[0], "beat.example.org");
    assert_int_equal(c->http_connections, 9);
    assert_int_equal(c->http_token_count, 1);
    assert_string_equal(c->http_token[0].token, "0123456789abcdef");
    assert_int_equal(c->http_token[0].role, BL_HTTP_BEAT);
    assert_int_equal(c->http_timeout_ms, 60000);
    bl_config_free(c);
}

static void an_empty_list_turns_its_default_off(void **state)
{
    (void)state;
    struct bl_config *c = load_good("notify: {syslog: [], states: []}\nports: []\nhttp: {listen: []}\n");
    assert_int_equal(c->http_listen.count, 0);
    assert_int_equal(c->notifier_count, 0);
    assert_int_equal(c->notify_states, 0);
    assert_int_equal(c->port_count, 0);
    bl_config_free(c);
}

static void the_notifiers_are_counted_together(void **state)
{
    (void)state;
    char yaml[1024] = "notify:\n  syslog: [{to: local}]\n  webhook:\n", err[BL_ERR_BYTES];

    for (unsigned i = 0; i < BL_NOTIFIERS_MAX; i++)
        strcat(yaml, "    - url: http://h/\n");
    assert_null(load(yaml, strlen(yaml), err));
    assert_string_equal(err, "19:7: notify.webhook[15]: too many notifiers; at most 16 in all");
}

/* Against a hole in the table, which an enum word without a row leaves. */
static void each_type_says_how_it_is_set_shown_and_freed(void **state)
{
    (void)state;
    for (int type = 0; type < BL_CONFIG_TYPES; type++) {
        const struct bl_config_type_ops *t = &bl_config_types[type];
        bool items = t->shape == BL_SHAPE_ITEMS, names = t->shape == BL_SHAPE_NAMES;
        assert_int_equal(t->set == NULL, items);
        assert_int_equal(t->text == NULL, items || names);
        assert_int_equal(t->name != NULL, names);
        assert_true(!names || t->free != NULL);
    }
}

/* A value in the words of `config show` is taken, and is the same then. */
static void each_default_is_taken_in_its_own_words(void **state)
{
    (void)state;
    struct bl_config *c = load_good(""), *again = load_good("");
    for (size_t i = 0; i < bl_config_key_count; i++) {
        const struct bl_config_key *k = &bl_config_keys[i];
        struct bl_text text = {0}, after = {0};
        char why[BL_ERR_BYTES];
        if (bl_config_is_list(k) || strchr(k->path, '[') != NULL)
            continue;
        bl_config_value_text(k, c, &text);
        bl_text_append(&text, "", 1);
        assert_int_equal(bl_config_set(k, again, text.data, why), 0);
        bl_config_value_text(k, again, &after);
        bl_text_append(&after, "", 1);
        assert_string_equal(after.data, text.data);
        bl_text_free(&text);
        bl_text_free(&after);
    }
    bl_config_free(c);
    bl_config_free(again);
}

static void whatever_the_syslog_receiver_takes_is_taken(void **state)
{
    (void)state;
    static const char *const targets[] = {"udp://logs.example.net", "tcp://[::1]", "local:/run/log", "local"};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        char yaml[128];
        snprintf(yaml, sizeof(yaml), "notify: {syslog: [{to: \"%s\"}]}\n", targets[i]);
        struct bl_config *c = load_good(yaml);
        assert_string_equal(c->notifier[0].target, targets[i]);
        bl_config_free(c);
    }
}

/* Not the whole list: it grows. */
static void an_unknown_key_at_the_top_lists_those_there_are(void **state)
{
    (void)state;
    static const char yaml[] = "zzzzzzzzz: 3\n",
                      should[] = "1:1: zzzzzzzzz: unknown key; known here: ports, ";
    char err[BL_ERR_BYTES];
    assert_null(load(yaml, strlen(yaml), err));
    assert_memory_equal(err, should, strlen(should));
    assert_non_null(strstr(err, ", defaults, "));
}

static const struct {
    const char *yaml, *error;
} mistakes[] = {
    /* keys */
    {"udp_port: 1\n\ndefaults:\n  timout: 2s\n",
     "4:3: defaults.timout: unknown key; did you mean \"timeout\"?"},
    {"prots: []\n", "1:1: prots: unknown key; did you mean \"ports\"?"},
    {"retry_every: 2s\n", "1:1: retry_every: unknown key; did you mean \"notify.syslog[].retry_every\"?"},
    {"nodes: {colour: 3}\n",
     "1:9: nodes.colour: unknown key; known here: max, create_per_s, first_slots, unknown"},
    {"notify:\n  webhook:\n    - url: http://h/\n      heeder: \"a: b\"\n",
     "4:7: notify.webhook[0].heeder: unknown key; did you mean \"header\"?"},
    {"nodes: {max: 1}\nlog: {level: info}\nnodes: {max: 2}\n",
     "3:1: nodes: given twice, first on line 1; remove one"},
    {"nodes:\n  max: 1\n  max: 2\n", "3:3: nodes.max: given twice, first on line 2; remove one"},
    {"? [a]\n: 1\n", "1:3: top level: a key must be a word, got a list; write KEY: VALUE"},
    /* shapes */
    {"nodes: [1]\n", "1:8: nodes: expected keys with values, got a list; write nodes: {KEY: VALUE}"},
    {"nodes: 5\n", "1:8: nodes: expected keys with values, got one value; write nodes: {KEY: VALUE}"},
    {"nodes: {max: {a: 1}}\n", "1:14: nodes.max: expected one value, got a mapping; write max: VALUE"},
    {"nodes: {max: }\n", "1:14: nodes.max: has no value; give one, or leave the key out for the default"},
    {"ports: socket:127.0.0.1:8127\n", "1:8: ports: expected a list, got one value; write ports: [...]"},
    {"tcp: {listen: [localhost:80]}\n",
     "1:16: tcp.listen[0]: \"localhost:80\" is no address; write 127.0.0.1:PORT or [::1]:PORT"},
    {"tcp: {listen: [\"::1:80\"]}\n",
     "1:16: tcp.listen[0]: \"::1:80\" is no address; write 127.0.0.1:PORT or [::1]:PORT"},
    {"tcp: {listen: [\"127.0.0.1:65536\"]}\n",
     "1:16: tcp.listen[0]: \"127.0.0.1:65536\" is no address; write 127.0.0.1:PORT or [::1]:PORT"},
    {"statsd: {to: \"tcp://h:1\"}\n",
     "1:14: statsd.to: \"tcp://h:1\" is no statsd server; write udp://HOST:PORT, or \"\" for none"},
    {"statsd: {to: \"udp://h\"}\n", /* 514 is syslog's */
     "1:14: statsd.to: \"udp://h\" is no statsd server; write udp://HOST:PORT, or \"\" for none"},
    {"statsd: {nodes: yes}\n", "1:17: statsd.nodes: \"yes\" is neither; write true or false"},
    {"tcp: {idle: 0ms}\n", "1:13: tcp.idle: \"0ms\" is too short; give 1s or more, or none"},
    {"http: {hosts: [\"http://h/\"]}\n",
     "1:16: http.hosts[0]: \"http://h/\" is no host name; write it without http:// and port"},
    {"http: {tokens: [{token: 0123456789abcdef}]}\n",
     "1:17: http.tokens[0]: has no role; add role: read, beat or admin"},
    {"http: {tokens: [{role: read}]}\n",
     "1:17: http.tokens[0]: give token: TOKEN or token_file: PATH, one of them"},
    {"http: {tokens: [{token: short, role: read}]}\n",
     "1:25: http.tokens[0].token: is no token (its text is not repeated here); give 16 to 256 letters, "
     "digits and -._~+/=, as head -c24 /dev/urandom | base64 makes them"},
    {"http: {tokens: [{token: 0123456789abcdef, role: root}]}\n",
     "1:49: http.tokens[0].role: \"root\" is no role; write read, beat (which may read, too) or admin"},
    {"http: {tokens: [read]}\n", "1:17: http.tokens[0]: expected a mapping, got one value; write "
                                 "{token: TOKEN, role: read}"},
    {"ports:\nudp_port: 1\n", "1:7: ports: expected a list, got nothing; write ports: [...]"},
    {"notify: {syslog: [local]}\n",
     "1:19: notify.syslog[0]: expected a mapping, got one value; write {to: local}"},
    {"notify: {webhook: [{retries: 1}]}\n", "1:20: notify.webhook[0]: has no url; add url: URL"},
    {"- 1\n", "1:1: top level: expected keys with values, got a list; write KEY: VALUE"},
    {"udp_port: 1\n---\nudp_port: 2\n", "3:1: top level: a second document starts here; keep one"},
    /* values */
    {"udp_port: 70000\n", "1:11: udp_port: 70000 is out of range; give a number from 1 to 65535"},
    {"udp_port: 0x10\n", "1:11: udp_port: \"0x10\" is no whole number; give one from 1 to 65535"},
    {"cpus: {control: -2}\n", "1:17: cpus.control: -2 is out of range; give a number from -1 to 1023"},
    {"defaults: {retries: 99999999999999999999}\n",
     "1:21: defaults.retries: 99999999999999999999 is out of range; give a number from 0 to 254"},
    {"defaults:\n  err: 30\n", "2:8: defaults.err: \"30\" has no unit; write 30s or 30ms"},
    {"defaults: {err: 46d}\n", "1:17: defaults.err: \"46d\" is too long; at most 45d"},
    {"defaults:\n  warn: 20s\n  err: 10s\n",
     "2:3: defaults: a warning after 20s would come after failed (after 10s), so that nobody saw it; "
     "lower warn, or raise err or timeout"},
    {"defaults: {err: 5s, timeout: 10s, retries: 1}\n",
     "1:11: defaults: a warning after 10s would come after failed (after 5s), so that nobody saw it; "
     "lower warn, or raise err or timeout"},
    {"defaults: {err: 0s}\n", "1:17: defaults.err: \"0s\" is too short; give 1ms or more, or none"},
    {"sweep: {tick: none}\n", "1:15: sweep.tick: \"none\" is too short; give 1ms or more"},
    {"sweep: {tick: 2s}\n", "1:15: sweep.tick: \"2s\" is too long; at most 1s"},
    {"ports: [\"sokcet:127.0.0.1:8127\"]\n", NULL},
    {"socket: \"\"\n", "1:9: socket: is empty; give a value, or leave the key out for the default"},
    {"socket: \"a\\0b\"\n", "1:9: socket: has a NUL byte in it; remove it"},
    {"auth: {key: 0011}\n", "1:13: auth.key: is no key (its text is not repeated here); give 32 hex "
                            "digits, or \"\" to take beats "
                            "without one"},
    {"notify: {webhook: [{url: \"ftp://h/\"}]}\n",
     "1:26: notify.webhook[0].url: \"ftp://h/\" is no web address; write https://HOST/PATH or "
     "http://HOST/PATH"},
    {"notify: {webhook: [{url: \"ftp://me:sesame@h/open?t=sesame\"}]}\n",
     "1:26: notify.webhook[0].url: \"ftp://h (the rest is hidden)\" is no web address; write "
     "https://HOST/PATH or http://HOST/PATH"},
    {"notify: {webhook: [{url: \"http://\"}]}\n", "1:26: notify.webhook[0].url: \"http://\" is no web "
                                                  "address; write https://HOST/PATH or http://HOST/PATH"},
    {"notify: {webhook: [{url: \"http://h/\", header: nocolon}]}\n",
     "1:47: notify.webhook[0].header: is no HTTP header; write \"Name: value\" on one line, as in "
     "\"Authorization: Bearer TOKEN\""},
    {"notify: {syslog: [{to: \"udp://h:\"}]}\n",
     "1:24: notify.syslog[0].to: \"udp://h:\" is no syslog receiver; write local, unix:/PATH, "
     "udp://HOST:PORT or tcp://HOST:PORT"},
    {"notify: {syslog: [{to: \"unix:log\"}]}\n",
     "1:24: notify.syslog[0].to: \"unix:log\" is no syslog receiver; write local, unix:/PATH, "
     "udp://HOST:PORT or tcp://HOST:PORT"},
    {"notify: {syslog: [{to: local, facility: lokal0}]}\n",
     "1:41: notify.syslog[0].facility: \"lokal0\" is no syslog facility; write daemon, user, local0 to "
     "local7, or another of syslog(3)"},
    {"notify: {states: [failed, up]}\n",
     "1:27: notify.states[1]: \"up\" is no state; write new, ok, warning, failed, paused or unknown"},
    {"log: {level: loud}\n",
     "1:14: log.level: \"loud\" is no log level; write error, warning, info or debug"},
    /* YAML itself */
    {"nodes: {max: 1\n", "2:1: YAML: did not find expected ',' or '}'; check indentation, colons and quotes "
                         "here and on the line above"},
    {"nodes:\n\tmax: 1\n",
     "2:1: YAML: found character that cannot start any token; indent with spaces, not tabs"},
    {"nodes: 1\nb\xff: 2\n", "2:2: YAML: invalid leading UTF-8 octet; save the file as UTF-8"},
    {"nodes: *nowhere\n",
     "1:8: YAML: found undefined alias; check indentation, colons and quotes here and on "
     "the line above"},
};

static void each_mistake_is_told_with_its_place_and_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        char err[BL_ERR_BYTES];
        struct bl_config *c = load(mistakes[i].yaml, strlen(mistakes[i].yaml), err);
        if (c != NULL)
            fail_msg("taken, but wrong: %s", mistakes[i].yaml);
        if (mistakes[i].error != NULL)
            assert_string_equal(err, mistakes[i].error);
        else /* the port's own words */
            assert_memory_equal(err, "1:9: ports[0]: port sokcet:127.0.0.1:8127: ", 43);
    }
}

static void several_mistakes_are_told_in_one_run_up_to_ten(void **state)
{
    (void)state;
    char yaml[512] = "", err[BL_ERR_BYTES];

    for (int i = 0; i < 14; i++)
        sprintf(yaml + strlen(yaml), "log%d: 1\n", i + 10);
    assert_null(load(yaml, strlen(yaml), err));
    unsigned lines = 1;
    for (const char *s = err; (s = strchr(s, '\n')) != NULL; s++)
        lines++;
    assert_int_equal(lines, 10);
    assert_memory_equal(err, "1:1: log10: unknown key; did you mean \"log\"?\n2:1: ", 49);
}

/* Bytes flipped, cut out, doubled: taken or told, never a crash, and the
 * text always ends within its buffer. */
static void views_are_lists_of_rules(void **state)
{
    (void)state;
    struct bl_config *c = load_good("views:\n"
                                    "  - {name: backups, regexp: ^backup}\n"
                                    "  - name: web-$dc\n"
                                    "    pattern: $dc.web.*\n"
                                    "    includes: [$dc.www.*]\n"
                                    "    excludes: ['*.test', '*.old']\n"
                                    "    notify: true\n");
    assert_int_equal(c->view_count, 2);
    assert_string_equal(c->views[0].regexp, "^backup");
    assert_string_equal(c->views[1].pattern, "$dc.web.*");
    assert_int_equal(c->views[1].includes.count, 1);
    assert_string_equal(c->views[1].excludes.item[1], "*.old");
    assert_true(c->views[1].notify && !c->views[0].notify);
    bl_config_free(c);
}

static void views_that_cannot_be_are_told_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *view, *why;
    } cases[] = {
        {"{name: a, regexp: '(a)\\1'}", "2:23: views[0].regexp: \"(a)\\1\": Back-references"},
        {"{name: $dc, pattern: $d.web}", "2:5: views[0]: the name needs $dc"},
        {"{name: $dc, regexp: a}", "2:5: views[0]: the name has variables"},
        {"{name: a, includes: [b, $x.$x]}", "2:29: views[0].includes[1]: \"$x.$x\": $x is in it twice"},
        {"{name: all, pattern: a}", "2:5: views[0]: all is there without being listed"},
        {"{name: a}", "2:5: views[0]: says of no node"},
        {"{name: a, pattern: b, regexp: c}", "2:5: views[0]: has both"},
        {"{pattern: b}", "2:5: views[0]: has no name"},
        {"{name: a, patern: b}", "2:15: views[0].patern: unknown key; did you mean \"pattern\"?"},
        {"{name: a, pattern: b}\n  - {name: a, pattern: c}", "3:5: views[1]: the name a is views[0]'s"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char yaml[256], err[BL_ERR_BYTES];
        int len = snprintf(yaml, sizeof(yaml), "views:\n  - %s\n", cases[i].view);
        assert_null(load(yaml, (size_t)len, err));
        if (strncmp(err, cases[i].why, strlen(cases[i].why)) != 0)
            fail_msg("%s\nsays %s\nnot  %s", yaml, err, cases[i].why);
    }
}

static void a_garbled_file_never_hurts(void **state)
{
    (void)state;
    unsigned seed = 77, taken = 0;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 3000; round++) {
        char yaml[2 * sizeof(everything)], err[BL_ERR_BYTES];
        size_t len = sizeof(everything) - 1;
        memcpy(yaml, everything, len);
        for (int edits = 1 + rand_r(&seed) % 3; edits > 0; edits--) {
            size_t at = (size_t)rand_r(&seed) % len, span = (size_t)rand_r(&seed) % (len - at) / 16;
            int what = rand_r(&seed) % 3;
            if (what == 0)
                yaml[at] = (char)(rand_r(&seed) >> 4);
            memmove(yaml + at + (what == 2 ? span : 0), yaml + at + (what == 1 ? span : 0),
                    len - at - (what == 1 ? span : 0));
            len += what == 2 ? span : 0;
            len -= what == 1 ? span : 0;
        }
        struct bl_config *c = load(yaml, len, err);
        if (c == NULL)
            assert_true(err[0] != '\0');
        taken += c != NULL;
        bl_config_free(c);
    }
    assert_in_range(taken, 1, 2999);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES];
    assert_null(bl_config_load("/tmp/beatline-no-such-file.yaml", err));
    assert_string_equal(err,
                        "/tmp/beatline-no-such-file.yaml: cannot be read: No such file or directory; give a "
                        "readable file, or none for the defaults");
    assert_null(bl_config_load("/tmp", err));
    assert_string_equal(
        err, "/tmp: cannot be read: Is a directory; give a readable file, or none for the defaults");
}

static char *shown(const struct bl_config *c, bool json)
{
    struct bl_text t = {0};
    bl_config_show(c, &t, json);
    bl_text_append(&t, "", 1);
    assert_false(t.failed);
    return t.data;
}

static void assert_same(const struct bl_config *a, const struct bl_config *b)
{
    assert_int_equal(a->port_count, b->port_count);
    assert_int_equal(a->notifier_count, b->notifier_count);
    assert_int_equal(a->notify_states, b->notify_states);
    char *json_a = shown(a, true), *json_b = shown(b, true);
    assert_string_equal(json_a, json_b);
    free(json_a);
    free(json_b);
}

static void what_is_shown_loads_back_to_the_same(void **state)
{
    (void)state;
    char open[sizeof(everything)];
    static const char *const secrets[] = {"auth: {key: \"000102030405060708090a0b0c0D0E0F\"}\n",
                                          ("    - url: https://example.org/hook?a=b\n"
                                           "      header: \"X-Token: t\"\n"),
                                          ",\n  tokens: [{token: 0123456789abcdef, role: beat}]"};

    strcpy(open, everything);
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        char *at = strstr(open, secrets[i]);
        memmove(at, at + strlen(secrets[i]), strlen(at + strlen(secrets[i])) + 1);
    }
    const char *files[] = {"", open, "notify: {syslog: [], states: []}\nports: []\n"};
    for (size_t i = 0; i < 3; i++) {
        struct bl_config *c = load_good(files[i]);
        char *yaml = shown(c, false);
        struct bl_config *back = load_good(yaml);
        assert_same(c, back);
        free(yaml);
        bl_config_free(c);
        bl_config_free(back);
    }
}

static void secrets_are_not_shown_and_do_not_load_as_none(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES];
    struct bl_config *c = load_good(everything);

    for (int json = 0; json < 2; json++) {
        char *text = shown(c, json == 1);
        assert_null(strcasestr(text, "0102030405"));
        assert_null(strstr(text, "X-Token"));
        assert_non_null(strstr(text, "\"hidden\""));
        if (json == 0)
            assert_null(load(text, strlen(text), err));
        free(text);
    }
    bl_config_free(c);
}

static void secrets_of_urls_are_not_shown(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "https://user:sesame@h:8443/",  "https://sesame@h:8443", "https://h:8443/services/T0/sesame",
        "https://h:8443/?token=sesame", "https://h:8443?sesame", "https://u:p@h:8443/a#sesame"};
    for (size_t i = 0; i < 2 * sizeof(urls) / sizeof(urls[0]); i++) {
        char yaml[256], err[BL_ERR_BYTES];
        bool json = i % 2 == 1;
        snprintf(yaml, sizeof(yaml), "notify: {webhook: [{url: \"%s\"}]}\n", urls[i / 2]);
        struct bl_config *c = load_good(yaml);
        char *text = shown(c, json);
        assert_null(strstr(text, "sesame"));
        assert_non_null(strstr(text, "\"https://h:8443 (the rest is hidden)\""));
        if (!json)
            assert_null(load(text, strlen(text), err));
        free(text);
        bl_config_free(c);
    }
    struct bl_config *c = load_good("notify: {webhook: [{url: \"https://h:8443/\"}]}\n");
    char *text = shown(c, false);
    assert_non_null(strstr(text, "\"https://h:8443/\""));
    free(text);
    bl_config_free(c);
}

static void json_has_numbers_and_booleans_as_such(void **state)
{
    (void)state;
    struct bl_config *c = load_good("statsd: {nodes: true}\nviews: [{name: a, pattern: a, notify: true}]\n");
    char *text = shown(c, true);
    assert_non_null(strstr(text, "{\"key\":\"statsd.nodes\",\"value\":true,\"default\":false}"));
    assert_non_null(strstr(text, "{\"key\":\"views[0].notify\",\"value\":true,"));
    assert_non_null(strstr(text, "{\"key\":\"udp_port\",\"value\":8127,\"default\":8127}"));
    assert_non_null(strstr(text, "{\"key\":\"sweep.tick\",\"value\":\"10ms\",\"default\":\"10ms\"}"));
    free(text);
    bl_config_free(c);
}

static void what_takes_a_restart_stays_as_it_was(void **state)
{
    (void)state;
    struct bl_config *old = load_good("log: {level: debug}\n");
    struct bl_config *next =
        load_good("ports: [\"socket:127.0.0.1:1\", \"socket:127.0.0.1:2\"]\nudp_port: 9\nsocket: /tmp/x\n"
                  "tcp: {listen: []}\neal: -v\ncpus: {control: 1}\nnodes: {first_slots: 99}\n"
                  "state: {dir: /tmp/y}\nlog: {level: debug}\n"
                  "http: {listen: [\"[::1]:9\"], connections: 9, connections_per_address: 8, timeout: 7s}\n");
    char waiting[BL_CONFIG_WAITING_BYTES];
    assert_int_equal(bl_config_keep_fixed(next, old, waiting), 0);
    assert_string_equal(waiting, "ports, udp_port, tcp.listen, socket, eal, cpus.control, nodes.first_slots, "
                                 "state.dir, http.listen, http.connections, "
                                 "http.connections_per_address, http.timeout");
    assert_same(old, next);
    assert_int_equal(bl_config_keep_fixed(next, old, waiting), 0);
    assert_string_equal(waiting, "");
    bl_config_free(old);
    bl_config_free(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_is_a_valid_config),
        cmocka_unit_test(empty_files_and_sections_are_the_defaults),
        cmocka_unit_test(every_key_is_taken),
        cmocka_unit_test(an_empty_list_turns_its_default_off),
        cmocka_unit_test(the_notifiers_are_counted_together),
        cmocka_unit_test(each_type_says_how_it_is_set_shown_and_freed),
        cmocka_unit_test(each_default_is_taken_in_its_own_words),
        cmocka_unit_test(whatever_the_syslog_receiver_takes_is_taken),
        cmocka_unit_test(an_unknown_key_at_the_top_lists_those_there_are),
        cmocka_unit_test(each_mistake_is_told_with_its_place_and_what_to_do),
        cmocka_unit_test(several_mistakes_are_told_in_one_run_up_to_ten),
        cmocka_unit_test(views_are_lists_of_rules),
        cmocka_unit_test(views_that_cannot_be_are_told_with_their_place),
        cmocka_unit_test(a_garbled_file_never_hurts),
        cmocka_unit_test(a_file_that_cannot_be_read_is_told),
        cmocka_unit_test(what_is_shown_loads_back_to_the_same),
        cmocka_unit_test(secrets_are_not_shown_and_do_not_load_as_none),
        cmocka_unit_test(secrets_of_urls_are_not_shown),
        cmocka_unit_test(json_has_numbers_and_booleans_as_such),
        cmocka_unit_test(what_takes_a_restart_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
