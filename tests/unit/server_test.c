/* SPDX-License-Identifier: Apache-2.0 */
/* The server as a client sees it: a real control core and a real server,
 * each on its thread, behind a socket in a directory of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/api/server.h"
#include "control/cli/protocol.h"
#include "control/model/context.h"

#define PATIENCE_S 20
#define MANY_NODES 20000u

struct daemon {
    char directory[64], path[108];
    struct bl_config *config;
    struct bl_wire_config wire;
    struct bl_worker *worker;
    struct bl_core *core;
    struct bl_server *server;
    int reloads;
};

static struct daemon d;

static int reload(void *ctx, char waiting[BL_CONFIG_WAITING_BYTES], char err[BL_ERR_BYTES])
{
    int *reloads = ctx;
    snprintf(waiting, BL_CONFIG_WAITING_BYTES, "%s", *reloads >= 2 ? "ports, udp_port" : "");
    if (++*reloads != 2)
        return 0;
    snprintf(err, BL_ERR_BYTES, "f.yaml:1:1: x: unknown key");
    return -EINVAL;
}

static int start(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES];
    uint8_t seed[BL_KEY_SECRET_BYTES + 24] = {1, 2, 3};

    strcpy(d.directory, "/tmp/beatline-server-XXXXXX");
    assert_non_null(mkdtemp(d.directory));
    snprintf(d.path, sizeof(d.path), "%s/in/b.sock", d.directory);
    d.config = bl_config_load(NULL, err);
    bl_listen_clear(&d.config->http_listen); /* other tests may run beside this one */
    bl_key_secret_init(&d.wire.secret, seed);
    struct bl_worker_config wc = {
        .cpu = -1, .lcore = -1, .wire = &d.wire, .first_slots = 65536, .max_nodes = 1000000};
    d.worker = bl_worker_new(&wc, 0, err);
    assert_non_null(d.worker);
    struct bl_core_config cc = {.config = d.config,
                                .worker = &d.worker,
                                .worker_count = 1,
                                .secret = &d.wire.secret,
                                .memory = bl_memory_libc,
                                .cpu = -1};
    d.core = bl_core_new(&cc, err);
    assert_non_null(d.core);
    bl_core_number_events(d.core, 7); /* those of the time before a restart */
    struct bl_server_config sc = {.socket_path = d.path,
                                  .core = d.core,
                                  .worker = d.worker,
                                  .config = d.config,
                                  .start_unix_ms = 1,
                                  .reload = reload,
                                  .reload_ctx = &d.reloads};
    d.server = bl_server_new(&sc, err);
    if (d.server == NULL)
        fail_msg("%s", err);
    assert_int_equal(bl_core_start(d.core, err), 0);
    assert_int_equal(bl_server_start(d.server, err), 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    char inner[128];
    bl_server_stop(d.server);
    bl_core_stop(d.core);
    bl_server_free(d.server);
    bl_core_free(d.core);
    bl_worker_free(d.worker);
    bl_config_free(d.config);
    assert_int_equal(access(d.path, F_OK), -1); /* the socket is gone */
    snprintf(inner, sizeof(inner), "%s/in", d.directory);
    rmdir(inner);
    return rmdir(d.directory);
}

/* ---- a client ---------------------------------------------------------- */

static int dial(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    strcpy(a.sun_path, d.path);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

static void say(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* it has refused us already */
        bytes += n;
        len -= (size_t)n;
    }
}

struct heard {
    struct bl_text out, err; /* terminated */
    int code;                /* -1: the server left without one */
    size_t frames;
};

static bool read_exactly(int fd, char *to, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, to, len, 0);
        if (n <= 0)
            return false;
        to += n;
        len -= (size_t)n;
    }
    return true;
}

/* Reads one frame into h; false: the last one, or none. */
static bool hear_frame(int fd, struct heard *h)
{
    char head[24] = "", *bytes;
    size_t used = 0, len;

    while (used < sizeof(head) - 1 && read_exactly(fd, head + used, 1) && head[used] != '\n')
        used++;
    if (used < 3 || head[1] != ' ')
        return false;
    len = strtoul(head + 2, NULL, 10);
    if (head[0] == '0') {
        h->code = (int)len;
        return false;
    }
    assert_true(head[0] == '1' || head[0] == '2');
    assert_true(len > 0 && len < 4u * BL_PIECE_BYTES);
    bytes = malloc(len);
    assert_true(read_exactly(fd, bytes, len));
    bl_text_append(head[0] == '1' ? &h->out : &h->err, bytes, len);
    free(bytes);
    h->frames++;
    return true;
}

