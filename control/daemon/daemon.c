/* SPDX-License-Identifier: Apache-2.0 */
#include "control/daemon/daemon.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "control/alert/notifier.h"
#include "control/api/server.h"
#include "control/core/core.h"
#include "control/core/key_secret.h"
#include "control/core/memory.h"
#include "control/daemon/restore.h"
#include "control/export/event_log.h"
#include "control/ingest/tcp.h"
#include "control/match/match.h"
#include "control/text/log.h"
#include "dataplane/port/eal.h"
#include "dataplane/worker/worker.h"
#include "engine/base/rcu.h"

#define STOP_GRACE_MS 3000u
/* At the end a worker, a driver that is asked, and one that closes its
 * device are waited for so long; they take milliseconds, a link that is
 * brought down some hundred. */
#define WORKER_STOP_MS 1000u
#define PORT_ANSWER_MS 500u
#define PORTS_CLOSE_MS 4000u
/* The least with room for a piece of lines whenever it is 5/8 full (tcp.h). */
#define API_FIRST_SLOTS 16384u

struct bl_daemon {
    struct bl_config *config;
    const struct bl_config_overrides *overrides;
    struct bl_key_secret secret;
    struct bl_wire_config *wire; /* published to the workers */
    struct bl_port_spec spec[BL_PORTS_MAX];
    struct bl_port *port[BL_PORTS_MAX];
    bool ports_closed;                       /* by the thread that closes them at the end */
    struct bl_worker *worker[BL_TABLES_MAX]; /* the api thread's is the last */
    unsigned worker_count;
    struct bl_memory_arena *arena; /* the registry's */
    struct bl_changes *changes;    /* core -> store; NULL: nothing is kept */
    struct bl_core *core;
    struct bl_store *store;
    struct bl_event_log *event_log;
    struct bl_notifier *notifier;
    struct bl_tcp *tcp;
    struct bl_server *server;
    pthread_mutex_t reload; /* main (SIGHUP) and api thread (config reload) */
};

/* ---- ports and workers ------------------------------------------------------- */

static int first_allowed_cpu(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET((unsigned)cpu, &set))
                return cpu;
    return -1;
}

/* Where the control core runs: as the config says; else, if poll loops
 * take whole CPUs, on the first one, which they avoid. */
static int control_cpu(const struct bl_config *c, bool has_dpdk)
{
    if (c->control_cpu >= 0)
        return c->control_cpu;
    return has_dpdk ? first_allowed_cpu() : -1;
}

/* "0000:01:00.0", or short "01:00.0". */
static bool is_pci_address(const char *device)
{
    size_t address = strspn(device, "0123456789abcdefABCDEF:.");
    return address >= strlen("01:00.0") && device[address] == 0 && strchr(device, ':') &&
           device[address - 2] == '.';
}

static int parse_specs(struct bl_daemon *d, unsigned *lcores, bool *pci, char *err)
{
    *lcores = 0;
    *pci = false;
    for (unsigned i = 0; i < d->config->port_count; i++) {
        int r = bl_port_spec_parse(&d->spec[i], d->config->ports[i], err);
        if (r)
            return r;
        if (d->spec[i].kind != BL_PORT_DPDK)
            continue;
        *lcores += d->spec[i].queues;
        *pci |= is_pci_address(d->spec[i].name);
    }
    bl_port_specs_share(d->spec, d->config->port_count);
    return 0;
}

static int add_worker(struct bl_daemon *d, const struct bl_worker_config *c, char *err)
{
    if (d->worker_count == BL_TABLES_MAX) {
        snprintf(err, BL_ERR_BYTES, "too many queues: at most %u workers in all", BL_TABLES_MAX - 1);
        return -ENOSPC;
    }
    struct bl_worker *w = bl_worker_new(c, d->worker_count, err);
    if (!w)
        return -ENOMEM;
    d->worker[d->worker_count++] = w;
    return 0;
}

