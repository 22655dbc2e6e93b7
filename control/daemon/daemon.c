/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's life: start, signals, stop. */
#include "control/daemon/daemon.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "control/core/memory.h"
#include "control/daemon/daemon_internal.h"
#include "control/daemon/restore.h"
#include "control/match/match.h"
#include "control/text/log.h"
#include "dataplane/port/eal.h"
#include "engine/base/rcu.h"

#define STOP_GRACE_MS 3000u
/* At the end a driver that is asked is waited for so long; it takes
 * milliseconds, a link that is brought down some hundred. */
#define PORT_ANSWER_MS 500u

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
                                .cpu = bl_daemon_control_cpu(d->config, has_dpdk)};

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
        !(d->wire = bl_daemon_wire_config(d, config)) || bl_daemon_open_ports(d, program, err) ||
        make_parts(d, err) || start_threads(d, err)) {
        bl_daemon_stop(d);
        return NULL;
    }
    struct bl_tcp_stats tcp;
    bl_daemon_say_ports(d);
    for (unsigned i = 0; bl_tcp_stats(d->tcp, i, &tcp); i++)
        bl_log(BL_LOG_INFO, "listening on tcp:%s", tcp.address);
    bl_log(BL_LOG_INFO, "beatlined %s is up; ask it with: beatline -s %s status", BL_VERSION,
           config->socket_path);
    return d;
}

/* ---- run, stop ------------------------------------------------------------------ */

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

bool bl_daemon_stop(struct bl_daemon *d)
{
    if (!d)
        return true;
    bl_server_stop(d->server);
    bool all_end = bl_daemon_stop_workers(d);
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
    if (!bl_daemon_close_ports(d))
        return false;
    if (bl_eal_started())
        bl_eal_stop();
    free(d->wire);
    bl_config_free(d->config);
    pthread_mutex_destroy(&d->reload);
    free(d);
    return true;
}