static struct heard hear(int fd)
{
    struct heard h = {.code = -1};
    while (hear_frame(fd, &h)) {
    }
    bl_text_append(&h.out, "", 1);
    bl_text_append(&h.err, "", 1);
    close(fd);
    return h;
}

static struct heard ask_raw(const char *request)
{
    int fd = dial();
    say(fd, request, strlen(request));
    return hear(fd);
}

/* Words split at spaces. */
static struct heard ask(const char *words, bool json)
{
    char request[1024], copy[512], *rest = copy;
    const char *comma = "";
    snprintf(copy, sizeof(copy), "%s", words);
    strcpy(request, "{\"argv\":[");
    for (char *word; (word = strsep(&rest, " ")) != NULL; comma = ",")
        sprintf(request + strlen(request), "%s\"%s\"", comma, word);
    sprintf(request + strlen(request), "],\"json\":%s}\n", json ? "true" : "false");
    return ask_raw(request);
}

static void forget(struct heard *h)
{
    bl_text_free(&h->out);
    bl_text_free(&h->err);
}

static void expect(const char *words, bool json, int code, const char *out, const char *err)
{
    struct heard h = ask(words, json);
    if (h.code != code || strcmp(h.out.data, out) != 0 || strcmp(h.err.data, err) != 0)
        fail_msg("%s: code %d\nstdout: %s\nstderr: %s", words, h.code, h.out.data, h.err.data);
    forget(&h);
}

/* The object that `words` answers with. */
static json_t *ask_object(const char *words)
{
    struct heard h = ask(words, true);
    json_error_t error;
    json_t *o = json_loads(h.out.data, 0, &error);
    if (h.code != 0 || o == NULL)
        fail_msg("%s: code %d, %s\n%s", words, h.code, error.text, h.out.data);
    forget(&h);
    return o;
}

static json_int_t number_in(json_t *o, const char *group, const char *key)
{
    json_t *n = json_object_get(group != NULL ? json_object_get(o, group) : o, key);
    assert_true(json_is_integer(n));
    return json_integer_value(n);
}

static json_int_t nodes_total(void)
{
    json_t *o = ask_object("status");
    json_int_t n = number_in(o, "nodes", "total");
    json_decref(o);
    return n;
}

static void wait_for_nodes(json_int_t n)
{
    time_t end = time(NULL) + PATIENCE_S;
    while (nodes_total() != n) {
        if (time(NULL) > end)
            fail_msg("%lld nodes, not %lld", (long long)nodes_total(), (long long)n);
        usleep(2000);
    }
}

/* Beats `n` nodes "many.I" from `first` on, a thousand a request. */
static void beat_many(unsigned first, unsigned n)
{
    char *request = malloc(BL_REQUEST_MAX);
    for (unsigned i = 0; i < n;) {
        size_t used = (size_t)sprintf(request, "{\"argv\":[\"beat\"");
        for (unsigned k = 0; k < 1000 && i < n; k++, i++)
            used += (size_t)sprintf(request + used, ",\"many.%u\"", first + i);
        sprintf(request + used, "]}\n");
        struct heard h = ask_raw(request);
        assert_int_equal(h.code, 0);
        forget(&h);
    }
    free(request);
}

/* ---- what it proves ------------------------------------------------------ */

static void status_is_one_object_with_the_fixed_names(void **state)
{
    (void)state;
    static const char *const states[] = {"total", "new", "ok", "warning", "failed", "paused", "unknown"};
    static const char *const ingest[] = {"packets_total",        "beats_total",   "dropped_total",
                                         "packets_parsed_total", "records_total", "settings_total"};
    json_t *o = ask_object("status");
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        number_in(o, "nodes", states[i]);
    for (size_t i = 0; i < sizeof(ingest) / sizeof(ingest[0]); i++)
        number_in(o, "ingest", ingest[i]);
    json_t *dropped = json_object_get(json_object_get(o, "ingest"), "dropped");
    for (unsigned r = 0; r < BL_DROP_COUNT; r++)
        number_in(dropped, NULL, bl_drop_name((enum bl_drop)r));
    assert_true(json_is_boolean(json_object_get(json_object_get(o, "ingest"), "frozen")));
    assert_true(json_is_number(json_object_get(o, "uptime_s")));
    assert_string_equal(json_string_value(json_object_get(o, "version")), BL_VERSION);
    json_decref(o);
}