static int open_port(struct bl_daemon *d, unsigned i, unsigned *lcore, char *err)
{
    const struct bl_port_spec *s = &d->spec[i];

    d->port[i] = bl_port_open(s, d->config->udp_port, err);
    if (!d->port[i])
        return -EIO;
    for (unsigned q = 0; q < s->queues; q++) {
        struct bl_worker_config c = {
            .port = d->port[i],
            .queue = q,
            .cpu = -1,
            .lcore = s->kind == BL_PORT_DPDK ? (int)bl_eal_worker_lcore((*lcore)++) : -1,
            .wire = d->wire,
            .first_slots = d->config->first_slots,
            .max_nodes = d->config->max_nodes,
        };
        int r = add_worker(d, &c, err);
        if (r)
            return r;
    }
    return 0;
}

static int open_ports(struct bl_daemon *d, const char *program, char *err)
{
    unsigned lcores, lcore = 0;
    bool pci;
    int r = parse_specs(d, &lcores, &pci, err);

    if (r == 0 && lcores) {
        struct bl_eal_config eal = {.program = program,
                                    .extra = d->config->eal,
                                    .workers = lcores,
                                    .pci = pci,
                                    .main_cpu = control_cpu(d->config, true)};
        r = bl_eal_start(&eal, err);
    }
    for (unsigned i = 0; r == 0 && i < d->config->port_count; i++)
        r = open_port(d, i, &lcore, err);
    struct bl_worker_config own = {.queue = 0,
                                   .cpu = -1,
                                   .lcore = -1,
                                   .wire = d->wire,
                                   .first_slots = API_FIRST_SLOTS,
                                   .max_nodes = d->config->max_nodes};
    return r ? r : add_worker(d, &own, err);
}

/* ---- wire config ---------------------------------------------------------------- */

static struct bl_wire_config *wire_config(const struct bl_daemon *d, const struct bl_config *c)
{
    struct bl_wire_config *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->secret = d->secret;
    w->text = bl_text_best();
    w->auth_required = c->auth;
    memcpy(w->auth_key, c->auth_key, sizeof(w->auth_key));
    if (c->reject_unknown && d->core)
        w->known = bl_fleet_registry(bl_core_fleet(d->core));
    return w;
}

/* ---- start ------------------------------------------------------------------------ */

static unsigned pop_notices(void *ctx, struct bl_event *events, unsigned max)
{
    bl_role_assume_notifier(); /* the notifier thread's callback */
    return bl_core_notices(ctx, events, max);
}

static int reload_for_server(void *ctx, char waiting[BL_CONFIG_WAITING_BYTES], char err[BL_ERR_BYTES])
{
    /* Waits for control and reads files: the api thread must not hold a
     * grace period up meanwhile. */
    bl_rcu_offline();
    int r = bl_daemon_reload(ctx, waiting, err);
    bl_rcu_online();
    return r;
}

static int make_core(struct bl_daemon *d, char *err)
{
    bool has_dpdk = bl_eal_started();
    struct bl_core_config cc = {.config = d->config,
                                .worker = d->worker,
                                .worker_count = d->worker_count,
                                .secret = &d->secret,
                                .memory = bl_memory_of_arena(d->arena),
                                .cpu = control_cpu(d->config, has_dpdk)};

    if (d->config->state_dir[0]) {
        cc.changes = d->changes = bl_changes_new();
        if (!d->changes)
            return -ENOMEM;
    }
    struct bl_view_match *match = bl_view_match_new(d->config->views, d->config->view_count, err);
    if (!match)
        return -EINVAL;
    cc.views = bl_view_match_plan(match);
    d->core = bl_core_new(&cc, err);
    if (!d->core)
        return -ENOMEM;
    bl_role_assume_control(); /* before its thread starts */
    struct bl_restore r = {.state_dir = d->config->state_dir,
                           .save_every_ms = d->config->save_every_ms,
                           .core = d->core,
                           .changes = d->changes};
    return bl_restore(&r, &d->store, err);
}

static void daemon_say(void *ctx, const char *text)
{
    bl_core_say(ctx, text);
}

static int make_event_log(struct bl_daemon *d, char *err)
{
    struct bl_event_log_config c = {.path = d->config->event_log_path,
                                    .feed = bl_core_log_feed(d->core),
                                    .say = daemon_say,
                                    .ctx = d->core};
    d->event_log = bl_event_log_new(&c, err);
    return d->event_log ? 0 : -EIO;
}

