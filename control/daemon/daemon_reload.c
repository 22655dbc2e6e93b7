/* SPDX-License-Identifier: Apache-2.0 */
/* What a config puts in force while the daemon runs: the workers' wire
 * config, made at the start too, and the reload. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/daemon/daemon_internal.h"
#include "control/match/match.h"
#include "control/text/log.h"
#include "engine/base/rcu.h"

/* ---- wire config ------------------------------------------------------------- */

struct bl_wire_config *bl_daemon_wire_config(const struct bl_daemon *d, const struct bl_config *c)
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

/* ---- reload ------------------------------------------------------------------ */

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
    struct bl_wire_config *wire = old ? bl_daemon_wire_config(d, next) : NULL;
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