static void a_beat_by_hand_makes_a_node_that_lists_and_shows(void **state)
{
    (void)state;
    expect("beat invoice.mailer", false, 0, "", "");
    wait_for_nodes(1);
    json_t *listed = ask_object("nodes list"), *shown = ask_object("nodes show invoice.mailer");
    assert_string_equal(json_string_value(json_object_get(listed, "name")), "invoice.mailer");
    assert_string_equal(json_string_value(json_object_get(listed, "state")), "ok");
    assert_string_equal(json_string_value(json_object_get(shown, "detector")), "fixed");
    assert_true(number_in(listed, NULL, "age_ms") < PATIENCE_S * 1000);
    assert_null(json_object_get(listed, "id"));
    assert_int_equal(number_in(shown, NULL, "table"), 0);
    assert_int_equal(number_in(shown, NULL, "lost"), 0);
    json_t *status = ask_object("status");
    assert_int_equal(number_in(status, "ingest", "beats_total"), 1);
    json_decref(status);
    json_decref(listed);
    json_decref(shown);
    struct heard h = ask("nodes list", false);
    assert_memory_equal(h.out.data, "NAME            STATE", 21);
    assert_non_null(strstr(h.out.data, "\ninvoice.mailer  ok "));
    forget(&h);
}

static void names_that_cannot_be_are_told(void **state)
{
    (void)state;
    expect("beat a:b", false, 2, "",
           "beatline: beat: \"a:b\" is no name; give 1 to 200 bytes without spaces, ':' or '|'\n");
    expect(
        "nodes show nobody", false, 4, "",
        "beatline: node nobody: not known; beatline nodes list shows the names, --match GLOB narrows them\n");
    expect("nodes show nobody", true, 4,
           "{\"error\":\"node nobody: not known; beatline nodes list shows the names, --match GLOB narrows "
           "them\",\"code\":4}\n",
           "");
    struct heard h = ask("nodes pause nobody", true);
    assert_int_equal(h.code, 4);
    assert_memory_equal(h.out.data, "{\"error\":\"node nobody: ", 23);
    forget(&h);
}

static void people_change_nodes(void **state)
{
    (void)state;
    expect("nodes set fresh --err 2s --retries 2 --create", false, 0, "fresh: set\n", "");
    expect("nodes pause fresh invoice.mailer", false, 0, "fresh: paused\ninvoice.mailer: paused\n", "");
    expect("nodes resume invoice.mailer", true, 0, "{\"name\":\"invoice.mailer\",\"done\":\"resumed\"}\n",
           "");
    json_t *o = ask_object("nodes show fresh");
    assert_string_equal(json_string_value(json_object_get(o, "state")), "paused");
    assert_int_equal(number_in(o, NULL, "err_ms"), 2000);
    assert_int_equal(number_in(o, NULL, "retries"), 2);
    assert_true(json_is_null(json_object_get(o, "age_ms")));
    json_decref(o);
    expect("nodes set -e=none fresh", false, 2, "",
           "beatline: nodes set: --err \"=none\" is no duration; write 500ms, 2s, 1.5m, 2h, 3d or none\n");
    expect("nodes set -enone fresh", false, 0, "fresh: set\n", "");
    o = ask_object("nodes show fresh");
    assert_int_equal(number_in(o, NULL, "err_ms"), 0);
    json_decref(o);
    expect("nodes rm fresh", false, 0, "fresh: removed\n", "");
    assert_int_equal(nodes_total(), 1);
}

static void one_missing_name_does_not_stop_the_others(void **state)
{
    (void)state;
    struct heard h = ask("nodes pause ghost invoice.mailer", false);
    assert_int_equal(h.code, 4);
    assert_string_equal(h.out.data, "invoice.mailer: paused\n");
    assert_memory_equal(h.err.data, "beatline: node ghost: ", 22);
    forget(&h);
    expect("nodes resume invoice.mailer", false, 0, "invoice.mailer: resumed\n", "");
}