static int make_parts(struct bl_daemon *d, char *err)
{
    struct timespec ts;
    int r = make_core(d, err);
    if (r == 0)
        r = make_event_log(d, err);
    if (r)
        return r;
    if (d->config->reject_unknown) /* no worker runs yet */
        d->wire->known = bl_fleet_registry(bl_core_fleet(d->core));
    struct bl_notice_source source = {.ctx = d->core, .pop = pop_notices, .fd = bl_core_notifier_fd(d->core)};
    d->notifier = bl_notifier_new(d->config, &source, err);
    if (!d->notifier)
        return -EINVAL;
    d->tcp = bl_tcp_new(&d->config->tcp_listen, d->worker[d->worker_count - 1], err);
    if (!d->tcp)
        return -EIO;
    clock_gettime(CLOCK_REALTIME, &ts);
    struct bl_server_config sc = {.socket_path = d->config->socket_path,
                                  .core = d->core,
                                  .notifier = d->notifier,
                                  .store = d->store,
                                  .event_log = d->event_log,
                                  .memory = d->arena,
                                  .worker = d->worker[d->worker_count - 1],
                                  .tcp = d->tcp,
                                  .config = d->config,
                                  .start_unix_ms = ts.tv_sec * 1000 + ts.tv_nsec / 1000000,
                                  .reload = reload_for_server,
                                  .reload_ctx = d};
    d->server = bl_server_new(&sc, err);
    return d->server ? 0 : -EIO;
}

static int start_threads(struct bl_daemon *d, char *err)
{
    int r = bl_core_start(d->core, err);
    if (r == 0 && d->store)
        r = bl_store_start(d->store, err);
    if (r == 0)
        r = bl_event_log_start(d->event_log, err);
    if (r == 0)
        r = bl_notifier_start(d->notifier, err);
    if (r == 0)
        r = bl_server_start(d->server, err);
    /* All but the api thread's own, which that thread polls. */
    for (unsigned i = 0; r == 0 && i + 1 < d->worker_count; i++)
        r = bl_worker_start(d->worker[i], err);
    return r;
}

static void block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    /* A crash must stay a crash. */
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGABRT);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

/* A connection is an open file, and the usual soft limit is 1024. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void say_ports(const struct bl_daemon *d)
{
    for (unsigned i = 0; i < d->config->port_count; i++) {
        const struct bl_port_spec *s = bl_port_spec_of(d->port[i]);
        bl_log(BL_LOG_INFO, "listening on %s%s", s->text,
               s->ipv6_alone ? "; IPv6 alone: another port has an IPv4 address with its number" : "");
        if (bl_port_note(d->port[i])[0])
            bl_log(BL_LOG_WARNING, "port %s: %s", s->text, bl_port_note(d->port[i]));
    }
}

struct bl_daemon *bl_daemon_start(struct bl_config *config, const struct bl_config_overrides *overrides,
                                  const char *program, char err[BL_ERR_BYTES])
{
    struct bl_daemon *d = calloc(1, sizeof(*d));
    if (!d) {
        snprintf(err, BL_ERR_BYTES, "out of memory");
        bl_config_free(config);
        return NULL;
    }
    d->config = config;
    d->overrides = overrides;
    pthread_mutex_init(&d->reload, NULL);
    bl_log_set_level((enum bl_log_level)config->log_level);
    block_signals();
    raise_file_limit();
    snprintf(err, BL_ERR_BYTES, "no random bytes for the table's secret, or no memory");
    if (bl_key_secret_draw(&d->secret) || !(d->arena = bl_memory_arena_new()) ||
        !(d->wire = wire_config(d, config)) || open_ports(d, program, err) || make_parts(d, err) ||
        start_threads(d, err)) {
        bl_daemon_stop(d);
        return NULL;
    }
    struct bl_tcp_stats tcp;
    say_ports(d);
    for (unsigned i = 0; bl_tcp_stats(d->tcp, i, &tcp); i++)
        bl_log(BL_LOG_INFO, "listening on tcp:%s", tcp.address);
    bl_log(BL_LOG_INFO, "beatlined %s is up; ask it with: beatline -s %s status", BL_VERSION,
           config->socket_path);
    return d;
}

/* ---- run, reload, stop -------------------------------------------------------------- */

/* What cannot change while running keeps the old value, so that `config
 * show` shows what is in force. */