static void a_view_that_is_not_known_is_told(void **state)
{
    (void)state;
    static const char *const words[] = {"status --view nosuch", "nodes list --view nosuch",
                                        "views show nosuch"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        expect(words[i], false, 4, "",
               "beatline: view nosuch: not known; beatline views list shows those there are\n");
    expect("status --view=", false, 4, "",
           "beatline: view : not known; beatline views list shows those there are\n");
    expect("status --warning 3", false, 2, "",
           "beatline: status: --warning and --critical go with --check; add it\n");
}

static void bad_words_are_usage_errors(void **state)
{
    (void)state;
    static const struct {
        const char *words, *err;
    } cases[] = {
        {"frob", "beatline: frob: no such command; beatline help lists them\n"},
        {"config", "beatline: config: needs another word; there are: config show, config reload\n"},
        {"config frob", "beatline: config frob: no such command; there are: config show, config reload\n"},
        {"status now",
         "beatline: status: does not take now; usage: beatline status [--check] [--view NAME] [--warning N] "
         "[--critical N]\n"},
        {"status --all", "beatline: status: unknown option --all; usage: beatline status [--check] [--view "
                         "NAME] [--warning N] [--critical N]\n"},
        {"nodes list --stat ok", "beatline: nodes list: unknown option --stat; usage: beatline nodes list "
                                 "[--state S]... [--view VIEW] [--match GLOB] "
                                 "[--limit N]\n"},
        {"nodes list --state up",
         "beatline: nodes list: --state up: no state; there are new, ok, warning, failed, paused, unknown\n"},
        {"nodes list --limit x",
         "beatline: nodes list: --limit x: no whole number from 0 to 18446744073709551615\n"},
        {"nodes list --limit", "beatline: nodes list: nothing follows --limit; usage: beatline nodes list "
                               "[--state S]... [--view VIEW] [--match GLOB] "
                               "[--limit N]\n"},
        {"nodes rm", "beatline: nodes rm: nothing follows nodes rm; usage: beatline nodes rm NAME...\n"},
        {"nodes set a --err 30", "beatline: nodes set: --err \"30\" has no unit; write 30s or 30ms\n"},
        {"nodes set a --warn 20s --err 10s",
         "beatline: nodes set: --warn, 20000 ms, is longer than --err, 10000 "
         "ms; give a shorter --warn or a longer --err\n"},
        {"nodes set a --auto=yes",
         "beatline: nodes set: no value is taken by --auto=yes; usage: beatline "
         "nodes set NAME... [--timeout D] "
         "[--warn D] [--err D] [--retries N] [--detector fixed|auto|phi] [--auto] [--clear] [--create]\n"},
        {"nodes set a", "beatline: nodes set: nothing to set; usage: beatline nodes set NAME... [--timeout "
                        "D] [--warn D] [--err D] "
                        "[--retries N] [--detector fixed|auto|phi] [--auto] [--clear] [--create]\n"},
        {"events -fx", "beatline: events: unknown option -fx; usage: beatline events [-f] [-n N]\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(cases[i].words, false, 2, "", cases[i].err);
    expect("-- nodes rm -j", false, 2, "", "beatline: --: no such command; beatline help lists them\n");
    expect("nodes rm -- -j", false, 4, "",
           "beatline: node -j: no such node; `beatline nodes list` shows those there are\n");
}

static void every_command_explains_itself(void **state)
{
    (void)state;
    static const char *const words[] = {
#define ROW(id, name, usage, help) name,
        BL_COMMANDS(ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char request[64], usage[64];
        snprintf(request, sizeof(request), "%s --help", words[i]);
        snprintf(usage, sizeof(usage), "usage: beatline %s", words[i]);
        struct heard h = ask(request, false);
        assert_int_equal(h.code, 0);
        assert_memory_equal(h.out.data, usage, strlen(usage));
        forget(&h);
    }
}

static void every_figure_is_json_line_by_line(void **state)
{
    (void)state;
    static const char *const words[] = {"stats",       "stats ports",  "stats workers",
                                        "stats sweep", "stats memory", "config show",
                                        "events",      "version",      "nodes list"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct heard h = ask(words[i], true), human = ask(words[i], false);
        assert_int_equal(h.code, 0);
        assert_int_equal(human.code, 0);
        char *rest = h.out.data;
        for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
            json_error_t error;
            json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &error);
            if (!json_is_object(o))
                fail_msg("%s: %s: %s", words[i], error.text, line);
            json_decref(o);
        }
        forget(&h);
        forget(&human);
    }
}

/* Nothing has happened yet: the history is empty. */
static void who_follows_after_a_restart_has_missed_nothing(void **state)
{
    (void)state;
    struct heard h = {.code = -1};
    int fd = dial();
    const char request[] = "{\"argv\":[\"events\",\"-f\"]}\n";

    say(fd, request, sizeof(request) - 1);
    expect("nodes set first --create", false, 0, "first: set\n", "");
    expect("nodes pause first", false, 0, "first: paused\n", "");
    assert_true(hear_frame(fd, &h));
    expect("nodes resume first", false, 0, "first: resumed\n", "");
    assert_true(hear_frame(fd, &h));
    assert_int_equal(h.err.len, 0);
    close(fd);
    forget(&h);
    expect("nodes rm first", false, 0, "first: removed\n", "");
}

static void events_follow_what_happens(void **state)
{
    (void)state;
    struct heard h = {.code = -1};
    int fd = dial();
    const char request[] = "{\"argv\":[\"events\",\"-f\",\"-n\",\"0\"],\"json\":true}\n";

    say(fd, request, sizeof(request) - 1);
    expect("nodes show invoice.mailer --help", false, 0,
           "usage: beatline nodes show NAME...\nall that is known of a node\n", "");
    expect("nodes pause invoice.mailer", false, 0, "invoice.mailer: paused\n", "");
    assert_true(hear_frame(fd, &h));
    bl_text_append(&h.out, "", 1);
    json_error_t error;
    json_t *e = json_loads(h.out.data, 0, &error);
    assert_non_null(e);
    assert_string_equal(json_string_value(json_object_get(e, "kind")), "transition");
    assert_string_equal(json_string_value(json_object_get(e, "name")), "invoice.mailer");
    assert_string_equal(json_string_value(json_object_get(e, "to")), "paused");
    json_decref(e);
    close(fd);
    forget(&h);
    expect("nodes resume invoice.mailer", false, 0, "invoice.mailer: resumed\n", "");
    h = ask("events -n 2", false);
    assert_int_equal(h.code, 0);
    assert_non_null(strstr(h.out.data, "paused   invoice.mailer  was ok, paused"));
    forget(&h);
}

static void reload_tells_how_it_went(void **state)
{
    (void)state;
    expect("config reload", false, 0, "reloaded the defaults: there is no file\n", "");
    expect("config reload", false, 1, "",
           "beatline: config reload: refused, the old config stays in force:\nf.yaml:1:1: x: unknown key\n");
    expect("config reload", false, 0,
           "reloaded the defaults: there is no file\n"
           "needs a restart, until then the old value stays in force: ports, udp_port\n",
           "");
    expect("config reload", true, 0, "{\"reloaded\":null,\"needs_restart\":[\"ports\",\"udp_port\"]}\n", "");
}

static void garbage_is_answered_and_costs_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *request, *why;
    } cases[] = {
        {"\n", "not an object of JSON"},
        {"status\n", "not an object of JSON"},
        {"[]\n", "not an object of JSON"},
        {"{}\n", "no list \"argv\" in it"},
        {"{\"argv\":\"status\"}\n", "no list \"argv\" in it"},
        {"{\"argv\":[1]}\n", "\"argv\" holds something that is no string"},
        {"{\"argv\":[\"a\\u0000b\"]}\n", "not an object of JSON"},
        {"{\"argv\":[\"\xff\"]}\n", "not an object of JSON"},
        {"GET / HTTP/1.1\r\n", "not an object of JSON"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char err[256];
        struct heard h = ask_raw(cases[i].request);
        snprintf(err, sizeof(err), "beatline: request: %s; send one line {\"argv\":[\"status\"]}\n",
                 cases[i].why);
        assert_int_equal(h.code, 2);
        assert_string_equal(h.err.data, err);
        forget(&h);
    }
    struct heard h = ask_raw("{\"argv\":[]}\n");
    assert_int_equal(h.code, 2);
    assert_string_equal(h.err.data, "beatline: no command; beatline help lists them\n");
    forget(&h);
}

static void random_bytes_never_hurt(void **state)
{
    (void)state;
    static const char seeds[][40] = {"{\"argv\":[\"nodes\",\"list\"],\"json\":true}\n",
                                     "{\"argv\":[\"status\"]}\n", "{\"argv\":[\"events\",\"-n\",\"1\"]}\n"};
    unsigned seed = 8127;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 500; round++) {
        char request[40];
        memcpy(request, seeds[rand_r(&seed) % 3], sizeof(request));
        for (int flips = rand_r(&seed) % 4; flips >= 0; flips--)
            request[(size_t)rand_r(&seed) % strlen(seeds[1])] = (char)(rand_r(&seed) >> 5);
        int fd = dial();
        say(fd, request, sizeof(request));
        shutdown(fd, SHUT_WR);
        struct heard h = hear(fd);
        forget(&h);
    }
    nodes_total();
}