static int keep_fixed(struct bl_config *next, const struct bl_config *old,
                      char waiting[BL_CONFIG_WAITING_BYTES], char *err)
{
    int r = bl_config_keep_fixed(next, old, waiting);
    if (r)
        snprintf(err, BL_ERR_BYTES, "out of memory");
    /* Again: tokens that are gone with addresses that stay. */
    return r ? r : bl_config_load_tokens(next, err);
}

static void publish_wire(struct bl_daemon *d, struct bl_wire_config *next)
{
    for (unsigned i = 0; i < d->worker_count; i++)
        bl_rcu_publish(&d->worker[i]->wire, next);
    d->wire = next;
}

/* What a reload has put out of force. Threads may be reading it. */
struct outgoing {
    struct bl_grace_note note;
    struct bl_config *config;
    struct bl_wire_config *wire;
};

static void free_outgoing(void *p)
{
    struct outgoing *o = p;
    bl_config_free(o->config);
    free(o->wire);
    free(o);
}

/* The matcher of new views, NULL with 0 if they are the old ones. */
static int new_views(const struct bl_daemon *d, const struct bl_config *next, struct bl_view_match **match,
                     char *err)
{
    *match = NULL;
    if (bl_view_configs_are_same(d->config, next))
        return 0;
    *match = bl_view_match_new(next->views, next->view_count, err);
    return *match ? 0 : -EINVAL;
}

/* What may be refused, all or nothing. An event log that ends has its
 * turn after control has told it the last. */
static int open_outputs(struct bl_daemon *d, const struct bl_config *next, char *err)
{
    char ignored[BL_ERR_BYTES];
    int r = next->event_log_path[0] ? bl_event_log_set_path(d->event_log, next->event_log_path, err) : 0;

    if (r)
        return r;
    r = bl_notifier_reconfigure(d->notifier, next, err);
    if (r)
        bl_event_log_set_path(d->event_log, d->config->event_log_path, ignored);
    return r;
}

static int put_in_force(struct bl_daemon *d, struct bl_config *next, char *err)
{
    char ignored[BL_ERR_BYTES];
    struct bl_view_match *match;
    int r = new_views(d, next, &match, err);
    if (r)
        return r;
    struct outgoing *old = calloc(1, sizeof(*old));
    struct bl_wire_config *wire = old ? wire_config(d, next) : NULL;
    if (!wire)
        snprintf(err, BL_ERR_BYTES, "out of memory");
    r = wire ? open_outputs(d, next, err) : -ENOMEM;
    if (r) {
        free(wire);
        free(old);
        bl_view_match_free(match);
        return r;
    }
    *old = (struct outgoing){.config = d->config, .wire = d->wire};
    publish_wire(d, wire);
    bl_core_reconfigure(d->core, next);
    if (!next->event_log_path[0])
        bl_event_log_set_path(d->event_log, "", ignored);
    if (d->store)
        bl_store_set_save_every(d->store, next->save_every_ms);
    if (match) {
        struct bl_views_plan plan = bl_view_match_plan(match);
        bl_core_set_views(d->core, &plan);
    }
    bl_server_config_is(d->server, next);
    bl_log_set_level((enum bl_log_level)next->log_level);
    d->config = next;
    bl_grace_later(bl_core_grace(d->core), &old->note, free_outgoing, old);
    return 0;
}

int bl_daemon_reload(struct bl_daemon *d, char waiting[BL_CONFIG_WAITING_BYTES], char err[BL_ERR_BYTES])
{
    pthread_mutex_lock(&d->reload);
    struct bl_config *next = bl_config_load_with(d->config->file, d->overrides, err);
    int r = next ? 0 : -EINVAL;
    if (next) {
        r = keep_fixed(next, d->config, waiting, err);
        if (r == 0)
            r = put_in_force(d, next, err);
    }
    if (r) {
        bl_log(BL_LOG_ERROR, "reload refused, the old config stays in force: %s", err);
        bl_config_free(next);
    } else {
        char text[BL_NAME_MAX];
        snprintf(text, sizeof(text), "reloaded %.80s%s%.90s", next->file ? next->file : "defaults (no file)",
                 waiting[0] ? "; needs a restart: " : "", waiting);
        bl_log(BL_LOG_INFO, "reloaded %s", next->file ? next->file : "defaults (no file)");
        if (waiting[0])
            bl_log(BL_LOG_WARNING,
                   "reload: a change of %s takes a restart; until then the old value stays in force",
                   waiting);
        bl_core_say(d->core, text);
    }
    pthread_mutex_unlock(&d->reload);
    return r;
}