static void a_request_over_the_limit_is_refused(void **state)
{
    (void)state;
    char *big = malloc(2 * BL_REQUEST_MAX);
    memset(big, 'x', 2 * BL_REQUEST_MAX);
    int fd = dial();
    say(fd, big, 2 * BL_REQUEST_MAX);
    struct heard h = hear(fd);
    assert_int_equal(h.code, 2);
    assert_string_equal(h.err.data,
                        "beatline: request: over 64 KiB; send one line {\"argv\":[\"status\"]}\n");
    forget(&h);
    free(big);
}

static void a_half_closed_client_is_answered(void **state)
{
    (void)state;
    static const char *const requests[] = {"{\"argv\":[\"version\"]}\n", "{\"argv\":[\"version\"]}"};
    for (size_t i = 0; i < 2; i++) {
        int fd = dial();
        say(fd, requests[i], strlen(requests[i]));
        shutdown(fd, SHUT_WR);
        struct heard h = hear(fd);
        assert_int_equal(h.code, 0);
        assert_string_equal(h.out.data, "beatlined " BL_VERSION "\n");
        forget(&h);
    }
}

static void clients_that_vanish_leave_nothing(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "", "{\"argv\":", "{\"argv\":[\"nodes\",\"list\"]}\n", "{\"argv\":[\"events\",\"-f\"]}\n",
        "{\"argv\":[\"nodes\",\"pause\",\"invoice.mailer\",\"x\",\"y\"]}\n"};
    for (unsigned i = 0; i < 1000; i++) {
        int fd = dial();
        const char *request = requests[i % 5];
        say(fd, request, strlen(request));
        close(fd);
    }
    expect("nodes resume invoice.mailer", false, 0, "invoice.mailer: resumed\n", "");
}