void bl_daemon_run(struct bl_daemon *d)
{
    char waiting[BL_CONFIG_WAITING_BYTES], err[BL_ERR_BYTES];
    sigset_t wanted;
    int signal_number;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    for (;;) {
        if (sigwait(&wanted, &signal_number))
            continue;
        if (signal_number != SIGHUP)
            break;
        bl_daemon_reload(d, waiting, err);
        bl_event_log_reopen(d->event_log); /* also when the config is not taken: logs are rotated */
    }
    bl_log(BL_LOG_INFO, "stopping on %s", signal_number == SIGINT ? "SIGINT" : "SIGTERM");
}

static uint64_t clock_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* False: one or more do not return. */
static bool stop_workers(struct bl_daemon *d)
{
    uint64_t end_ms = clock_ms() + WORKER_STOP_MS;
    bool all = true;
    for (unsigned i = 0; i < d->worker_count; i++)
        bl_worker_ask_to_end(d->worker[i]);
    for (unsigned i = 0; i < d->worker_count; i++) {
        uint64_t now_ms = clock_ms();
        if (bl_worker_has_ended(d->worker[i], now_ms < end_ms ? (unsigned)(end_ms - now_ms) : 0))
            continue;
        bl_log(BL_LOG_WARNING, "worker %u of port %s does not end; ending without it", i,
               bl_port_spec_of(d->worker[i]->port)->text);
        all = false;
    }
    return all;
}

static void *close_ports(void *ctx)
{
    struct bl_daemon *d = ctx;
    for (unsigned i = 0; i < BL_PORTS_MAX; i++)
        bl_port_close(d->port[i]);
    __atomic_store_n(&d->ports_closed, true, __ATOMIC_RELEASE);
    return NULL;
}

/* On a thread, for a card that died can hold whoever closes it for a
 * minute. False: it does. */
static bool close_ports_in_time(struct bl_daemon *d)
{
    uint64_t end_ms = clock_ms() + PORTS_CLOSE_MS;
    pthread_t thread;
    if (pthread_create(&thread, NULL, close_ports, d) != 0) {
        close_ports(d);
        return true;
    }
    while (!__atomic_load_n(&d->ports_closed, __ATOMIC_ACQUIRE) && clock_ms() < end_ms)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (__atomic_load_n(&d->ports_closed, __ATOMIC_ACQUIRE)) {
        pthread_join(thread, NULL);
        return true;
    }
    bl_eal_break_hush();
    bl_log(BL_LOG_WARNING, "a port's driver does not close its device; ending without that");
    return false;
}

bool bl_daemon_stop(struct bl_daemon *d)
{
    if (!d)
        return true;
    bl_server_stop(d->server);
    bool all_end = stop_workers(d);
    bl_store_stop(d->store);
    bl_event_log_stop(d->event_log);
    bl_core_stop(d->core);
    if (d->store)
        bl_store_save(d->store);
    bl_notifier_stop(d->notifier, STOP_GRACE_MS);
    bl_server_free(d->server);
    bl_tcp_free(d->tcp);
    bl_notifier_free(d->notifier);
    bl_store_free(d->store);
    bl_event_log_free(d->event_log);
    /* What hangs may go on at any moment: nothing that it uses is freed. */
    if ((d->core && !bl_core_ports_end(d->core, PORT_ANSWER_MS)) || !all_end)
        return false;
    bl_core_free(d->core);
    bl_changes_free(d->changes);
    if (d->arena)
        bl_memory_arena_free(d->arena);
    for (unsigned i = 0; i < d->worker_count; i++)
        bl_worker_free(d->worker[i]);
    if (!close_ports_in_time(d))
        return false;
    if (bl_eal_started())
        bl_eal_stop();
    free(d->wire);
    bl_config_free(d->config);
    pthread_mutex_destroy(&d->reload);
    free(d);
    return true;
}