static void a_slow_reader_holds_up_nobody_and_gets_all(void **state)
{
    (void)state;
    int slow = dial();
    const char request[] = "{\"argv\":[\"nodes\",\"list\",\"--match\",\"many.*\"],\"json\":true}\n";
    int small = 4096;

    beat_many(0, MANY_NODES);
    wait_for_nodes(1 + MANY_NODES);
    setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    say(slow, request, sizeof(request) - 1);
    for (int i = 0; i < 20; i++)
        assert_int_equal(nodes_total(), 1 + MANY_NODES);
    struct heard h = hear(slow);
    assert_int_equal(h.code, 0);
    assert_true(h.frames > 10);
    unsigned lines = 0;
    for (const char *s = h.out.data; (s = strchr(s, '\n')) != NULL; s++)
        lines++;
    assert_int_equal(lines, MANY_NODES);
    forget(&h);
    h = ask("nodes list --match many.1?? --limit 7 -j", false);
    lines = 0;
    for (const char *s = h.out.data; (s = strchr(s, '\n')) != NULL; s++)
        lines++;
    assert_int_equal(lines, 7);
    forget(&h);
}

static void clients_over_the_limit_are_told(void **state)
{
    (void)state;
    int fd[64];
    for (unsigned i = 0; i < 64; i++)
        fd[i] = dial();
    int last = dial();
    struct heard h = hear(last);
    assert_int_equal(h.code, 1);
    assert_string_equal(h.err.data, "beatline: the daemon serves 64 clients already; try again later\n");
    forget(&h);
    for (unsigned i = 0; i < 64; i++)
        close(fd[i]);
    nodes_total();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_is_one_object_with_the_fixed_names),
        cmocka_unit_test(who_follows_after_a_restart_has_missed_nothing),
        cmocka_unit_test(a_beat_by_hand_makes_a_node_that_lists_and_shows),
        cmocka_unit_test(names_that_cannot_be_are_told),
        cmocka_unit_test(people_change_nodes),
        cmocka_unit_test(one_missing_name_does_not_stop_the_others),
        cmocka_unit_test(a_view_that_is_not_known_is_told),
        cmocka_unit_test(bad_words_are_usage_errors),
        cmocka_unit_test(every_command_explains_itself),
        cmocka_unit_test(every_figure_is_json_line_by_line),
        cmocka_unit_test(events_follow_what_happens),
        cmocka_unit_test(reload_tells_how_it_went),
        cmocka_unit_test(garbage_is_answered_and_costs_nothing),
        cmocka_unit_test(random_bytes_never_hurt),
        cmocka_unit_test(a_request_over_the_limit_is_refused),
        cmocka_unit_test(a_half_closed_client_is_answered),
        cmocka_unit_test(clients_that_vanish_leave_nothing),
        cmocka_unit_test(a_slow_reader_holds_up_nobody_and_gets_all),
        cmocka_unit_test(clients_over_the_limit_are_told),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
